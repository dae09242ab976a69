"""Mail to a kitchen through a real server: one address per message, kept before it is sent."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from connectors.catering import words
from connectors.catering.config import EmailTransport
from connectors.catering.mail import message
from connectors.catering.mapping import mail_text
from plugins import Effect, TemporaryError, Unfinished
from plugins.wires.smtp import Smtp
from tests.connectors.catering.desk import Desk, school
from tests.connectors.catering.test_readme import shown
from tests.peers.mail import NORTH, SOUTH, MailServer, mail_peer

AT = school("2026-11-24T08:30")


@pytest.fixture
async def peer(tmp_path: Path) -> AsyncIterator[MailServer]:
    async with mail_peer(tmp_path / "peer") as running:
        yield running


def transport(peer: MailServer, **changes: Any) -> EmailTransport:
    return EmailTransport.model_validate(peer.transport(**changes))


def mail(peer: MailServer, address: str = NORTH, at: datetime = AT, revision: int = 2) -> EmailMessage:
    kitchen, told = shown()
    return message(
        transport(peer), address, kitchen=kitchen, snapshot=told.model_copy(update={"revision": revision}), at=at
    )


def later(desk: Desk) -> None:
    """Past the pause after a failure."""
    desk.clock.now += timedelta(seconds=10)


async def send(peer: MailServer, address: str = NORTH, **changes: Any) -> None:
    await asyncio.to_thread(Smtp(transport(peer, **changes), words.MAIL).send, mail(peer, address))


class TestMessage:
    async def test_it_goes_encrypted_to_one_address(self, peer: MailServer) -> None:
        await send(peer)
        (came,) = peer.mails
        assert came.secure
        assert came.recipients == [NORTH]
        assert came.parsed["To"] == NORTH
        assert came.parsed["From"] == "skolnav@exempelkommun.se"
        assert came.parsed["Auto-Submitted"] == "auto-generated"
        assert came.parsed["Subject"] == "Portioner K-017 2026-11-24, revision 2"
        assert came.text.replace("\r\n", "\n") == mail_text(*shown())

    def test_the_id_is_that_of_what_is_told(self, tmp_path: Path) -> None:
        kitchen, told = shown()
        at = Desk({"kind": "folder", "path": str(tmp_path)}).clock.school()
        to = EmailTransport.model_validate(
            {"kind": "email", "host": "h", "sender": "s@example.se", "recipients": {"K-017": [NORTH]}}
        )

        def id_of(address: str = NORTH, **changes: Any) -> str:
            return str(
                message(to, address, kitchen=kitchen, snapshot=told.model_copy(update=changes), at=at)["Message-ID"]
            )

        assert id_of() == id_of()
        rows = (told.rows[0].model_copy(update={"staff": 8}),)
        ids = {id_of(), id_of(SOUTH), id_of(revision=3), id_of(rows=rows), id_of(day=school("2026-11-25T00:00").date())}
        assert len(ids) == 5
        assert all(each.endswith("@example.se>") and "kok" not in each for each in ids)


class TestWaiting:
    """The desk's context runs blocking calls in place: the server lives in another thread's loop."""

    @pytest.fixture
    def desk(self, peer: MailServer) -> Desk:
        desk = Desk(peer.transport())
        desk.blocking = asyncio.to_thread  # type: ignore[method-assign,assignment]
        return desk

    async def test_a_report_is_sent_once_to_each_address_and_no_address_is_kept(
        self, desk: Desk, peer: MailServer
    ) -> None:
        peer.is_down = True
        with pytest.raises(TemporaryError):
            await desk.report("2026-11-24T08:00")
        assert sum(name.startswith("tell/") for name in desk.state) == 2
        assert not any(address in str(desk.state) for address in (NORTH, SOUTH))
        peer.is_down = False
        later(desk)
        await desk.connector.poll()
        assert sorted(mail.recipients for mail in peer.mails) == [[NORTH], [SOUTH]]
        await desk.connector.poll()
        assert len(peer.mails) == 2
        assert not any(name.startswith("tell/") for name in desk.state)

    async def test_that_it_is_about_to_be_sent_is_kept_before_it_is(self, desk: Desk, peer: MailServer) -> None:
        """Effect.BLIND: the intent first. What `handle` has staged is durable when this commit is."""
        kept: list[list[bool]] = []

        async def send(function: Any, *arguments: Any) -> Any:
            kept.append(["telling" in value for name, value in desk.state.items() if name.startswith("tell/")])
            return await asyncio.to_thread(function, *arguments)

        desk.blocking = send  # type: ignore[method-assign,assignment]
        await desk.report("2026-11-24T08:00")
        assert kept == [[True, True], [True]]

    async def test_what_a_newer_revision_overtakes_is_not_sent(self, desk: Desk, peer: MailServer) -> None:
        peer.is_down = True
        for report in (desk.report("2026-11-24T08:00"), desk.cut_off("2026-11-24T08:30")):
            with pytest.raises(TemporaryError):
                await report
        peer.is_down = False
        later(desk)
        await desk.away(1)
        assert [mail.parsed["Subject"] for mail in peer.mails] == ["Portioner K-017 2026-11-24, revision 3"] * 2
        assert [data["revision"] for data in desk.published] == [1, 2, 3], "nothing shows whether a mail has arrived"

    async def test_a_crash_between_sending_and_forgetting_repeats_the_same_message(
        self, desk: Desk, peer: MailServer
    ) -> None:
        """Effect.BLIND: it may come twice, and can be known as the same, although more has happened meanwhile."""
        assert desk.connector.effect_with(desk.connector.config) is Effect.BLIND
        with desk.crash_once():
            await desk.report("2026-11-24T08:00")
        assert len(peer.mails) == 1
        desk.clock.now = school("2026-11-24T08:20")
        desk.directory.here.pop()
        await desk.connector.poll()
        assert len(peer.mails) == 3
        assert len({mail.raw for mail in peer.mails}) == 2

    async def test_one_address_that_is_refused_costs_the_others_nothing(self, desk: Desk, peer: MailServer) -> None:
        peer.refused[NORTH] = "550 no such user"
        await desk.report("2026-11-24T08:00")
        assert [mail.recipients for mail in peer.mails] == [[SOUTH]]
        assert desk.problems == [("address-refused", "kitchen K-017[0]: it answered 550")]
        await desk.connector.poll()
        assert len(desk.problems) == 1

    async def test_one_address_that_is_busy_waits_alone_and_is_named(self, desk: Desk, peer: MailServer) -> None:
        """Promise 3."""
        peer.refused[NORTH] = "450 later"
        with pytest.raises(TemporaryError) as raised:
            await desk.report("2026-11-24T08:00")
        assert "1 kitchens or mail addresses have not got their order: K-017[0]" in str(raised.value)
        assert NORTH not in str(raised.value)
        assert [mail.recipients for mail in peer.mails] == [[SOUTH]]
        assert await desk.connector.poll() == Unfinished("address", ("K-017[0]",))
        peer.refused.clear()
        later(desk)
        assert await desk.connector.poll() is None
        assert [mail.recipients for mail in peer.mails] == [[SOUTH], [NORTH]]

    async def test_a_mail_that_is_refused_for_now_keeps_no_other_address_waiting(
        self, desk: Desk, peer: MailServer
    ) -> None:
        """Promise 3. A 4xx after DATA ended the round, and the addresses behind it got nothing."""
        peer.refused["DATA"] = "451 content filter"
        with pytest.raises(TemporaryError, match="2 kitchens or mail addresses"):
            await desk.report("2026-11-24T08:00")
        assert [said for _, said in desk.problems] == [
            f"kitchen K-017[{n}]: catering: the mail server can't accept mail now. it answered 451" for n in (0, 1)
        ]

    async def test_yesterdays_mail_is_not_sent_today(self, desk: Desk, peer: MailServer) -> None:
        peer.is_down = True
        with pytest.raises(TemporaryError):
            await desk.report("2026-11-24T08:00")
        peer.is_down = False
        desk.clock.now = school("2026-11-25T07:00")
        await desk.connector.poll()
        assert peer.mails == []
        assert not any(name.startswith("tell/") for name in desk.state)

    async def test_reconciling_sends_nothing(self, desk: Desk, peer: MailServer) -> None:
        await desk.report("2026-11-24T08:00")
        await desk.connector.poll()
        await desk.connector.reconcile()
        await desk.connector.poll()
        assert len(peer.mails) == 2
