"""What a school system can do wrong: each is told clearly and once, and nothing is lost or invented by it."""

import datetime as dt
import gzip
import json
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from connectors.ss12000.connector import Ss12000
from plugins import TemporaryError
from plugins.testing import open_hub
from tests.connectors.ss12000.conftest import Pulled, kinds
from tests.connectors.ss12000.records import school
from tests.peers.sis import TOKEN, Made, Query, Reply, serving
from tests.peers.tls import Authority

Fault = Callable[[str, Query], Reply | None]
HTML = b"<!doctype html><html><body>canary: Inloggning</body></html>"
JSON_PAGE = json.dumps({"data": school()["persons"][:9], "pageToken": None}).encode()


def on(resource: str, reply: Callable[[], Reply]) -> Fault:
    return lambda path, query: reply() if path == f"/v2.0/{resource}" else None


def endless() -> Fault:
    """Each page has a new token and the same records."""
    count = iter(range(10**9))

    def fault(path: str, query: Query) -> Reply | None:
        if path != "/v2.0/groups":
            return None
        return Reply(200, {"data": school()["groups"], "pageToken": f"page-{next(count)}"})

    return fault


def huge() -> Iterator[bytes]:
    yield b'{"data": ["'
    for _ in range(1024):
        yield b"x" * 1024 * 1024


ALONE: dict[str, tuple[Fault, str]] = {
    "500": (on("groups", lambda: Reply(500, raw=b"canary stack trace")), "failing"),
    "html": (on("groups", lambda: Reply(200, raw=HTML, headers={"Content-Type": "text/html"})), "not-json"),
    "html-called-json": (on("groups", lambda: Reply(200, raw=HTML)), "not-json"),
    "half-a-page": (on("groups", lambda: Reply(200, raw=JSON_PAGE[:200], declared=len(JSON_PAGE))), "cut-off"),
    "half-a-page-well-counted": (on("groups", lambda: Reply(200, raw=JSON_PAGE[:200])), "cut-off"),
    "endless": (endless(), "endless"),
    "a-circle": (on("groups", lambda: Reply(200, {"data": school()["groups"], "pageToken": "again"})), "endless"),
    "no-list": (on("groups", lambda: Reply(200, {"data": {"canary": 1}})), "wrong-shape"),
    "a-bare-list": (on("groups", lambda: Reply(200, school()["groups"])), "wrong-shape"),
    "token-of-another-kind": (on("groups", lambda: Reply(200, {"data": [], "pageToken": {}})), "wrong-shape"),
    "redirect": (on("groups", lambda: Reply(302, raw=b"", headers={"Location": "/canary"})), "redirect"),
    "too-large": (on("groups", lambda: Reply(200, stream=huge)), "too-large"),
    "announced-too-large": (on("groups", lambda: Reply(200, raw=b"{}", declared=1 << 30)), "too-large"),
    "packed-too-large": (
        on("groups", lambda: Reply(200, raw=gzip.compress(b" " * (64 << 20)), headers={"Content-Encoding": "gzip"})),
        "too-large",
    ),
    "forbidden": (on("groups", lambda: Reply(403, {"code": "x", "message": "canary"})), "refused"),
    "not-there-any-more": (on("groups", lambda: Reply(404, raw=b"")), "not-there"),
    "no-content": (on("groups", lambda: Reply(204, raw=b"")), "wrong-shape"),
}  # fmt: skip


@pytest.mark.parametrize("name", ALONE)
async def test_one_bad_list_is_told_once_and_changes_nothing(hub: Pulled, sis: Made, name: str) -> None:
    await hub.news()
    currents = await hub.currents()
    fault, code = ALONE[name]
    sis.faults.append(fault)
    sis.records["calendarEvents"][0]["cancelled"] = True
    news = await hub.poll()
    assert kinds(news) == {"schedule.lesson.cancelled": 1}, "what is read well is told all the same"
    (said,) = hub.problems(code)
    assert "groups" in said
    assert "last complete pull: 2026-" in said
    assert "canary" not in said + hub.hub.logs()
    assert await hub.currents() == currents
    assert await hub.hub.status("ss12000") == "running"
    sis.faults.clear()
    assert await hub.poll() == []
    assert await hub.currents() == currents + 1


ALL: dict[str, tuple[Fault, str]] = {
    "busy": (lambda path, query: Reply(429, raw=b"", headers={"Retry-After": "900"}), "busy"),
    "away-for-a-while": (lambda path, query: Reply(503, raw=b"", headers={"Retry-After": "900"}), "busy"),
    "login-refused": (lambda path, query: Reply(401, {"detail": "canary"}), "login-refused"),
    "silent": (lambda path, query: Reply(200, stream=drip), "slow"),
}


def drip() -> Iterator[bytes]:
    """A byte now and then, so that no read is ever late, but the whole never comes."""
    import time

    end = time.monotonic() + 20
    while time.monotonic() < end:
        yield b" "
        time.sleep(0.2)


@pytest.mark.parametrize("name", ALL)
async def test_a_supplier_that_does_not_serve_is_asked_no_more_for_now(hub: Pulled, sis: Made, name: str) -> None:
    await hub.news()
    fault, code = ALL[name]
    sis.faults.append(fault)
    asked = len(sis.asked)
    assert await hub.poll() == []
    assert set(sis.paths()[asked:]) == {"/v2.0/organisations"}
    assert len(hub.problems(code)) == 1
    assert "canary" not in hub.hub.logs()
    assert TOKEN not in hub.hub.logs()
    sis.faults.clear()
    assert await hub.poll() == []


async def test_a_supplier_that_is_gone_is_told(config: dict[str, Any]) -> None:
    with serving(Made()) as gone:
        address = gone.url
    async with open_hub() as opened:
        await opened.add(Ss12000, {**config, "base_url": f"{address}/v2.0"})
        assert Pulled(opened).problems("unreachable")
        assert await opened.status("ss12000") == "running"


async def test_a_busy_supplier_is_waited_for(hub: Pulled, sis: Made) -> None:
    await hub.news()
    times = iter(range(3))
    sis.faults.append(
        lambda path, query: Reply(429, raw=b"", headers={"Retry-After": "0"}) if next(times, None) is not None else None
    )
    assert await hub.poll() == []
    assert hub.problems("busy") == []
    assert next(times, None) is None


async def test_a_failure_that_passes_is_asked_once_more(hub: Pulled, sis: Made) -> None:
    await hub.news()
    times = iter(range(1))
    sis.faults.append(lambda path, query: Reply(502, raw=b"") if next(times, None) is not None else None)
    assert await hub.poll() == []
    assert hub.problems("failing") == []


@pytest.mark.parametrize("status", [400, 410])
async def test_a_page_token_that_ran_out_begins_that_list_again(config: dict[str, Any], sis: Made, status: int) -> None:
    sis.page = 10
    times = iter(range(1))

    def expire(path: str, query: Query) -> Reply | None:
        if path == "/v2.0/persons" and "pageToken" in query and len(sis.paths()) > 3 and next(times, None) is not None:
            return Reply(status, {"code": "expired", "message": ""})
        return None

    sis.faults.append(expire)
    async with open_hub("2026-11-24T07:30") as opened:
        await opened.add(Ss12000, config)
        assert kinds(await Pulled(opened).news())["directory.person.upserted"] == 31
        assert next(times, None) is None


async def test_a_supplier_that_wants_its_filters_again_gets_them(config: dict[str, Any], sis: Made) -> None:
    sis.page = 3
    sis.refuse_bare_token = True
    async with open_hub("2026-11-24T07:30") as opened:
        sis.records = {
            "persons": sis.records["persons"][:3],
            "organisations": [],
            "calendarEvents": sis.records["calendarEvents"],
        }
        await opened.add(Ss12000, config)
        assert kinds(await Pulled(opened).news())["schedule.lesson.scheduled"] == 8
    paged = [query for path, query in sis.asked if path.endswith("/calendarEvents") and "pageToken" in query]
    assert any("startTime.onOrAfter" in query for query in paged)


async def test_the_standard_gets_a_page_token_alone(config: dict[str, Any], sis: Made) -> None:
    sis.page = 3
    async with open_hub("2026-11-24T07:30") as opened:
        await opened.add(Ss12000, config)
        assert kinds(await Pulled(opened).news())["schedule.lesson.scheduled"] == 8
    paged = [query for _, query in sis.asked if "pageToken" in query]
    assert paged
    assert {frozenset(query) for query in paged} == {frozenset({"limit", "pageToken"})}


async def test_an_offset_for_a_token_is_never_sent_without_its_filters(config: dict[str, Any], sis: Made) -> None:
    """It would count through the whole list, and changes would be missed without a word."""
    sis.faults.append(
        lambda path, query: Reply(200, {"data": [sis.records["absences"][0]], "pageToken": "1"})
        if path == "/v2.0/absences" and "pageToken" not in query else None
    )  # fmt: skip
    async with open_hub("2026-11-24T07:30") as opened:
        await opened.add(Ss12000, config)
    (query,) = [query for path, query in sis.asked if path == "/v2.0/absences" and "pageToken" in query]
    assert "endTime.onOrAfter" in query


async def test_an_access_token_that_ran_out_is_renewed(config: dict[str, Any], sis: Made) -> None:
    auth = {"login_url": f"{sis.url}/token", "client_id": "hub", "client_secret": "hub-secret"}
    async with open_hub("2026-11-24T07:30") as opened:
        await opened.add(Ss12000, {**config, "auth": auth})
        hub = Pulled(opened)
        assert kinds(await hub.news())["directory.person.upserted"] == 31
        sis.tokens = {"nothing"}
        opened.clock.pass_machine(1800)
        assert await hub.poll() == []
        assert hub.problems("login-refused") == []


async def test_a_refused_secret_is_told_and_not_repeated_in_any_line(config: dict[str, Any], sis: Made) -> None:
    auth = {"login_url": f"{sis.url}/token", "client_id": "hub", "client_secret": "canary-secret"}
    async with open_hub("2026-11-24T07:30") as opened:
        await opened.add(Ss12000, {**config, "auth": auth})
        assert len(Pulled(opened).problems("login-refused")) == 1
        assert "canary-secret" not in opened.logs() + "".join(opened.problems())
    assert sis.asked == []


def certificate(folder: Path, name: str, *, days: int) -> Path:
    """A self-signed one for 127.0.0.1, with its key in the same file. Valid until `days` from now."""
    key = ec.generate_private_key(ec.SECP256R1())
    called = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    import ipaddress

    signed = (
        x509.CertificateBuilder()
        .subject_name(called).issuer_name(called).public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=30)).not_valid_after(now + dt.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    file = folder / f"{name}.pem"
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    return file


async def test_an_expired_certificate_is_told(config: dict[str, Any], tmp_path: Path) -> None:
    file = certificate(tmp_path, "expired", days=-1)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    with serving(Made(**school()), context) as sis:
        async with open_hub() as opened:
            await opened.add(Ss12000, {**config, "base_url": f"{sis.url}/v2.0", "ca_file": str(file)})
            assert Pulled(opened).problems("certificate")
        assert sis.asked == []


async def test_an_authority_that_is_not_trusted_is_told(config: dict[str, Any], tmp_path: Path) -> None:
    with serving(Made(**school()), Authority(tmp_path).server_context("127.0.0.1")) as sis:
        async with open_hub() as opened:
            await opened.add(Ss12000, {**config, "base_url": f"{sis.url}/v2.0"})
            assert Pulled(opened).problems("certificate")


async def test_a_client_certificate_lets_the_hub_in(config: dict[str, Any], tmp_path: Path) -> None:
    server, own = certificate(tmp_path, "server", days=1), certificate(tmp_path, "hub", days=1)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(own)
    made = Made(**school())
    made.tokens = set()
    with serving(made, context) as sis:
        auth = {"certificate": str(own), "key": str(own)}
        async with open_hub("2026-11-24T07:30") as opened:
            await opened.add(Ss12000, {**config, "base_url": f"{sis.url}/v2.0", "ca_file": str(server), "auth": auth})
            assert kinds(await Pulled(opened).news())["directory.person.upserted"] == 31


async def test_a_clock_that_differs_is_told_and_does_no_harm(hub: Pulled, sis: Made) -> None:
    await hub.news()
    sis.clock = lambda: dt.datetime.now(dt.UTC) + dt.timedelta(days=40)
    await hub.poll()
    assert hub.problems("clock-differs")
    sis.records["persons"][2] |= {
        "familyName": "Omdöpt",
        "meta": {
            "created": "2026-08-17T08:00:00Z",
            "modified": (dt.datetime.now(dt.UTC) + dt.timedelta(days=40)).isoformat(),
        },
    }
    (only,) = await hub.poll()
    assert only.data["familyName"] == "Omdöpt"


async def test_a_supplier_that_tells_no_date_is_pulled_by_the_hubs_clock(config: dict[str, Any], sis: Made) -> None:
    sis.clock = lambda: None
    sis.records["persons"][3]["meta"] = {"modified": "2027-01-01T00:00:00+01:00"}  # no stamp tells when it is
    async with open_hub("2026-11-24T07:30") as opened:
        await opened.add(Ss12000, config)
        hub = Pulled(opened)
        assert kinds(await hub.news())["directory.person.upserted"] == 31
        assert (await opened.state("ss12000"))["mark/persons"]["at"].startswith("2026-11-24T06:3")


async def test_the_selftest_reads_from_the_supplier(hub: Pulled, sis: Made) -> None:
    from hub.testing.hub import FileTestHub

    assert isinstance(hub.hub, FileTestHub)
    running, loop = await hub.hub._running()
    asked = len(sis.asked)
    await loop.run(running.hosts.selftest("ss12000"))
    assert sis.paths()[asked:] == ["/v2.0/organisations"]
    sis.faults.append(on("organisations", lambda: Reply(404, raw=b"")))
    with pytest.raises(TemporaryError, match="base_url") as caught:
        await loop.run(running.hosts.selftest("ss12000"))
    assert caught.value.sv == (
        "ss12000: organisations kunde inte läsas. skolsystemet svarade 404. "
        "Kontrollera vad hubbens konto får läsa, och base_url med hela sökvägen"
    )
