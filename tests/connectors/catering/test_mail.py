"""Mail to a kitchen through a real server: one address per message, kept before it is sent."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from connectors.catering import words
from connectors.catering.config import EmailTransport
from connectors.catering.mail import message
from connectors.catering.mapping import mail_text
from plugins import Effect, TemporaryError
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

    async def test_a_report_is_kept_and_then_sent_once_to_each_address(self, desk: Desk, peer: MailServer) -> None:
        await desk.report("2026-11-24T08:00")
        assert peer.mails == []
        assert sum(name.startswith("mail/") for name in desk.state) == 2
        assert not any(address in str(desk.state) for address in (NORTH, SOUTH))
        await desk.connector.poll()
        assert sorted(mail.recipients for mail in peer.mails) == [[NORTH], [SOUTH]]
        await desk.connector.poll()
        assert len(peer.mails) == 2

    async def test_that_it_is_about_to_be_sent_is_kept_before_it_is(self, desk: Desk, peer: MailServer) -> None:
        """Effect.BLIND: the intent first. What `handle` has staged is durable when this commit is."""
        kept: list[list[bool]] = []

        async def send(function: Any, *arguments: Any) -> Any:
            kept.append(["sending" in value for name, value in desk.state.items() if name.startswith("mail/")])
            return await asyncio.to_thread(function, *arguments)

        desk.blocking = send  # type: ignore[method-assign,assignment]
        await desk.report("2026-11-24T08:00")
        await desk.connector.poll()
        assert kept == [[True, True], [True]]

    async def test_what_a_newer_revision_overtakes_is_not_sent(self, desk: Desk, peer: MailServer) -> None:
        await desk.report("2026-11-24T08:00")
        await desk.cut_off("2026-11-24T08:30")
        await desk.away(1)
        await desk.connector.poll()
        assert [mail.parsed["Subject"] for mail in peer.mails] == ["Portioner K-017 2026-11-24, revision 3"] * 2

    async def test_a_crash_between_sending_and_forgetting_repeats_the_same_message(
        self, desk: Desk, peer: MailServer
    ) -> None:
        """Effect.BLIND: it may come twice, and can be known as the same, although more has happened meanwhile."""
        assert desk.connector.effect_with(desk.connector.config) is Effect.BLIND
        await desk.report("2026-11-24T08:00")
        before = desk.state
        await desk.connector.poll()
        desk.state = before
        desk.clock.now = school("2026-11-24T08:20")
        desk.directory.here.pop()
        await desk.connector.poll()
        assert len(peer.mails) == 4
        assert len({mail.raw for mail in peer.mails}) == 2

    async def test_one_address_that_is_refused_costs_the_others_nothing(self, desk: Desk, peer: MailServer) -> None:
        peer.refused[NORTH] = "550 no such user"
        await desk.report("2026-11-24T08:00")
        await desk.connector.poll()
        assert [mail.recipients for mail in peer.mails] == [[SOUTH]]
        assert desk.problems == [("address-refused", "kitchen K-017: it answered 550")]
        await desk.connector.poll()
        assert len(desk.problems) == 1

    async def test_one_address_that_is_busy_waits_alone(self, desk: Desk, peer: MailServer) -> None:
        peer.refused[NORTH] = "450 later"
        await desk.report("2026-11-24T08:00")
        with pytest.raises(TemporaryError):
            await desk.connector.poll()
        peer.refused.clear()
        await desk.connector.poll()
        assert [mail.recipients for mail in peer.mails] == [[SOUTH], [NORTH]]

    async def test_yesterdays_mail_is_not_sent_today(self, desk: Desk, peer: MailServer) -> None:
        await desk.report("2026-11-24T08:00")
        desk.clock.now = school("2026-11-25T07:00")
        await desk.connector.poll()
        assert peer.mails == []
        assert not any(name.startswith("mail/") for name in desk.state)

    async def test_reconciling_sends_nothing(self, desk: Desk, peer: MailServer) -> None:
        await desk.report("2026-11-24T08:00")
        await desk.connector.poll()
        await desk.connector.reconcile()
        await desk.connector.poll()
        assert len(peer.mails) == 2
