"""Somebody is told: operators' events, `skolnav alerts`, and mails (promise 8)."""

from datetime import time, timedelta
from pathlib import Path
from typing import Any

import pytest

from hub.alerts.raising import NoSuchAlert
from hub.operating import alerts
from hub.store import audit, notes
from plugins import Connector, TemporaryError, daily
from schemas import Event
from tests.hub.alerts.conftest import Watched, mailed, subscriber, watched
from tests.hub.alerts.test_conditions import NoConfig
from tests.peers.mail import MailServer
from tests.until import until

OPERATIONS = {"purpose": "operation", "legal_basis": "public task", "categories": ["operations", "none"]}
HOUR = 3600.0


class Reports(Connector[NoConfig]):
    """Its far side answers what the test says."""

    name = "reports"
    config_model = NoConfig
    error: Exception | None = None

    @daily(lambda config: [time(8, 0)])
    async def report(self, due: Any, complete: bool) -> None:
        if self.error is not None:
            raise self.error


@pytest.fixture(autouse=True)
def right() -> Any:
    Reports.error = TemporaryError("away", code="unreachable")
    yield
    Reports.error = None


CONFIG = {"connectors": {"reports": {"use": "reports"}}}


async def told(it: Watched) -> list[Event]:
    """The operators' events in the log."""
    await it.hub.settled()
    found, position = [], it.hub.log.start()
    while True:
        batch = await it.hub.log.read(position, 100)
        found += [each.event for each in batch.events if each.type.startswith("se.skolnav.operator.")]
        if batch.at_head:
            return found
        position = batch.position


async def timer_fails(it: Watched) -> None:
    it.clock.advance_to("08:00")
    await it.comes("timer-failing", "report@08:00:00")
    await it.hub.services.alerts.look()


async def test_an_alert_is_raised_changed_and_cleared_as_events_and_not_twice(tmp_path: Path) -> None:
    async with watched(tmp_path, Reports, **CONFIG) as it:
        await timer_fails(it)
        await it.hub.services.alerts.look()
        (raised,) = await told(it)
        assert raised.type == "se.skolnav.operator.alert.raised.v1"
        data = raised.data
        assert (data["severity"], data["code"], data["place"]) == ("critical", "timer-failing", "connectors.reports")
        assert (data["what"], data["error"]) == ("report@08:00:00", "unreachable")
        assert "report@08:00:00" in data["says"]["sv"]
        assert data["todo"]["en"]
        Reports.error = TemporaryError("away", code="slow")

        async def changes() -> bool:
            return (await it.conditions())["timer-failing", "report@08:00:00"].error == "slow"

        await until(changes, meanwhile=lambda: it.clock.pass_machine(5))
        await it.hub.services.alerts.look()
        Reports.error = None
        await it.goes("timer-failing", "report@08:00:00", meanwhile=lambda: it.clock.pass_machine(5))
        await it.hub.services.alerts.look()
        events = await told(it)
        kinds = [each.type.split(".")[4] for each in events]
        assert (kinds[0], kinds[-1]) == ("raised", "cleared")
        assert "changed" in kinds
        assert {each.data["id"] for each in events} == {data["id"]}
        assert alerts.alerts(it.hub.services) == []


async def test_a_restart_raises_nothing_again(tmp_path: Path) -> None:
    async with watched(tmp_path, Reports, **CONFIG) as it:
        await timer_fails(it)
        (before,) = alerts.alerts(it.hub.services)
    async with watched(tmp_path, Reports, clock=it.clock, **CONFIG) as again:
        (recalled,) = alerts.alerts(again.hub.services)
        await again.comes("timer-failing", "report@08:00:00")
        await again.hub.services.alerts.look()
        (after,) = alerts.alerts(again.hub.services)
        assert ("Attempts: 0" in recalled.says, "Attempts: some" in recalled.says) == (False, True)
        assert (after.id, after.since) == (before.id, before.since)
        assert [each.type.split(".")[4] for each in await told(again)] == ["raised"]


async def test_what_is_young_and_mends_itself_is_no_alert(tmp_path: Path) -> None:
    """A recipient that is away for a moment."""
    sink = {"kind": "webhook", "url": "http://127.0.0.1:9/x", "secret": "${env:SECRET}"}
    settings = subscriber(sink, "se.skolnav.schedule.*", outbound={"allow": ["127.0.0.0/8"]})
    async with watched(tmp_path, **settings) as it:
        await it.comes("recipient-pending")
        await it.hub.services.alerts.look()
        assert [each.code for each in alerts.alerts(it.hub.services) if each.code == "recipient-pending"] == []
        it.clock.pass_machine(400)
        await it.comes("recipient-pending")
        await it.hub.services.alerts.look()
        assert "recipient-pending" in [each.code for each in alerts.alerts(it.hub.services)]


async def test_a_person_acknowledges_with_a_name_which_is_audited(tmp_path: Path) -> None:
    async with watched(tmp_path, Reports, **CONFIG) as it:
        await timer_fails(it)
        services = it.hub.services
        (alert,) = alerts.alerts(services, "sv")
        await alerts.acknowledge(services, actor="local", id=alert.id, name="Kim i driften")
        (alert,) = alerts.alerts(services)
        assert alert.acknowledged_by == "Kim i driften"
        rows = await it.hub.store.read(audit.page(it.hub.store.tenant))
        assert [(row.actor, row.target) for row in rows if row.action == "alert.acknowledged"] == [
            ("local", f"{alert.id} timer-failing Kim i driften")
        ]
        with pytest.raises(NoSuchAlert):
            await alerts.acknowledge(services, actor="local", id="none", name="Kim")


async def test_another_version_than_last_time_shows_until_it_is_acknowledged(tmp_path: Path) -> None:
    async with watched(tmp_path, Reports) as it:
        await it.hub.services.alerts.look()
        assert await it.conditions() == {}
        await it.hub.store.commit(notes.put(it.hub.store.tenant, notes.VERSION, it.clock.utc(), "0.0.9"))
    async with watched(tmp_path, Reports, clock=it.clock) as again:
        await again.hub.services.alerts.look()
        (alert,) = alerts.alerts(again.hub.services)
        assert alert.code == "new-version"
        assert alert.what.endswith("<- 0.0.9")
        await alerts.acknowledge(again.hub.services, actor="local", id=alert.id, name="Kim")
        await again.hub.services.alerts.look()
        assert alerts.alerts(again.hub.services) == []
        await again.hub.services.alerts.look()
        assert len([each for each in await told(again) if each.type.endswith("raised.v1")]) == 1


async def test_wrong_tokens_within_an_hour_and_backups_that_are_old(tmp_path: Path) -> None:
    async with watched(tmp_path, Reports) as it:
        wrong = 0
        it.hub.services.alerts.count_wrong_tokens(lambda: wrong)
        assert await it.conditions() == {}
        wrong = 25
        assert (await it.comes("log-ins-failed")).count == 25
        it.clock.pass_machine(1.5 * HOUR)
        await it.goes("log-ins-failed")
        it.clock.pass_machine(8 * 24 * HOUR)
        await it.comes("backup-old")
        await it.hub.services.alerts.note_backup()
        await it.goes("backup-old")


async def test_only_who_runs_the_hub_gets_its_alerts(tmp_path: Path) -> None:
    """Promise 4: a recipient of everything without the category learns nothing, not even that there was an alert."""
    settings = subscriber({"kind": "feed"}, "se.skolnav.*")
    settings["clients"].append({"id": "ops", "token": "${env:TOKEN}", "roles": ["subscriber"], "contract": OPERATIONS})
    async with watched(tmp_path, Reports, **settings, **CONFIG) as it:
        await timer_fails(it)
        await it.hub.settled()
        stored = [each for each in (await it.hub.log.read(it.hub.log.start(), 100)).events if "operator" in each.type]
        gate = it.hub.services.gate
        registry = it.hub.services.subscriptions
        acme = registry.get("acme-absence").recipient
        assert [gate.decide(each, acme).allowed for each in stored] == [False]


async def mails(it: Watched, server: MailServer, number: int, *, after_s: float, over: bool = False) -> None:
    """This many mails have come and are noted, `after_s` from now. No more time passes while they are sent."""
    it.clock.pass_machine(after_s)

    def noted() -> bool:
        rows = [each.row for each in it.hub.services.alerts.to_mail() if each.row.told is not None]
        rounds = sum(1 + row.reminders for row in rows)  # each is a mail to two addresses
        return len(server.mails) == number and rounds == (0 if over else number // 2)

    def look() -> None:
        for changed in it.hub.services.alerts.changed:
            changed()

    await until(noted, f"{number} mails", meanwhile=look)


async def test_a_mail_tells_what_is_raised_again_and_that_it_is_over(tmp_path: Path, server: MailServer) -> None:
    settings = mailed(server, CONFIG, group="5m", remind="2h", reminders=2)
    async with watched(tmp_path, Reports, **settings) as it:
        await timer_fails(it)
        await mails(it, server, 2, after_s=301)
        first = server.mails[0]
        assert first.secure
        assert {mail.recipients[0] for mail in server.mails} == {"drift@exempelkommun.se", "jour@exempelkommun.se"}
        assert first.parsed["Subject"] == "Exempelkommun: 1 larm"
        assert "Körningen report@08:00:00 misslyckas" in first.text
        for number in (4, 6):
            await mails(it, server, number, after_s=2 * HOUR + 1)
        assert "Påminnelse" in server.mails[-1].text
        for _ in range(5):  # the reminders have an end
            it.clock.pass_machine(3 * HOUR)
            await it.hub.services.alerts.look()
        Reports.error = None
        await it.goes("timer-failing", "report@08:00:00", meanwhile=lambda: it.clock.pass_machine(30))
        await it.hub.services.alerts.look()
        await mails(it, server, 8, after_s=301, over=True)
        assert server.mails[-1].text.startswith("Över: ")
        ids = [mail.parsed["Message-ID"] for mail in server.mails]
        assert len(set(ids)) == len(ids), "a server may drop a reminder that has the Message-ID of the first mail"
        assert await it.conditions() == {} or all(code != "mail-failing" for code, _ in await it.conditions())


async def test_in_quiet_hours_only_what_is_critical_is_sent(tmp_path: Path, server: MailServer) -> None:
    settings = mailed(server, CONFIG, group="1s", quiet={"from": "22:00", "to": "06:00"})
    async with watched(tmp_path, Reports, **settings) as it:
        it.clock.advance_to("23:00")
        await it.comes("timer-failing", "report@08:00:00")
        long_ago = it.clock.utc() - timedelta(days=30)
        await it.hub.store.commit(notes.put(it.hub.store.tenant, notes.FIRST_START, long_ago))
    async with watched(tmp_path, Reports, clock=it.clock, **settings) as again:
        await again.comes("timer-failing", "report@08:00:00")
        await again.comes("backup-old")
        await again.hub.services.alerts.look()
        await mails(again, server, 2, after_s=61)
        assert "säkerhetskopia" not in server.mails[0].text
        again.clock.advance_to("2026-11-25T06:01")
        await mails(again, server, 4, after_s=61)
        assert "säkerhetskopia" in server.mails[-1].text


async def test_a_mail_that_can_not_be_sent_is_a_condition_and_comes_later(tmp_path: Path, server: MailServer) -> None:
    server.refused["MAIL"] = "451 later"
    async with watched(tmp_path, Reports, **mailed(server, CONFIG, group="1s")) as it:
        await timer_fails(it)
        found = await it.comes("mail-failing", meanwhile=lambda: it.clock.pass_machine(61))
        assert found.error
        server.refused.clear()
        await it.goes("mail-failing", meanwhile=lambda: it.clock.pass_machine(61))
        assert len(server.mails) == 2
