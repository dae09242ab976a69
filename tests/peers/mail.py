"""A real mail server with STARTTLS (aiosmtpd) on loopback, and the ways in which one misbehaves."""

import asyncio
import email
import email.policy
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any, cast

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.peers.tls import Authority

USER, PASSWORD = "skolnav", "hemligt-lösen-1"
NORTH, SOUTH = "kok.norr@exempelkommun.se", "kok.soder@exempelkommun.se"


@dataclass
class Mail:
    """One message as the server took it."""

    recipients: list[str]
    secure: bool
    raw: bytes

    @property
    def parsed(self) -> EmailMessage:
        return email.message_from_bytes(self.raw, policy=email.policy.default)

    @property
    def text(self) -> str:
        return cast(str, self.parsed.get_content())


@dataclass
class MailServer:
    """What has come. Also `plugins.testing.suites.FaultyPeer`."""

    authority: Authority
    port: int = 0
    mails: list[Mail] = field(default_factory=list)
    said: list[bytes] = field(default_factory=list)  # every byte that a client sent, before and after STARTTLS
    refused: dict[str, str] = field(default_factory=dict)  # RCPT address or "MAIL" or "DATA" -> what is answered
    is_down: bool = False
    slow_s: float = 0
    is_wrong: bool = False

    def settings(self, **changes: Any) -> dict[str, Any]:
        """The settings of a wire that reaches it."""
        return {
            "host": "127.0.0.1",
            "port": self.port,
            "username": USER,
            "password": PASSWORD,
            "ca_file": str(self.authority.file()),
            "sender": "skolnav@exempelkommun.se",
            "timeout_s": 5,  # a busy machine needs some of it
            "deadline_s": 10,
            **changes,
        }

    def transport(self, **changes: Any) -> dict[str, Any]:
        """The same as the kitchen connector's `transport`."""
        return {"kind": "email", **self.settings(), "recipients": {"K-017": [NORTH, SOUTH]}, **changes}

    def effects(self) -> Sequence[tuple[str, str, str, str, str]]:
        found = [(mail, mail.parsed) for mail in list(self.mails)]
        return [(mail.recipients[0], p["Message-ID"], p["Date"], p["Subject"], mail.text) for mail, p in found]

    def bytes(self) -> bytes:
        return b"".join(self.said) + "\n".join(mail.text for mail in self.mails).encode()

    def reset(self) -> None:
        self.mails.clear()
        self.said.clear()

    def down(self, on: bool) -> None:
        self.is_down = on

    def slow(self, seconds: float) -> None:
        self.slow_s = seconds

    def wrong(self, on: bool) -> None:
        self.is_wrong = on

    # -- aiosmtpd's hooks -------------------------------------------------------------------------------------------

    async def handle_MAIL(self, server: Any, session: Session, envelope: Envelope, address: str, options: Any) -> str:
        await asyncio.sleep(self.slow_s)
        if "MAIL" in self.refused:
            return self.refused["MAIL"]
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server: Any, session: Session, envelope: Envelope, address: str, options: Any) -> str:
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Session, envelope: Envelope) -> str:
        if "DATA" in self.refused:
            return self.refused["DATA"]
        self.mails.append(Mail(list(envelope.rcpt_tos), session.ssl is not None, envelope.original_content or b""))
        return "250 OK"

    def authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        login = (data.login.decode(), data.password.decode()) if isinstance(data, LoginPassword) else None
        return AuthResult(success=login == (USER, PASSWORD), handled=False)


class _Protocol(SMTP):
    def __init__(self, peer: MailServer, context: ssl.SSLContext | None) -> None:
        secure: dict[str, Any] = {"tls_context": context, "require_starttls": True, "auth_required": True}
        super().__init__(
            peer,
            hostname="mail.test",
            authenticator=peer.authenticate,
            **(secure if context is not None else {"auth_require_tls": False}),
        )
        self._peer = peer

    def connection_made(self, transport: Any) -> None:
        if self._peer.is_down:
            transport.abort()
        elif self._peer.is_wrong:
            transport.write(b"HTTP/1.1 400 Bad Request\r\n\r\n<html>")
            transport.close()
        else:
            super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        if self.session is not None:
            super().connection_lost(error)

    def data_received(self, data: bytes) -> None:
        self._peer.said.append(data)
        super().data_received(data)


@asynccontextmanager
async def mail_peer(
    folder: Path,
    *,
    name: str = "127.0.0.1",
    tls: bool = True,
    expired: bool = False,
    kind: type[MailServer] = MailServer,
) -> AsyncIterator[MailServer]:
    """Run one, with a certificate for `name`; without `tls` it offers no STARTTLS."""
    folder.mkdir(parents=True, exist_ok=True)
    peer = kind(Authority(folder))
    context = peer.authority.server_context(name, expired=expired) if tls else None
    server = await asyncio.get_running_loop().create_server(lambda: _Protocol(peer, context), "127.0.0.1", 0)
    peer.port = server.sockets[0].getsockname()[1]
    try:
        yield peer
    finally:
        server.close()
        await server.wait_closed()
