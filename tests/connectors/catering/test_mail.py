"""Mail through a real server: encrypted or not at all, one address per message, and what each refusal means."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from connectors.catering.config import EmailTransport
from connectors.catering.mail import AddressBusy, MailClient, message
from connectors.catering.mapping import mail_text
from plugins import ConfigurationError, Effect, PermanentError, SkolnavError, TemporaryError
from tests.connectors.catering.desk import Desk, school
from tests.connectors.catering.mail_peer import NORTH, PASSWORD, SOUTH, MailServer, mail_peer
from tests.connectors.catering.order_peer import order_peer
from tests.connectors.catering.test_client import _deaf_server
from tests.connectors.catering.test_readme import shown

AT = school("2026-11-24T08:30")


@pytest.fixture
async def peer(tmp_path: Path) -> AsyncIterator[MailServer]:
    async with mail_peer(tmp_path / "peer") as running:
        yield running


def transport(peer: MailServer, **changes: Any) -> EmailTransport:
    return EmailTransport.model_validate(peer.transport(**changes))


def mail(peer: MailServer, address: str = NORTH, at: datetime = AT, revision: int = 2) -> EmailMessage:
    kitchen, told = shown()
    return message(transport(peer), address, kitchen, told.model_copy(update={"revision": revision}), at)


async def send(peer: MailServer, address: str = NORTH, **changes: Any) -> None:
    await asyncio.to_thread(MailClient(transport(peer, **changes)).send, mail(peer, address))


async def failure(peer: MailServer, within_s: float = 5, **changes: Any) -> SkolnavError:
    """What `send` raises: in bounded time, without an address, the password or what the server said."""
    begin = time.monotonic()
    with pytest.raises(SkolnavError) as caught:
        await send(peer, **changes)
    assert time.monotonic() - begin < within_s
    assert caught.value.__cause__ is None
    assert not any(text in str(caught.value) for text in (NORTH, "kok.norr", PASSWORD, "secret-of-the-server", "208"))
    return caught.value


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

    async def test_nothing_but_the_greeting_is_said_in_clear(self, peer: MailServer) -> None:
        """`said` has what the server was given, in clear or decrypted: what came before STARTTLS comes first."""
        await send(peer)
        clear, _, _ = b"".join(peer.said).partition(b"STARTTLS\r\n")
        assert clear == b"ehlo exempelkommun.se\r\n"

    def test_the_id_is_that_of_what_is_told(self, tmp_path: Path) -> None:
        kitchen, told = shown()
        at = Desk({"kind": "folder", "path": str(tmp_path)}).clock.school()
        to = EmailTransport.model_validate(
            {"kind": "email", "host": "h", "sender": "s@example.se", "recipients": {"K-017": [NORTH]}}
        )

        def id_of(address: str = NORTH, **changes: Any) -> str:
            return str(message(to, address, kitchen, told.model_copy(update=changes), at)["Message-ID"])

        assert id_of() == id_of()
        rows = (told.rows[0].model_copy(update={"staff": 8}),)
        ids = {id_of(), id_of(SOUTH), id_of(revision=3), id_of(rows=rows), id_of(day=school("2026-11-25T00:00").date())}
        assert len(ids) == 5
        assert all(each.endswith("@example.se>") and "kok" not in each for each in ids)

    async def test_a_letter_beyond_ascii_in_a_login_is_no_matter(self, peer: MailServer) -> None:
        assert not PASSWORD.isascii()
        await send(peer)
        assert len(peer.mails) == 1

    async def test_a_server_without_login_is_not_given_one(self, peer: MailServer) -> None:
        error = await failure(peer, username=None, password=None)
        assert type(error) is ConfigurationError  # this one wants a login before it hears of a sender
        assert peer.mails == []


class TestProtection:
    async def test_a_server_without_starttls_gets_nothing(self, tmp_path: Path) -> None:
        async with mail_peer(tmp_path, tls=False) as peer:
            error = await failure(peer)
            assert (type(error), error.code) == (ConfigurationError, "starttls")
            assert b"".join(peer.said).lower().split(b"\r\n") in (
                [b"ehlo exempelkommun.se", b""],
                [b"ehlo exempelkommun.se", b"quit", b""],
            )

    async def test_a_certificate_of_another_authority_is_refused(self, peer: MailServer, tmp_path: Path) -> None:
        async with order_peer(tmp_path / "other") as other:
            error = await failure(peer, ca_file=str(other.authority.file()))
        assert (type(error), error.code) == (ConfigurationError, "certificate")
        assert PASSWORD.encode() not in b"".join(peer.said)
        assert peer.mails == []

    async def test_a_certificate_for_another_name_is_refused(self, tmp_path: Path) -> None:
        async with mail_peer(tmp_path, name="mail.example") as peer:
            error = await failure(peer)
            assert (type(error), error.code) == (ConfigurationError, "certificate")

    async def test_an_expired_certificate_is_waited_for(self, tmp_path: Path) -> None:
        async with mail_peer(tmp_path, expired=True) as peer:
            error = await failure(peer)
            assert (type(error), error.code) == (TemporaryError, "certificate-time")


class TestRefusals:
    @pytest.mark.parametrize(
        ("where", "answer", "kind", "code"),
        [
            ("MAIL", "550 secret-of-the-server", ConfigurationError, "sender"),
            ("MAIL", "451 secret-of-the-server", TemporaryError, "smtp-451"),
            (NORTH, "550 secret-of-the-server", PermanentError, "address-refused"),
            (NORTH, "450 secret-of-the-server", AddressBusy, "address"),
            ("DATA", "554 secret-of-the-server", PermanentError, "message-refused"),
            ("DATA", "452 secret-of-the-server", TemporaryError, "smtp-452"),
        ],
    )
    async def test_each_means_what_happens_next(
        self, peer: MailServer, where: str, answer: str, kind: type, code: str
    ) -> None:
        peer.refused[where] = answer
        error = await failure(peer)
        assert (type(error), error.code) == (kind, code)
        assert peer.mails == []

    async def test_a_wrong_password_is_for_a_person(self, peer: MailServer) -> None:
        error = await failure(peer, password="fel")
        assert (type(error), error.code) == (ConfigurationError, "login")

    @pytest.mark.parametrize("fault", ["down", "wrong"])
    async def test_a_server_that_is_none_is_temporary(self, peer: MailServer, fault: str) -> None:
        getattr(peer, fault)(True)
        assert type(await failure(peer)) is TemporaryError

    @pytest.mark.parametrize("drip", [b"", b"2"])
    async def test_one_that_says_nothing_or_drips_is_left_in_bounded_time(self, peer: MailServer, drip: bytes) -> None:
        with _deaf_server(drip) as port:
            assert type(await failure(peer, port=port)) is TemporaryError

    async def test_one_that_is_slow_within_a_message_is_left_in_bounded_time(self, peer: MailServer) -> None:
        peer.slow(30)
        assert type(await failure(peer)) is TemporaryError


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
        before = dict(desk.state)
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
