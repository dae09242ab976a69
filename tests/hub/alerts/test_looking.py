"""A look finds what it can although a part fails, and an alert lasts as long as its cause (promise 8)."""

import asyncio
import logging
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from hub.alerts import conditions as looked
from hub.alerts.condition import Condition
from hub.bus.base import LogUnavailable
from hub.operating.connectors import connectors
from hub.store.base import StoreUnavailable
from plugins import Connector, ConnectorConfig, TemporaryError
from plugins.connector import Waiting
from tests.hub.alerts.conftest import Watched, mailed, watched
from tests.hub.alerts.test_conditions import NoConfig
from tests.hub.alerts.test_mailing import Shown
from tests.peers.mail import MailServer
from tests.peers.tls import Authority
from tests.until import until

SINCE = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)


class Quiet(Connector[NoConfig]):
    name = "quiet"
    config_model = NoConfig


class Asks(Connector[NoConfig]):
    """Waits for a person, and answers as the test says."""

    name = "asks"
    config_model = NoConfig
    error: Exception | None = None
    hang = False
    asked = 0

    async def waiting(self) -> Sequence[Waiting]:
        Asks.asked += 1
        await asyncio.sleep(3600 if Asks.hang else 0)
        if Asks.error is not None:
            raise Asks.error
        return [Waiting("remove-26", "26 persons would be removed", SINCE)]

    async def confirm(self, word: str) -> None:
        """Nothing is confirmed here."""


@pytest.fixture(autouse=True)
def right() -> None:
    Asks.error, Asks.hang, Asks.asked = None, False, 0


class Files(ConnectorConfig):
    files: tuple[Path, ...]


class Certified(Connector[Files]):
    name = "certified"
    config_model = Files


ASKS = {"connectors": {"asks": {"use": "asks"}}}


async def test_a_part_that_fails_ends_no_other_and_is_an_alert_itself(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken = True

    def breaks(now: datetime) -> list[Condition]:
        if broken:
            raise RuntimeError("data of a person")
        return []

    async with watched(tmp_path, Quiet) as it:
        it.hub.services.conditions.add(breaks)
        Shown(it)
        alerts = it.hub.services.alerts
        await alerts.look()
        assert [each.row.code for each in alerts.all()] == ["recipient-paused"]
        it.clock.pass_machine(61)
        await alerts.look()
        (failing,) = [each for each in alerts.all() if each.row.code == "look-failing"]
        assert failing.row.error == "error-RuntimeError"
        assert "data of a person" not in caplog.text
        broken = False
        await alerts.look()
        assert [each.row.code for each in alerts.all()] == ["recipient-paused"]


async def test_what_a_part_showed_lasts_while_that_part_fails(tmp_path: Path) -> None:
    async with watched(tmp_path, Quiet) as it:
        shown, alerts = Shown(it), it.hub.services.alerts
        await alerts.look()
        (before,) = alerts.all()
        shown.code = "no-such-code"  # a fault: it has no kind
        del shown.count
        await alerts.look()
        assert [each.row.id for each in alerts.all()] == [before.row.id]


async def test_certificates_of_one_name_are_told_apart_and_an_odd_one_hides_none(tmp_path: Path) -> None:
    files = []
    for folder, expired in (("a", True), ("b", False)):
        (tmp_path / folder).mkdir()
        Authority(tmp_path / folder).server_context("cert", expired=expired)
        files.append(tmp_path / folder / "cert.pem")
    odd = tmp_path / "odd.pem"
    odd.write_text(_of_version_6(files[1].read_text()))
    settings = {"connectors": {"it": {"use": "certified", "files": [str(odd), *map(str, files)]}}}
    async with watched(tmp_path, Certified, **settings) as it:
        it.clock.pass_machine((datetime.now(UTC) - it.clock.utc()).total_seconds())
        found = {
            what: each.error for (code, what), each in (await it.conditions()).items() if code == "certificate-ends"
        }
        assert found == {str(files[0]): "certificate-ended", str(files[1]): ""}


def _of_version_6(pem: str) -> str:
    found = x509.load_pem_x509_certificate(pem[pem.index("-----BEGIN CERTIFICATE") :].encode())
    der = found.public_bytes(Encoding.DER).replace(bytes.fromhex("a003020102"), bytes.fromhex("a003020105"))
    return ssl.DER_cert_to_PEM_cert(der)


@contextmanager
def nothing_can_be_stored(it: Watched) -> Iterator[None]:
    """As on a full disk."""

    def full(*_: object) -> asyncio.Future[None]:
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        answer.set_exception(StoreUnavailable("the store can't write now (SQLITE_FULL)"))
        return answer

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(it.hub.store, "commit", full)
        yield


async def test_an_alert_that_can_not_be_stored_is_mailed_once_and_stored_later(
    tmp_path: Path, server: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    settings = mailed(server, {}, group="1s")
    async with watched(tmp_path, Quiet, **settings) as it:
        alerts = it.hub.services.alerts
        with nothing_can_be_stored(it):
            Shown(it)
            await alerts.look()
            assert [each.row.code for each in alerts.all()] == ["recipient-paused"]
            assert any(each.levelno == logging.ERROR and "store-away" in each.getMessage() for each in caplog.records)
            await until(lambda: len(server.mails) == 2, meanwhile=lambda: it.clock.pass_machine(61))
            await it.comes("store-away")
            await alerts.look()
            assert {each.row.code for each in alerts.all()} == {"recipient-paused", "store-away"}
            await until(lambda: len(server.mails) == 4, meanwhile=lambda: it.clock.pass_machine(61))
            assert "recipient-paused" not in server.mails[-1].text
        await alerts.look()
        await it.goes("store-away")
        (id,) = [each.row.id for each in alerts.all() if each.row.code == "recipient-paused"]
    async with watched(tmp_path, Quiet, clock=it.clock, **settings) as again:
        assert id in [each.row.id for each in again.hub.services.alerts.all()]


async def test_a_log_that_can_not_be_written_is_an_alert(tmp_path: Path) -> None:
    async def full(*_: object) -> None:
        raise LogUnavailable("full")

    async with watched(tmp_path, Quiet) as it:
        alerts = it.hub.services.alerts
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(it.hub.log, "append", full)
            await alerts.look()
            it.clock.pass_machine(31)
            await alerts.look()
            assert [each.row.code for each in alerts.all()] == ["log-away"]
        await alerts.look()
        assert alerts.all() == []


async def test_what_waits_for_a_person_stays_acknowledged_while_the_connector_gives_no_answer(tmp_path: Path) -> None:
    async with watched(tmp_path, Asks, **ASKS) as it:
        await it.comes("waits-for-person", "remove-26")
        alerts = it.hub.services.alerts
        await alerts.look()
        (alert,) = alerts.all()
        await alerts.acknowledge(alert.row.id, name="Kim", actor="local")
        Asks.error = TemporaryError("away", code="http-503")
        await alerts.look()
        assert [(each.row.id, each.row.acknowledged_by) for each in alerts.all()] == [(alert.row.id, "Kim")]
        assert (await it.conditions())["waiting-unknown", ""].error == "http-503"
        await it.hub.hosts.halt("asks")
        await alerts.look()
        assert alert.row.id in [each.row.id for each in alerts.all()]
    async with watched(tmp_path, Asks, clock=it.clock, **ASKS) as again:
        alerts = again.hub.services.alerts
        await alerts.look()
        assert alert.row.id in [each.row.id for each in alerts.all()]


async def test_a_connector_that_never_says_what_waits_is_an_alert(tmp_path: Path) -> None:
    Asks.hang = True
    async with watched(tmp_path, Asks, **ASKS) as it:
        assert (await it.comes("waiting-unknown")).error == "timeout"
        it.clock.pass_machine(301)
        await it.hub.services.alerts.look()
        assert [each.row.code for each in it.hub.services.alerts.all()] == ["waiting-unknown"]


async def test_views_of_one_moment_ask_a_connector_once(tmp_path: Path) -> None:
    async with watched(tmp_path, Asks, **ASKS) as it:
        await it.comes("waits-for-person", "remove-26")
        Asks.asked = 0
        _, (standing,) = await asyncio.gather(it.hub.services.conditions.now(), connectors(it.hub.services))
        assert standing.waiting_count == 1
        assert Asks.asked == 1


async def test_a_restart_keeps_an_alert_that_the_hub_can_not_see_yet(tmp_path: Path) -> None:
    async with watched(tmp_path, Quiet) as it:
        alerts = it.hub.services.alerts
        alerts.count_wrong_tokens(lambda: 25)
        await alerts.look()
        (alert,) = alerts.all()
        await alerts.acknowledge(alert.row.id, name="Kim", actor="local")
    async with watched(tmp_path, Quiet, clock=it.clock) as again:
        alerts = again.hub.services.alerts
        await alerts.look()
        assert [(each.row.id, each.row.acknowledged_by) for each in alerts.all()] == [(alert.row.id, "Kim")]
        again.clock.pass_machine(3601)
        await alerts.look()
        assert alerts.all() == []


async def test_wrong_tokens_of_any_hour_count_together(tmp_path: Path) -> None:
    async with watched(tmp_path, Quiet) as it:
        wrong = 0
        it.hub.services.alerts.count_wrong_tokens(lambda: wrong)
        await it.conditions()
        it.clock.pass_machine(58 * 60)
        wrong = 15
        await it.conditions()
        it.clock.pass_machine(3 * 60)
        wrong = 30
        assert (await it.conditions())["log-ins-failed", ""].count == 30
        it.clock.pass_machine(58 * 60)
        assert ("log-ins-failed", "") not in await it.conditions()


async def test_wrong_tokens_before_the_first_look_count(tmp_path: Path) -> None:
    async with watched(tmp_path, Quiet) as it:
        it.hub.services.alerts.count_wrong_tokens(lambda: 25)
        assert (await it.conditions())["log-ins-failed", ""].count == 25


async def test_what_has_no_time_of_its_own_lasts_since_it_was_found_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Monitoring raises an alarm by `skolnav_condition_seconds`: how long each lasts."""
    monkeypatch.setattr(looked, "FULL", 0)
    monkeypatch.setattr(looked, "LOW", 2.0)
    async with watched(tmp_path, Quiet) as it:
        await it.hub.services.conditions.now()
        it.clock.pass_machine(300)
        (low,) = [each for each in await it.hub.services.conditions.now() if each.code == "disk-low"]
        assert it.clock.utc() - low.since >= timedelta(seconds=300)
