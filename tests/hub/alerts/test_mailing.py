"""Each address gets its mails, also while another one is busy, and hears that an alert is over (promise 8)."""

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Any

from hub.alerts.condition import Condition
from tests.hub.alerts.conftest import Watched, mailed, watched
from tests.hub.alerts.test_conditions import Reports
from tests.peers.mail import MailServer, mail_peer
from tests.until import until

STEP_S = 11  # machine time between two looks of `until`, so that its 30 s are less than CLEARED_KEPT
DRIFT, JOUR = "drift@exempelkommun.se", "jour@exempelkommun.se"


class Shown:
    """A condition that lasts while the test says so."""

    def __init__(self, it: Watched, code: str = "recipient-paused") -> None:
        self.code, self.count, self.since = code, 1, it.clock.utc()
        self.lasts = True
        it.hub.services.conditions.add(self)

    def __call__(self, now: datetime) -> list[Condition]:
        found = Condition(code=self.code, place="hub", what="x", since=self.since, count=self.count)
        return [found] if self.lasts else []


def texts(server: MailServer, to: str) -> list[str]:
    return [mail.text for mail in server.mails if mail.recipients == [to]]


class SlowToTake(MailServer):
    """Takes a message and answers only when the test lets it."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.taken, self.answer = asyncio.Event(), asyncio.Event()

    async def handle_DATA(self, *args: Any) -> str:
        answer = await super().handle_DATA(*args)
        self.taken.set()
        await self.answer.wait()
        return answer


async def test_a_busy_address_keeps_no_alert_from_the_others_and_gets_its_mails_later(
    tmp_path: Path, server: MailServer
) -> None:
    server.refused[DRIFT] = "452 mailbox full"
    async with watched(tmp_path, Reports, **mailed(server, {}, group="1s")) as it:
        shown, look = Shown(it), it.hub.services.alerts.look
        await look()
        await until(lambda: texts(server, JOUR), meanwhile=lambda: it.clock.pass_machine(STEP_S))
        found = await it.comes("mail-undelivered", "alerts.mail.to[0]")
        assert (found.error, found.count) == ("address", 1)
        shown.lasts = False
        await look()
        await until(lambda: len(texts(server, JOUR)) == 2, meanwhile=lambda: it.clock.pass_machine(STEP_S))
        assert texts(server, JOUR)[-1].startswith("Över: ")
        server.refused.clear()
        await until(lambda: len(texts(server, DRIFT)) == 2, meanwhile=lambda: it.clock.pass_machine(STEP_S))
        assert texts(server, DRIFT) == texts(server, JOUR)
        await it.goes("mail-undelivered", "alerts.mail.to[0]")


async def test_an_address_that_is_refused_for_good_is_a_condition(tmp_path: Path, server: MailServer) -> None:
    server.refused[JOUR] = "550 no such mailbox"
    async with watched(tmp_path, Reports, **mailed(server, {}, group="1s")) as it:
        Shown(it)
        await it.hub.services.alerts.look()
        await until(lambda: texts(server, DRIFT), meanwhile=lambda: it.clock.pass_machine(STEP_S))
        found = await it.comes("mail-undelivered", "alerts.mail.to[1]")
        assert (found.error, found.next_try) == ("address-refused", None)
        assert "mail-failing" not in {code for code, _ in await it.conditions()}


async def test_an_alert_that_ends_while_its_mail_is_sent_is_mailed_as_over(tmp_path: Path) -> None:
    async with mail_peer(tmp_path, kind=SlowToTake) as server:
        assert isinstance(server, SlowToTake)
        async with watched(tmp_path, Reports, **mailed(server, {}, group="1s")) as it:
            shown, look = Shown(it), it.hub.services.alerts.look
            await look()
            await until(server.taken.is_set, meanwhile=lambda: it.clock.pass_machine(STEP_S))
            shown.lasts = False
            await look()
            server.answer.set()

            def over() -> bool:
                return all(texts(server, to) and texts(server, to)[-1].startswith("Över: ") for to in (DRIFT, JOUR))

            await until(over, meanwhile=lambda: it.clock.pass_machine(STEP_S))
            await until(lambda: not it.hub.services.alerts.to_mail(), "it is forgotten")


async def test_dead_letters_that_multiply_are_mailed_again_although_a_person_sees_to_the_first(
    tmp_path: Path, server: MailServer
) -> None:
    async with watched(tmp_path, Reports, **mailed(server, {}, group="1s")) as it:
        shown, alerts = Shown(it, "dead-letters"), it.hub.services.alerts
        shown.count = 10
        await alerts.look()
        await until(lambda: len(server.mails) == 2, meanwhile=lambda: it.clock.pass_machine(STEP_S))
        await until(lambda: alerts.all()[0].row.told)
        await alerts.acknowledge(alerts.all()[0].row.id, name="Kim", actor="local")
        shown.count = 19
        await alerts.look()
        assert alerts.all()[0].row.acknowledged_by == "Kim"
        shown.count = 20
        await alerts.look()
        assert alerts.all()[0].row.acknowledged_by == ""
        await until(lambda: len(server.mails) == 4, meanwhile=lambda: it.clock.pass_machine(STEP_S))
        assert "20 händelser" in server.mails[-1].text
        assert len({mail.parsed["Message-ID"] for mail in server.mails}) == 4
