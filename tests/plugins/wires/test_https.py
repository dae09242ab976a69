"""HTTPS against real servers: the meaning of answers, their time and size, and which certificates count."""

import asyncio
import gzip
import ssl
import time
import zlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from plugins import ConfigurationError, SkolnavError, TemporaryError
from plugins.testing import ManualClock
from plugins.texts import Text
from plugins.wires import FarSide
from plugins.wires.bodies import NotUnpacked, unpacked
from plugins.wires.https import Endpoint, Https, Reply
from plugins.wires.settings import BasicAuth, CertificateAuth, TokenAuth
from tests.peers.tls import Authority
from tests.peers.webhook import Answer, WebhookReceiver, endless, hang, raw, status, then_close

TOKEN = "hemlig-token-1"
FAR_SIDE = FarSide(connector="acme", name=Text("ärendesystemet", "the case system"), settings="to.")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
async def server(authority: Authority) -> AsyncIterator[WebhookReceiver]:
    async with WebhookReceiver(tls=authority.server_context("127.0.0.1")) as running:
        running.answer = status(200, "Content-Type: application/json", body=b"{}")
        yield running


def wire(server: WebhookReceiver, ca_file: Path | None, *, far_side: FarSide = FAR_SIDE, **changes: Any) -> Https:
    given: dict[str, Any] = {
        "url": f"https://127.0.0.1:{server.port}/cases",
        "auth": TokenAuth(token=SecretStr(TOKEN)),
        "ca_file": ca_file,
        "timeout_s": 5,  # a busy machine needs some of it
        "deadline_s": 10,
        "most_bytes": 65_536,
    }
    return Https(Endpoint(**{**given, **changes}), far_side, ManualClock("2026-11-24T08:30"))


async def asked(server: WebhookReceiver, authority: Authority, **changes: Any) -> Reply:
    async with wire(server, authority.file(), **changes) as opened:
        return await opened.ask("GET", "7")


async def failure(server: WebhookReceiver, ca_file: Path | None, within_s: float = 30, **changes: Any) -> SkolnavError:
    """What asking and expecting success raises: in bounded time, without the token or what the server sent."""
    begin = time.monotonic()
    with pytest.raises(SkolnavError) as caught:
        async with wire(server, ca_file, **changes) as opened:
            opened.expect_success(await opened.ask("GET", "7"))
    assert time.monotonic() - begin < within_s
    assert caught.value.__cause__ is None
    assert not any(text in str(caught.value) + caught.value.sv for text in (TOKEN, "secret-of-the-server"))
    assert caught.value.fix
    assert caught.value.sv.startswith("acme: ")
    return caught.value


class TestRequest:
    async def test_it_goes_to_the_path_below_the_url_with_the_token(
        self, server: WebhookReceiver, authority: Authority
    ) -> None:
        async with wire(server, authority.file()) as opened:
            reply = await opened.ask("PUT", "7", query={"a": "b"}, json={"c": 1}, headers={"x-key": "k"})
        (request,) = server.received
        assert (request.method, request.path, request.body) == ("PUT", "/cases/7?a=b", b'{"c":1}')
        assert request.headers["authorization"] == f"Bearer {TOKEN}"
        assert request.headers["x-key"] == "k"
        assert request.headers["user-agent"] == "skolnav-acme"
        assert (reply.status, opened.read_json(reply)) == (200, {})

    async def test_a_name_and_a_password_are_sent_as_basic_in_utf_8(
        self, server: WebhookReceiver, authority: Authority
    ) -> None:
        await asked(server, authority, auth=BasicAuth(username="nämnden", password=SecretStr("lösen:ord")))
        assert server.received[0].headers["authorization"] == "Basic bsOkbW5kZW46bMO2c2VuOm9yZA=="

    async def test_without_a_login_none_is_sent(self, server: WebhookReceiver, authority: Authority) -> None:
        await asked(server, authority, auth=None)
        assert "authorization" not in server.received[0].headers

    async def test_no_proxy_of_the_environment_sees_it(
        self, server: WebhookReceiver, authority: Authority, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
        monkeypatch.setenv("SSL_CERT_FILE", "/nonexistent")
        assert (await asked(server, authority)).status == 200

    async def test_a_refused_token_is_not_tried_again(self, server: WebhookReceiver, authority: Authority) -> None:
        server.answer = status(401)
        assert (await asked(server, authority)).status == 401
        assert len(server.received) == 1


@pytest.mark.parametrize(
    ("code", "kind", "says"),
    [
        (301, ConfigurationError, "http-301"),
        (307, ConfigurationError, "http-307"),
        (400, ConfigurationError, "http-400"),
        (401, ConfigurationError, "login-refused"),
        (403, ConfigurationError, "login-refused"),
        (407, ConfigurationError, "login-refused"),
        (404, ConfigurationError, "http-404"),
        (413, ConfigurationError, "http-413"),
        (422, ConfigurationError, "http-422"),
        (408, TemporaryError, "http-408"),
        (425, TemporaryError, "http-425"),
        (429, TemporaryError, "http-429"),
        (500, TemporaryError, "http-500"),
        (503, TemporaryError, "http-503"),
    ],
)
async def test_each_answer_means_what_happens_next(
    server: WebhookReceiver, authority: Authority, code: int, kind: type, says: str
) -> None:
    server.answer = status(code, "Location: https://127.0.0.1/elsewhere", body=b"secret-of-the-server")
    error = await failure(server, authority.file())
    assert (type(error), error.code) == (kind, says)
    assert str(code) in error.why
    assert str(code) in error.sv
    assert len(server.received) == 1


@pytest.mark.parametrize("code", [401, 301, 404])
async def test_a_source_that_keeps_asking_is_not_paused(
    server: WebhookReceiver, authority: Authority, code: int
) -> None:
    server.answer = status(code)
    patient = FarSide(connector="acme", name=FAR_SIDE.name, keeps_asking=True)
    assert type(await failure(server, authority.file(), far_side=patient)) is TemporaryError


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        (" 86400 ", 86_400.0),
        ("999999999", None),
        ("-30", None),
        ("Tue, 24 Nov 2026 07:31:00 GMT", 60.0),
        ("Mon, 23 Nov 2026 07:31:00 GMT", 0.0),
        ("Fri, 24 Nov 2028 07:31:00 GMT", None),
        ("soon", None),
    ],
)
async def test_when_to_come_again_is_kept_and_bounded(
    server: WebhookReceiver, authority: Authority, header: str, seconds: float | None
) -> None:
    server.answer = status(503, f"Retry-After: {header}")
    error = await failure(server, authority.file())
    assert isinstance(error, TemporaryError)
    assert error.retry_after_s == pytest.approx(seconds, abs=2)


async def test_a_web_page_is_no_answer(server: WebhookReceiver, authority: Authority) -> None:
    server.answer = status(200, "Content-Type: text/html; charset=utf-8", body=b"<html>secret-of-the-server</html>")
    error = await failure(server, authority.file())
    assert (type(error), error.code) == (TemporaryError, "not-json")


@pytest.mark.parametrize(
    ("body", "kind", "code"),
    [
        (b"<html>canary</html>", "application/json", "not-json"),
        (b"canary", "text/plain", "not-json"),
        (b'{"canary": ', "application/json", "cut-off"),
        (b"\xff", "application/json", "cut-off"),
    ],
)
async def test_what_is_no_json_is_not_quoted(
    server: WebhookReceiver, authority: Authority, body: bytes, kind: str, code: str
) -> None:
    server.answer = status(200, f"Content-Type: {kind}", body=body)
    async with wire(server, authority.file()) as opened:
        reply = await opened.ask("GET", "7")
        with pytest.raises(TemporaryError) as caught:
            opened.read_json(reply)
    assert caught.value.code == code
    assert "canary" not in str(caught.value) + caught.value.sv


async def test_a_byte_order_mark_is_passed_over(server: WebhookReceiver, authority: Authority) -> None:
    server.answer = status(200, body=b'\xef\xbb\xbf{"a": 1}')
    async with wire(server, authority.file()) as opened:
        assert opened.read_json(await opened.ask("GET", "7")) == {"a": 1}


async def test_the_far_sides_clock_is_that_of_the_question(server: WebhookReceiver, authority: Authority) -> None:
    server.answer = status(200, "Date: Tue, 24 Nov 2026 07:31:00 GMT")
    date = (await asked(server, authority)).date
    assert date is not None
    assert date.isoformat().startswith("2026-11-24T07:3")
    server.answer = status(200, "Date: yesterday")
    assert (await asked(server, authority)).date is None


HOSTILE: dict[str, tuple[Answer, str]] = {
    "silence": (hang, "slow"),
    "no body": (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n"), "slow"),
    "drip of headers": (endless(b"HTTP/1.1 200 OK\r\n", b"x-more: 1\r\n", 0.1), "slow"),
    "drip of body": (endless(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n", 0.1), "slow"),
    "flood": (
        endless(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1000\r\n" + b"x" * 4096 + b"\r\n"),
        "too-large",
    ),
    "announced flood": (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"), "too-large"),
    "half": (then_close(raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")), "cut-off"),
    "no http": (then_close(raw(b"SSH-2.0-other\r\n")), "cut-off"),
    "packed flood": (
        status(200, "Content-Encoding: gzip", body=gzip.compress(b" " * (64 << 20))),
        "too-large",
    ),
    "packed otherwise": (status(200, "Content-Encoding: br", body=b"secret-of-the-server"), "cut-off"),
    "not packed as it says": (status(200, "Content-Encoding: gzip", body=b"secret-of-the-server"), "cut-off"),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_server_is_left_in_bounded_time(
    server: WebhookReceiver, authority: Authority, name: str
) -> None:
    """Promise 3."""
    server.answer, code = HOSTILE[name]
    limits = {"timeout_s": 1, "deadline_s": 2} if code == "slow" else {}
    error = await failure(server, authority.file(), **limits)
    assert (type(error), error.code) == (TemporaryError, code)


async def test_time_outs_go_by_the_hubs_clock(server: WebhookReceiver, authority: Authority) -> None:
    """Ten minutes of silence take no time in a test."""
    server.answer = hang
    clock = ManualClock("2026-11-24T08:30")
    to = Endpoint(
        url=f"https://127.0.0.1:{server.port}", ca_file=authority.file(), timeout_s=600, deadline_s=900, most_bytes=1024
    )

    async def pass_time() -> None:
        await server.wait_for(1)
        clock.pass_machine(601)

    async with Https(to, FAR_SIDE, clock) as opened:
        with pytest.raises(TemporaryError) as caught:
            await asyncio.gather(opened.ask("GET", ""), pass_time())
    assert caught.value.why == "nothing came for 600 s"


async def test_nobody_listening_is_temporary(server: WebhookReceiver, authority: Authority) -> None:
    await server.vanish()
    error = await failure(server, authority.file())
    assert (type(error), error.code) == (TemporaryError, "unreachable")


async def test_a_name_that_cannot_be_resolved_is_temporary(server: WebhookReceiver, authority: Authority) -> None:
    error = await failure(server, authority.file(), url="https://nowhere.invalid/cases")
    assert (type(error), error.code) == (TemporaryError, "unreachable")
    assert "nowhere" not in str(error)


class TestCertificate:
    """Nothing is sent to a server that is not surely the right one."""

    async def test_of_another_authority(self, server: WebhookReceiver, tmp_path: Path) -> None:
        (tmp_path / "other").mkdir()
        error = await failure(server, Authority(tmp_path / "other").file())
        assert (type(error), error.code) == (ConfigurationError, "certificate")
        assert server.received == []

    async def test_of_nobody_that_this_machine_trusts(self, server: WebhookReceiver) -> None:
        error = await failure(server, None)
        assert (type(error), error.code) == (ConfigurationError, "certificate")

    async def test_for_another_name(self, authority: Authority) -> None:
        async with WebhookReceiver(tls=authority.server_context("cases.example")) as other:
            error = await failure(other, authority.file())
            assert (type(error), error.code) == (ConfigurationError, "certificate")
            assert other.received == []

    async def test_that_has_expired_is_waited_for(self, authority: Authority) -> None:
        """Its owner renews it: nothing needs to be changed here."""
        async with WebhookReceiver(tls=authority.server_context("127.0.0.1", expired=True)) as other:
            error = await failure(other, authority.file())
            assert (type(error), error.code) == (TemporaryError, "certificate")
            assert "has expired" in error.why
            assert other.received == []

    @pytest.mark.parametrize(
        ("answer", "code"), [(b"HTTP/1.1 400 Bad Request\r\n\r\n", "certificate"), (b"", "unreachable")]
    )
    async def test_a_server_without_tls_is_told_as_one_and_one_that_hangs_up_is_not(
        self, authority: Authority, answer: bytes, code: str
    ) -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(answer)
            writer.close()

        server = WebhookReceiver()
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
            server.port = listening.sockets[0].getsockname()[1]
            error = await failure(server, authority.file())
        assert (type(error), error.code) == (TemporaryError, code)
        assert ("speaks no TLS" in error.why) is (code == "certificate")

    @pytest.mark.parametrize("content", [None, b"", b"no certificate"])
    async def test_authorities_that_are_none(
        self, server: WebhookReceiver, tmp_path: Path, content: bytes | None
    ) -> None:
        file = tmp_path / "ca.pem"
        if content is not None:
            file.write_bytes(content)
        error = await failure(server, file)
        assert (type(error), error.code) == (ConfigurationError, "ca-file")
        assert error.what == "acme: to.ca_file can't be read as certificates"

    async def test_a_client_certificate_lets_the_hub_in(self, authority: Authority) -> None:
        context = authority.server_context("127.0.0.1")
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(authority.file())
        certificate, key = authority.identity("hub")
        async with WebhookReceiver(tls=context) as strict:
            strict.answer = status(200)
            reply = await asked(strict, authority, auth=CertificateAuth(certificate=certificate, key=key))
            assert reply.status == 200
            error = await failure(strict, authority.file())
            assert type(error) is TemporaryError
            assert len(strict.received) == 1

    async def test_a_client_certificate_that_is_gone_is_for_a_person(
        self, server: WebhookReceiver, authority: Authority
    ) -> None:
        certificate, key = authority.identity("hub")
        auth = CertificateAuth(certificate=certificate, key=key)
        key.unlink()
        error = await failure(server, authority.file(), auth=auth)
        assert (type(error), error.code) == (ConfigurationError, "client-certificate")


async def sizes(body: bytes, encoding: str) -> list[int]:
    """The sizes of the pieces in which a body comes, unpacked."""
    async with WebhookReceiver() as server:
        server.answer = status(200, f"Content-Encoding: {encoding}", body=body)
        async with httpx.AsyncClient() as http, http.stream("GET", server.url) as answer:
            return [len(piece) async for piece in unpacked(answer)]


@pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
async def test_a_packed_answer_never_takes_more_than_a_part_at_a_time(
    encoding: str, pack: Callable[[bytes], bytes]
) -> None:
    whole = b" " * (64 << 20)
    found = await sizes(pack(whole), encoding)
    assert sum(found) == len(whole)
    assert max(found) <= 256 << 10


async def test_what_is_not_packed_as_it_says_is_refused() -> None:
    for body, encoding in ((b"{}", "gzip"), (b"{}", "br")):
        with pytest.raises(NotUnpacked):
            await sizes(body, encoding)
