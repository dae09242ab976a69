"""Heads that HTTP/1.1 forbids, codings that nobody here understands, and the methods that each path has."""

import json
from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime
from ipaddress import ip_network
from pathlib import Path

import pytest

from hub.api.limits import MAX_HEAD, MAX_TARGET
from schemas.event import BATCH
from tests.hub.api.doors import FEEDER, OPERATOR, READER, Served, answer, ends, request, serving
from tests.hub.api.school import closed_day


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(tmp_path) as served:
        yield served


def head(*lines: str) -> bytes:
    return "\r\n".join([*lines, "", ""]).encode()


@pytest.mark.parametrize("path", ["/healthz", "/v1/events", "/connectors/echo/x", "/ss12000/v2.0/persons", "/nothing"])
@pytest.mark.parametrize(
    "hosts",
    [
        [],
        ["Host: hub", "Host: hub"],
        ["Host: a", "Host: b"],
        ["Host:"],
        ["Host: a b"],
        ["Host: a,b"],
        ["Host: hub/x"],
        ["Host: user@hub"],
        ["Host: hub:http"],
        ["Host: [::1"],
        ["Host: h\u00f6bb"],
        ["Host: hub:80:80"],
    ],
    ids=lambda hosts: "+".join(hosts) or "none",
)
async def test_exactly_one_readable_host_is_needed(served: Served, path: str, hosts: list[str]) -> None:
    """RFC 9112, 3.2."""
    said = await served.says(head(f"POST {path} HTTP/1.1", *hosts, "Content-Length: 0"))
    assert (said.status, json.loads(said.body)["type"]) == (400, "urn:skolnav:problem:invalid-request")
    assert "Host" in json.loads(said.body)["detail"]


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (["GET /healthz HTTP/1.1"], 400),
        (["GET /" + "x" * MAX_TARGET + " HTTP/1.1", "Host: hub"], 414),
        (["GET /healthz HTTP/1.1", "Host: hub", "X: " + "x" * MAX_HEAD], 431),
        (["BREW /healthz HTTP/1.1", "Host: hub"], 501),
    ],
    ids=["400", "414", "431", "501"],
)
async def test_a_refusal_of_the_connection_itself_has_a_date(served: Served, lines: list[str], status: int) -> None:
    """RFC 9110, 6.6.1."""
    said = await served.says(head(*lines))
    assert said.status == status
    assert said.headers["date"].endswith(" gmt")
    assert parsedate_to_datetime(said.headers["date"]).tzinfo is not None


@pytest.mark.parametrize(
    "lines",
    [
        ["GET /healthz HTTP/1.1", "Host: [2001:db8::1]:8080"],
        ["GET /healthz HTTP/1.1", "host: hub.example.se:443"],
        ["GET /healthz HTTP/1.1", "Host: 192.0.2.1"],
        ["GET /healthz HTTP/1.1", "Host: hub_1:"],
        ["GET http://other/healthz HTTP/1.1", "Host: hub"],
        ["GET /healthz HTTP/1.0"],
        ["GET /healthz HTTP/1.0", "Host: hub"],
    ],
)
async def test_other_hosts_are_answered(served: Served, lines: list[str]) -> None:
    assert (await served.says(head(*lines))).status == 200


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        (["Transfer-Encoding: gzip, chunked"], 501),
        (["Transfer-Encoding: gzip", "Transfer-Encoding: chunked"], 501),
        (["Transfer-Encoding: chunked, gzip"], 400),
        (["Transfer-Encoding: gzip"], 501),
        (["Transfer-Encoding: identity"], 501),
        (["Transfer-Encoding: chunked, chunked"], 400),
        (["Transfer-Encoding:"], 400),
        (["Transfer-Encoding: chunked", "Content-Length: 5"], 400),
        (["Content-Length: 5", "Transfer-Encoding: chunked"], 400),
        (["Content-Length: 5", "Content-Length: 6"], 400),
        (["Content-Length: 5, 5"], 400),
        (["Content-Length: -5"], 400),
        (["Transfer-Encoding : chunked"], 400),
        (["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"], 400),
    ],
)
@pytest.mark.parametrize("path", ["/v1/events", "/connectors/echo/x", "/healthz"])
async def test_a_body_whose_framing_is_unclear_is_refused_and_the_connection_ends(
    served: Served, path: str, fields: list[str], status: int
) -> None:
    """RFC 9112, 6: what follows such a head could be taken for another request."""
    reader, writer = await served.open()
    writer.write(
        head(f"POST {path} HTTP/1.1", "Host: hub", *fields) + b"5\r\nhello\r\n0\r\n\r\n" + request("GET", "/healthz")
    )
    said = await answer(reader)
    assert (said.status, said.headers["content-type"]) == (status, "application/problem+json")
    assert await ends(reader) == b""
    writer.close()


async def test_a_chunked_body_of_http_1_0_is_refused_and_case_does_not_matter(served: Served) -> None:
    chunks = b"5\r\nhello\r\n0\r\n\r\n"
    old = head("POST /connectors/echo/x HTTP/1.0", "Host: hub", "Transfer-Encoding: chunked") + chunks
    assert (await served.says(old)).status == 400
    said = await served.says(
        head("POST /connectors/echo/x HTTP/1.1", "Host: hub", "Transfer-Encoding: CHUNKED") + chunks
    )
    assert (said.status, said.body) == (200, b"POST hello")


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate, gzip", "identity, gzip", "x-unknown"])
@pytest.mark.parametrize(
    ("method", "path", "token"),
    [
        ("POST", "/v1/events", FEEDER),
        ("POST", "/v1/subscriptions", READER),
        ("POST", "/oauth/token", ""),
    ],
)
async def test_a_compressed_body_is_415_and_the_answer_names_what_is_accepted(
    served: Served, method: str, path: str, token: str, coding: str
) -> None:
    said = await served.asks(method, path, token, f"Content-Encoding: {coding}", body=b"\x1f\x8b")
    assert (said.status, said.headers["accept-encoding"]) == (415, "identity")
    assert json.loads(said.body)["type"] == "urn:skolnav:problem:media-type"


async def test_a_second_coding_does_not_hide_behind_the_first(served: Served) -> None:
    twice = ["Content-Encoding: gzip", "Content-Encoding: identity"]
    assert (await served.asks("POST", "/v1/events", FEEDER, *twice, body=b"x")).status == 415
    said = await served.asks("POST", "/ss12000/v2.0/persons/lookup", READER, twice[0], body=b"x")
    assert (said.status, said.headers["accept-encoding"]) == (415, "identity")


async def test_an_uncompressed_body_may_say_so_and_a_connector_reads_any(served: Served) -> None:
    batch = b"[" + closed_day(1).to_json() + b"]"
    said = await served.asks(
        "POST", "/v1/events", FEEDER, f"Content-Type: {BATCH}", "Content-Encoding: identity", body=batch
    )
    assert said.status == 202
    said = await served.asks("POST", "/connectors/echo/x", "", "Content-Encoding: gzip", body=b"\x1f\x8b")
    assert (said.status, said.body) == (200, b"POST \x1f\x8b")


# -- methods -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "token"),
    [
        ("/healthz", ""),
        ("/readyz", OPERATOR),
        ("/metrics", OPERATOR),
        ("/v1/catalogue", ""),
        ("/openapi.json", ""),
        ("/asyncapi.json", ""),
        ("/v1/catalogue/se.skolnav.absence.reported.v1", ""),
        ("/v1/subscriptions", READER),
        ("/v1/subscriptions/feed", READER),
        ("/v1/subscriptions/feed/events", READER),
        ("/v1/subscriptions/stream/stream", READER),
        ("/v1/operator/status", OPERATOR),
        ("/connectors/echo/x", ""),
        ("/ss12000/v2.0/organisations", READER),
        ("/nothing", ""),
        ("/metrics", READER),
    ],
)
async def test_head_is_get_without_the_body(served: Served, path: str, token: str) -> None:
    reader, writer = await served.open()
    writer.write(request("HEAD", path, token))
    said = await answer(reader, of_head=True)
    writer.write(request("GET", path, token))
    got = await answer(reader, of_head=True)
    writer.close()
    assert said.status == got.status
    own = {
        "date",
        "content-length",
        "link",
        "transfer-encoding",
    }  # a feed's cursor and the metrics are new in each answer
    assert {n: v for n, v in said.headers.items() if n not in own} == {
        n: v for n, v in got.headers.items() if n not in own
    }
    assert said.headers.keys() <= got.headers.keys() | own


async def test_head_of_a_stream_ends_it(served: Served) -> None:
    reader, writer = await served.open()
    writer.write(request("HEAD", "/v1/subscriptions/stream/stream", READER) + request("GET", "/healthz"))
    assert (await answer(reader, of_head=True)).headers["content-type"] == "text/event-stream"
    assert (await answer(reader)).body == b'{"status":"live"}'
    writer.close()


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "/v1/events", {"POST"}),
        ("HEAD", "/v1/events", {"POST"}),
        ("POST", "/healthz", {"GET", "HEAD"}),
        ("PUT", "/v1/subscriptions", {"GET", "HEAD", "POST"}),
        ("PUT", "/v1/subscriptions/feed", {"GET", "HEAD", "PATCH", "DELETE"}),
        ("PROPFIND", "/v1/subscriptions/feed", {"GET", "HEAD", "PATCH", "DELETE"}),
        ("HEAD", "/oauth/token", {"POST"}),
        ("OPTIONS", "/v1/catalogue", {"GET", "HEAD"}),
        ("TRACE", "/metrics", {"GET", "HEAD"}),
        ("PUT", "/v1/state/person/x", {"GET"}),
    ],
)
async def test_another_method_is_405_with_all_that_are_allowed(
    served: Served, method: str, path: str, allow: set[str]
) -> None:
    reader, writer = await served.open()
    writer.write(request(method, path))
    said = await answer(reader, of_head=method == "HEAD")
    writer.close()
    assert (said.status, set(said.headers["allow"].upper().split(", "))) == (405, allow)
    assert said.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("method", ["BREW", "M-GET", "GETS"])
async def test_an_unknown_method_is_501(served: Served, method: str) -> None:
    """RFC 9110, 9.1."""
    said = await served.says(request(method, "/healthz"))
    assert (said.status, json.loads(said.body)["type"]) == (501, "urn:skolnav:problem:not-implemented")


# -- behind a proxy ----------------------------------------------------------------------------------------------


@pytest.fixture
def slow_refill(monkeypatch: pytest.MonkeyPatch) -> None:
    """A caller that has called too often stays limited for the whole test."""
    monkeypatch.setattr("hub.api.inbound.PER_S", 0.001)


async def limited_for(served: Served, *fields: str) -> bool:
    """Whether the caller of this request has called too often."""
    said = await served.asks("GET", "/connectors/echo/x", "", *fields)
    assert said.status in (200, 429)
    return said.status == 429


async def use_up(served: Served, *fields: str) -> None:
    reader, writer = await served.open()
    writer.write(request("GET", "/connectors/echo/x", "", *fields) * 101)
    assert [(await answer(reader)).status for _ in range(101)][-1] == 429
    writer.close()


async def test_callers_behind_a_trusted_proxy_are_limited_each_by_itself(slow_refill: None, tmp_path: Path) -> None:
    async with serving(tmp_path, trusted_proxies=(ip_network("127.0.0.0/8"), ip_network("10.0.0.0/8"))) as served:
        await use_up(served, "X-Forwarded-For: 192.0.2.1")
        assert await limited_for(served, "X-Forwarded-For: 198.51.100.7, 192.0.2.1, 10.0.0.1"), (
            "what comes before is made up"
        )
        assert await limited_for(served, 'Forwarded: for="192.0.2.1:4711";proto=https, for=10.1.1.1')
        assert not await limited_for(served, "X-Forwarded-For: 192.0.2.2")
        assert not await limited_for(served)


async def test_a_caller_that_is_no_trusted_proxy_can_not_name_another_address(
    slow_refill: None, served: Served
) -> None:
    await use_up(served, "X-Forwarded-For: 192.0.2.1")
    assert await limited_for(served, "X-Forwarded-For: 192.0.2.2")
    assert await limited_for(served, "Forwarded: for=192.0.2.3")
