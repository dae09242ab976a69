"""A client that offers to upgrade the connection is answered as if it had not (RFC 9110, 7.8): its body stays."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from schemas.event import BATCH, STRUCTURED
from tests.hub.api.doors import FEEDER, OPERATOR, READER, Served, answer, ends, request, serving
from tests.hub.api.school import absence, closed_day

H2C = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA")
WEBSOCKET = ("Connection: keep-alive, Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
             "Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==")  # fmt: skip
OTHER = ("Connection: upgrade", "Upgrade: TLS/1.3, irc/6.9")


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(tmp_path) as served:
        yield served


def program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"needs {name} on this machine")
    return found


async def run(*command: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    said, complained = await process.communicate()
    assert process.returncode == 0, complained.decode()
    return said.decode()


def body(*days: int) -> bytes:
    return b"[" + b",".join(closed_day(day).to_json() for day in days) + b"]"


@pytest.mark.parametrize("offer", [H2C, WEBSOCKET, OTHER], ids=["h2c", "websocket", "other"])
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
@pytest.mark.parametrize("parts", [1, 2, 7], ids=["whole", "halves", "sevenths"])
async def test_the_body_is_kept_however_it_arrives(
    served: Served, offer: Sequence[str], chunked: bool, parts: int
) -> None:
    content = body(1)
    if chunked:
        sent = request("POST", "/v1/events", FEEDER, f"Content-Type: {BATCH}", "Transfer-Encoding: chunked", *offer)
        sent += b"5\r\n%b\r\n%x\r\n%b\r\n0\r\n\r\n" % (content[:5], len(content) - 5, content[5:])
    else:
        sent = request("POST", "/v1/events", FEEDER, f"Content-Type: {BATCH}", *offer, body=content)
    size = -(-len(sent) // parts)
    said = await served.says(*(sent[at : at + size] for at in range(0, len(sent), size)))
    assert (said.status, json.loads(said.body)["accepted"]) == (202, 1)


@pytest.mark.parametrize(
    ("method", "path", "token", "sent", "status"),
    [
        ("GET", "/healthz", "", b"", 200),
        ("GET", "/metrics", OPERATOR, b"", 200),
        (
            "POST",
            "/oauth/token",
            "",
            b"grant_type=client_credentials&client_id=reader&client_secret=" + READER.encode(),
            200,
        ),
        (
            "POST",
            "/v1/subscriptions",
            READER,
            b'{"name": "f", "types": ["se.skolnav.absence.*"], "sink": {"kind": "feed"}}',
            201,
        ),
        ("POST", "/connectors/echo/a", "", b"word", 200),
        ("POST", "/ss12000/v2.0/persons/lookup", READER, b'{"ids": []}', 200),
        ("DELETE", "/healthz", "", b"", 405),
    ],
)
async def test_every_route_answers_as_without_the_offer(
    served: Served, method: str, path: str, token: str, sent: bytes, status: int
) -> None:
    kind = "application/x-www-form-urlencoded" if path == "/oauth/token" else "application/json"
    said = await served.asks(method, path, token, f"Content-Type: {kind}", *H2C, body=sent)
    assert said.status == status
    if path.startswith("/connectors/"):
        assert said.body == b"POST word"


async def test_the_connection_goes_on_with_requests_that_offer_and_those_that_do_not(served: Served) -> None:
    reader, writer = await served.open()
    offering = request("POST", "/connectors/echo/a", "", *H2C, body=b"first")
    plain = request("POST", "/connectors/echo/a", "", body=b"second")
    writer.write(offering + plain + request("GET", "/connectors/echo/b", "", *WEBSOCKET) + plain + offering)
    said = [(await answer(reader)).body for _ in range(5)]
    assert said == [b"POST first", b"POST second", b"GET ", b"POST second", b"POST first"]
    writer.write(b"no http\r\n\r\n")
    assert (await answer(reader)).status == 400
    assert await ends(reader) == b""
    writer.close()


async def test_the_local_socket_keeps_the_body_too(served: Served) -> None:
    reader, writer = await asyncio.open_unix_connection(str(served.servers.socket_path))
    writer.write(request("POST", "/v1/events", FEEDER, f"Content-Type: {BATCH}", *H2C, body=body(2)))
    assert (await answer(reader)).status == 202
    writer.close()


async def test_curl_with_http2_publishes(served: Served, tmp_path: Path) -> None:
    file = tmp_path / "event.json"
    file.write_bytes(closed_day(3).to_json())
    common = [program("curl"), "--http2", "-sS", "-w", "%{http_code} %{http_version}", "-o", "/dev/null"]
    for path, token, kind, status in (
        ("/v1/events", FEEDER, STRUCTURED, "202"),
        ("/connectors/echo/x", "", "text/plain", "200"),
        ("/v1/subscriptions", READER, "application/json", "422"),  # it is read, and is no subscription
    ):
        said = await run(
            *common,
            "-H",
            f"Authorization: Bearer {token}",
            "-H",
            f"Content-Type: {kind}",
            "-H",
            "Expect:",
            "--data-binary",
            f"@{file}",
            served.url + path,
        )
        assert said == f"{status} 1.1"
    assert await run(*common, served.url + "/healthz") == "200 1.1"


async def test_a_stock_jdk_client_publishes(served: Served, tmp_path: Path) -> None:
    """Its `HttpClient` offers h2c with the first request on each connection."""
    program("javac")
    one, batch, large = tmp_path / "one.json", tmp_path / "batch.json", tmp_path / "large.json"
    one.write_bytes(closed_day(4).to_json())
    batch.write_bytes(body(5, 6))
    large.write_bytes(b"[" + b",".join(absence(n, n).to_json() for n in range(600)) + b"]")
    said = await run(
        program("java"),
        "-Xshare:auto",
        "-XX:TieredStopAtLevel=1",
        str(Path(__file__).with_name("Posting.java")),
        "POST",
        FEEDER,
        STRUCTURED,
        str(one),
        served.url + "/v1/events",
        "CHUNKED",
        FEEDER,
        BATCH,
        str(batch),
        served.url + "/v1/events",
        "POST",
        FEEDER,
        BATCH,
        str(large),
        served.url + "/v1/events",
        "GET",
        OPERATOR,
        "",
        "/dev/null",
        served.url + "/metrics",
        "PUT",
        OPERATOR,
        "text/plain",
        str(one),
        served.url + "/connectors/echo/x",
    )
    told = [line for line in said.splitlines() if line[:3].isdigit()]
    assert [line[:3] for line in told] == ["202", "202", "202", "200"] + ["200"] * 11
    assert '"accepted":600' in told[2]
    assert told[4] == "200 PUT " + closed_day(4).to_json().decode()
