"""Mail through a real server: encrypted or not at all, and what each refusal means."""

import asyncio
import time
from collections.abc import AsyncIterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from plugins import ConfigurationError, PermanentError, SkolnavError, TemporaryError
from plugins.texts import Text
from plugins.wires import FarSide
from plugins.wires.settings import SmtpSettings
from plugins.wires.smtp import AddressBusy, Smtp
from tests.peers.mail import NORTH, PASSWORD, MailServer, mail_peer
from tests.peers.orders import order_peer
from tests.plugins.wires.deaf import deaf_server

FAR_SIDE = FarSide(connector="acme-mail", name=Text("e-postservern", "the mail server"), settings="to.")


@pytest.fixture
async def peer(tmp_path: Path) -> AsyncIterator[MailServer]:
    async with mail_peer(tmp_path / "peer") as running:
        yield running


def mail() -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "skolnav@exempelkommun.se", NORTH, "Portioner"
    made.set_content("208 portioner")
    return made


async def send(peer: MailServer, **changes: Any) -> None:
    wire = Smtp(SmtpSettings.model_validate(peer.settings(**changes)), FAR_SIDE)
    await asyncio.to_thread(wire.send, mail())


async def failure(peer: MailServer, within_s: float = 30, **changes: Any) -> SkolnavError:
    """What `send` raises: in bounded time, without an address, the password or what the server said."""
    begin = time.monotonic()
    with pytest.raises(SkolnavError) as caught:
        await send(peer, **changes)
    assert time.monotonic() - begin < within_s
    assert caught.value.__cause__ is None
    assert not any(text in str(caught.value) for text in (NORTH, "kok.norr", PASSWORD, "secret-of-the-server", "208"))
    assert caught.value.sv.startswith("acme-mail: ")
    return caught.value


class TestLogin:
    async def test_a_message_goes_encrypted(self, peer: MailServer) -> None:
        await send(peer)
        (came,) = peer.mails
        assert came.secure
        assert came.recipients == [NORTH]

    async def test_nothing_but_the_greeting_is_said_in_clear(self, peer: MailServer) -> None:
        """`said` has what the server was given, in clear or decrypted: what came before STARTTLS comes first."""
        await send(peer)
        clear, _, _ = b"".join(peer.said).partition(b"STARTTLS\r\n")
        assert clear == b"ehlo exempelkommun.se\r\n"

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
            assert (type(error), error.code) == (TemporaryError, "certificate")


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
        assert (type(error), error.code) == (ConfigurationError, "login-refused")

    @pytest.mark.parametrize("fault", ["down", "wrong"])
    async def test_a_server_that_is_none_is_temporary(self, peer: MailServer, fault: str) -> None:
        getattr(peer, fault)(True)
        assert type(await failure(peer)) is TemporaryError

    @pytest.mark.parametrize("drip", [b"", b"2"])
    async def test_one_that_says_nothing_or_drips_is_left_in_bounded_time(self, peer: MailServer, drip: bytes) -> None:
        with deaf_server(drip) as port:
            assert type(await failure(peer, port=port, timeout_s=1, deadline_s=2)) is TemporaryError

    async def test_one_that_is_slow_within_a_message_is_left_in_bounded_time(self, peer: MailServer) -> None:
        peer.slow(30)
        assert type(await failure(peer, timeout_s=1, deadline_s=2)) is TemporaryError


class TestProbe:
    async def test_it_logs_in_and_sends_nothing(self, peer: MailServer) -> None:
        wire = Smtp(SmtpSettings.model_validate(peer.settings()), FAR_SIDE)
        await asyncio.to_thread(wire.probe)
        assert peer.mails == []
        assert b"MAIL FROM" in b"".join(peer.said).upper()

    async def test_a_refused_sender_is_found_out(self, peer: MailServer) -> None:
        peer.refused["MAIL"] = "550 secret-of-the-server"
        with pytest.raises(ConfigurationError) as caught:
            await asyncio.to_thread(Smtp(SmtpSettings.model_validate(peer.settings()), FAR_SIDE).probe)
        assert caught.value.code == "sender"
