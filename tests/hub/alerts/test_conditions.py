"""What should have happened and did not shows, with since when, the last error and the next try (promise 8)."""

import asyncio
from collections.abc import Iterator
from datetime import datetime, time, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from cryptography.x509 import load_pem_x509_certificate

from hub.operating.connectors import connectors
from hub.operating.sources import sources
from hub.operating.subscriptions import counted
from plugins import Connector, ConnectorConfig, PermanentError, TemporaryError, Unfinished, at_moment, daily
from plugins.testing import ManualClock
from schemas.school_time import SCHOOL_ZONE
from tests.hub.alerts.conftest import subscriber, watched
from tests.peers.tls import Authority
from tests.school import ABSENCE, DAY, DAY_CLOSED, UNIT, absence, append, event, uid
from tests.until import until

CLOSED_DATA = {"organisation": {"id": UNIT}, "date": DAY}


class NoConfig(ConnectorConfig):
    poll: float = 5


class Reports(Connector[NoConfig]):
    """Its far side answers what the test says."""

    name = "reports"
    config_model = NoConfig
    error: Exception | None = None
    hang: asyncio.Event | None = None

    @daily(lambda config: [time(8, 0)])
    async def report(self, due: datetime, complete: bool) -> None:
        if self.hang is not None:
            await self.hang.wait()
        if self.error is not None:
            raise self.error


class Moments(Connector[NoConfig]):
    name = "moments"
    config_model = NoConfig
    failing = True

    async def start(self) -> None:
        async with self.ctx.commit() as tx:
            for key in ("a", "b"):
                tx.at(datetime(2026, 11, 24, 7, 30, tzinfo=SCHOOL_ZONE), "ends", key)

    @at_moment
    async def ends(self, due: datetime, complete: bool, key: str) -> None:
        if self.failing:
            raise TemporaryError("away", code="http-503")


class Polls(Connector[NoConfig]):
    """Leaves far sides behind that its configuration does not name."""

    name = "polls"
    config_model = NoConfig
    error: Exception | None = None

    async def poll(self) -> Unfinished | None:
        if self.error is not None:
            raise self.error
        return Unfinished("busy", ("room 1",))


@pytest.fixture(autouse=True)
def right() -> Iterator[None]:
    yield
    Reports.error, Reports.hang, Moments.failing, Polls.error = None, None, True, None


async def test_a_report_that_fails_shows_its_error_and_next_try_until_it_works(
    tmp_path: Path,
) -> None:
    Reports.error = TemporaryError("away", code="unreachable")
    async with watched(tmp_path, Reports, connectors={"reports": {"use": "reports"}}) as it:
        it.clock.advance_to("08:00")
        found = await it.comes("timer-failing", "report@08:00:00")
        assert (found.place, found.error, found.attempts) == ("connectors.reports", "unreachable", 1)
        assert found.next_try is not None
        assert found.next_try > it.clock.utc()
        (standing,) = await connectors(it.hub.services)
        assert (standing.timers[0].state, standing.timers[0].failures) == ("failing", 1)
        assert "report@08:00:00" in standing.trouble
        Reports.error = None
        await it.goes("timer-failing", "report@08:00:00", meanwhile=lambda: it.clock.pass_machine(5))


async def test_a_report_that_is_given_up_stays_a_condition_until_the_next_one_works(tmp_path: Path) -> None:
    Reports.error = PermanentError("never", code="refused")
    async with watched(tmp_path, Reports, connectors={"reports": {"use": "reports"}}) as it:
        it.clock.advance_to("08:00")
        found = await it.comes("timer-given-up", "report@08:00:00")
        assert (found.error, found.next_try) == ("refused", None)
        Reports.error = None
        it.clock.advance_to("2026-11-25T08:00")
        await it.goes("timer-given-up", "report@08:00:00")


async def test_a_report_that_does_not_end_is_late(tmp_path: Path) -> None:
    Reports.hang = asyncio.Event()
    async with watched(tmp_path, Reports, connectors={"reports": {"use": "reports"}}) as it:
        it.clock.advance_to("08:00")
        assert ("timer-late", "report@08:00:00") not in await it.conditions()
        it.clock.advance_to("08:03")
        found = await it.comes("timer-late", "report@08:00:00")
        assert it.clock.utc() - found.since >= timedelta(minutes=3)


async def test_moments_that_fail_are_one_condition_without_their_keys(tmp_path: Path) -> None:
    async with watched(tmp_path, Moments, connectors={"moments": {"use": "moments"}}) as it:
        it.clock.advance_to("07:30")

        async def both() -> bool:
            found = (await it.conditions()).get(("timer-failing", "ends"))
            return found is not None and (found.count, found.error) == (2, "http-503")

        await until(both)
        Moments.failing = False
        await it.goes("timer-failing", "ends", meanwhile=lambda: it.clock.pass_machine(5))


async def test_polls_that_fail_or_leave_something_behind(tmp_path: Path) -> None:
    async with watched(tmp_path, Polls, connectors={"polls": {"use": "polls"}}) as it:
        found = await it.comes("poll-failing")
        assert (found.place, found.error) == ("connectors.polls", "busy")
        Polls.error = TemporaryError("away", code="http-500")

        async def fails() -> bool:
            return (await it.conditions())["poll-failing", ""].error == "http-500"

        await until(fails, meanwhile=lambda: it.clock.pass_machine(5))
        assert (await it.conditions())["poll-failing", ""].since == found.since


def kitchen(folder: Path) -> dict[str, Any]:
    sittings = [{"id": "1", "from": "11:10", "to": "11:40"}]
    kitchens = [
        {"id": id, "units": [UNIT], "unit_code": f"1234567{n}", "sittings": sittings}
        for n, id in enumerate(("K-1", "K-2"))
    ]
    transport = {"kind": "folder", "path": str(folder)}
    return {
        "use": "catering",
        "aggregates": True,
        "report_times": ["08:00"],
        "kitchens": kitchens,
        "transport": transport,
    }


async def test_a_kitchen_that_is_down_at_report_time_shows_and_when_it_last_got_its_order(
    tmp_path: Path,
) -> None:
    out = tmp_path / "kost"
    settings = {"connectors": {"kitchen": kitchen(out)}}
    async with watched(tmp_path, **settings) as it:
        it.clock.advance_to("08:00")
        found = await it.comes("far-side-behind", "K-1")
        assert (found.place, found.error) == ("connectors.kitchen", "folder")
        assert ("timer-failing", "report@08:00:00") in await it.conditions()
        assert ("far-side-behind", "K-2") in await it.conditions()
        (standing,) = await connectors(it.hub.services)
        assert [(side.name, side.reached, side.code) for side in standing.far_sides] == [
            ("K-1", None, "folder"),
            ("K-2", None, "folder"),
        ]
        assert "K-1" in standing.trouble or "report@" in standing.trouble
        out.mkdir()
        for what in ("K-1", "K-2"):
            await it.goes("far-side-behind", what, meanwhile=lambda: it.clock.pass_machine(5))
        (standing,) = await connectors(it.hub.services)
        reached = [side.reached for side in standing.far_sides]
        assert all(reached)
        await it.hub.hosts.far_sides.save()
    async with watched(tmp_path, clock=it.clock, **settings) as again:
        (standing,) = await connectors(again.hub.services)
        assert [side.reached for side in standing.far_sides] == reached


async def test_a_source_that_is_waited_for_shows_with_its_age_and_what_waits_behind_it(tmp_path: Path) -> None:
    settings = subscriber(
        {"kind": "webhook", "url": "http://127.0.0.1:9/x", "secret": "${env:SECRET}", "handshake": False},
        "se.skolnav.absence.*",
        outbound={"allow": ["127.0.0.0/8"]},
    )
    async with watched(tmp_path, **settings, directory={"sources": ["urn:siss"]}) as it:
        await append(it.hub.services, *(event(ABSENCE, absence(uid("Anna"), id=uid(n)), id=str(n)) for n in range(5)))
        found = await it.comes("source-missing", "urn:siss")

        async def all_counted() -> bool:
            return (await it.conditions())["source-missing", "urn:siss"].count == 5

        await until(all_counted)
        it.clock.pass_machine(3600)
        assert it.clock.utc() - found.since >= timedelta(hours=1)
        (standing,) = await counted(it.hub.services)
        assert (standing.state, standing.reason, standing.waiting) == ("waiting", "first-load", 5)
        assert standing.lag_s >= 3600
        (source,) = sources(it.hub.services)
        assert (source.source, source.waited_for, source.behind) == ("urn:siss", True, ["acme-absence"])
        assert source.age_s >= 3600


class Answers(BaseHTTPRequestHandler):
    status = 503

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(self.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_OPTIONS(self) -> None:
        self.send_response(self.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hook() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/hook"
    server.shutdown()
    server.server_close()


async def test_a_pending_webhook_shows_what_waits_and_why_it_does_not_consent(tmp_path: Path, hook: str) -> None:
    sink = {"kind": "webhook", "url": hook, "secret": "${env:SECRET}"}
    settings = subscriber(sink, "se.skolnav.schedule.*", outbound={"allow": ["127.0.0.0/8"]})
    async with watched(tmp_path, **settings) as it:
        days = [event(DAY_CLOSED, {**CLOSED_DATA, "date": f"2026-12-{n:02}"}, id=str(n)) for n in range(1, 21)]
        await append(it.hub.services, *days)
        await append(it.hub.services, event(ABSENCE, absence(uid("Anna")), id="not asked for"))

        async def shown() -> bool:
            found = (await it.conditions()).get(("recipient-pending", ""))
            return found is not None and found.attempts > 0 and found.count == 20

        await until(shown)
        it.clock.pass_machine(600)
        (standing,) = await counted(it.hub.services)
        assert (standing.state, standing.error, standing.waiting) == ("pending", "http-503", 20)
        assert standing.next_try is not None
        assert standing.lag_s >= 600


async def test_a_recipient_that_answers_503_for_hours_holds_with_its_last_answer(tmp_path: Path, hook: str) -> None:
    sink = {"kind": "webhook", "url": hook, "secret": "${env:SECRET}", "handshake": False}
    settings = subscriber(sink, "se.skolnav.schedule.*", outbound={"allow": ["127.0.0.0/8"]})
    async with watched(tmp_path, **settings) as it:
        days = [event(DAY_CLOSED, {**CLOSED_DATA, "organisation": {"id": uid(n)}}, id=str(n)) for n in range(20)]
        await append(it.hub.services, *days)

        async def held() -> bool:
            (standing,) = await counted(it.hub.services)
            return standing.state == "holding" and standing.next_try is not None

        await until(held)
        it.clock.pass_machine(2.5 * 3600)
        (standing,) = await counted(it.hub.services)
        assert standing.error == "http-503"
        assert standing.attempts >= 5
        assert standing.failing is not None
        assert it.clock.utc() - standing.failing >= timedelta(hours=2.5)
        found = await it.comes("recipient-failing")
        assert (found.place, found.error) == ("subscriptions.acme-absence", "http-503")
        assert ("keys-parked", "") in await it.conditions()


async def test_a_recipient_that_has_one_key_is_shown_as_failing_from_its_first_failure(
    tmp_path: Path, hook: str
) -> None:
    """It was `active` for half an hour: deliveries are held after several attempts, and one key makes few."""
    sink = {"kind": "webhook", "url": hook, "secret": "${env:SECRET}", "handshake": False}
    settings = subscriber(sink, "se.skolnav.schedule.*", outbound={"allow": ["127.0.0.0/8"]})
    async with watched(tmp_path, **settings) as it:
        await append(it.hub.services, event(DAY_CLOSED, CLOSED_DATA, id="1"))
        await it.comes("recipient-failing")
        (standing,) = await counted(it.hub.services)
        assert (standing.state, standing.holding, standing.error) == ("holding", False, "http-503")


async def test_a_recipient_that_is_away_fails_with_how(tmp_path: Path) -> None:
    """Variant: nobody listens."""
    sink = {"kind": "webhook", "url": "http://127.0.0.1:9/x", "secret": "${env:SECRET}", "handshake": False}
    settings = subscriber(sink, "se.skolnav.schedule.*", outbound={"allow": ["127.0.0.0/8"]})
    async with watched(tmp_path, **settings) as it:
        await append(it.hub.services, event(DAY_CLOSED, CLOSED_DATA, id="1"))
        found = await it.comes("recipient-failing")
        assert found.error
        assert found.attempts >= 1


async def test_certificates_that_end_are_named_for_webhooks_and_for_the_mail_server(tmp_path: Path) -> None:
    authority = Authority(tmp_path, days=1)
    certificate, key = authority.identity("hub.example.se")
    tls = {"certificate": f"${{file:{certificate}}}", "key": f"${{file:{key}}}"}
    sink = {"kind": "webhook", "url": "https://acme.example/x", "secret": "${env:SECRET}", "tls": tls}
    mail = {"host": "127.0.0.1", "sender": "a@exempel.se", "to": ["b@exempel.se"], "ca_file": str(authority.file())}
    settings = subscriber(sink, "se.skolnav.schedule.*", alerts={"mail": mail})
    ends = load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc
    clock = ManualClock((ends - timedelta(days=3)).astimezone(SCHOOL_ZONE))
    async with watched(tmp_path, Reports, clock=clock, **settings) as it:
        found = [each for each in (await it.conditions()).values() if each.code == "certificate-ends"]
        assert {(each.place, each.what) for each in found} >= {("subscriptions.acme-absence", "sink.tls.certificate")}
        assert {each.place for each in found} == {"subscriptions.acme-absence", "alerts"}
        assert all(each.count <= 3 for each in found)


async def test_nothing_is_wrong_where_nothing_is_wrong(tmp_path: Path) -> None:
    async with watched(tmp_path, Reports, connectors={"reports": {"use": "reports"}}) as it:
        it.clock.advance_to("08:05")
        await it.hub.settled()
        await it.goes("timer-late", "report@08:00:00")
        assert await it.conditions() == {}


async def test_what_waits_behind_a_pause_is_a_condition_before_it_is_trimmed(tmp_path: Path, hook: str) -> None:
    """A person wanted the pause, so it is no condition itself; that its events are about to be lost is one."""
    sink = {"kind": "webhook", "url": hook, "secret": "${env:SECRET}", "handshake": False}
    settings = subscriber(sink, "se.skolnav.schedule.*", outbound={"allow": ["127.0.0.0/8"]}, retention="30d")
    settings["subscriptions"][0]["paused"] = True
    async with watched(tmp_path, **settings) as it:
        await append(it.hub.services, event(DAY_CLOSED, CLOSED_DATA, id="waits"))
        it.clock.pass_machine(20 * 24 * 3600)
        assert not [code for code, _ in await it.conditions() if code == "events-expire"]
        it.clock.pass_machine(2 * 24 * 3600)
        found = await it.comes("events-expire")
        assert (found.place, found.error, found.count) == ("subscriptions.acme-absence", "paused-in-file", 7)
        assert it.clock.utc() - found.since < timedelta(days=1, minutes=1)


async def test_a_feed_whose_client_has_stopped_coming_is_a_condition_before_its_events_are_trimmed(
    tmp_path: Path,
) -> None:
    settings = subscriber({"kind": "feed"}, "se.skolnav.schedule.*", retention="30d")
    async with watched(tmp_path, **settings) as it:
        pages, feed = it.hub.services.pages, "acme-absence"
        page = await pages.page(feed, await pages.open(feed, None), 100)
        await pages.open(feed, page.next())
        await append(it.hub.services, event(DAY_CLOSED, CLOSED_DATA, id="waits"))
        it.clock.pass_machine(20 * 24 * 3600)
        assert not [code for code, _ in await it.conditions() if code == "events-expire"]
        it.clock.pass_machine(2 * 24 * 3600)
        assert (await it.comes("events-expire")).place == "subscriptions.acme-absence"
        page = await pages.page(feed, await pages.open(feed, page.next()), 100)
        await pages.open(feed, page.next())
        await it.goes("events-expire")
