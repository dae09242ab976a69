"""The wire to a mail server: one message to one address, over STARTTLS with a certificate that was verified.

Mail is blind: nobody can look whether a message has arrived. What is to be sent is therefore kept before it is sent
(`state.queue`), and its Message-ID derives from what is told, so that a repeat after a crash can be recognised.
Blocking: call it in `ctx.blocking`. No error quotes an address, a message, or what the server says.
"""

import hashlib
import smtplib
import socket
import ssl
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from connectors.catering.config import EmailTransport, Kitchen
from connectors.catering.mapping import Snapshot, mail_subject, mail_text
from connectors.catering.tls import certificate_error, trusted
from plugins import ConfigurationError, PermanentError, SkolnavError, TemporaryError


class AddressBusy(TemporaryError):
    """The server takes nothing for this one address now; others may do."""


def message(transport: EmailTransport, address: str, kitchen: Kitchen, told: Snapshot, at: datetime) -> EmailMessage:
    """The mail that tells one address a kitchen's day; `at` is when that was decided, not when it is sent."""
    text = mail_text(kitchen, told)
    mail = EmailMessage(policy=SMTP)
    mail["From"] = transport.sender
    mail["To"] = address
    mail["Subject"] = mail_subject(kitchen, told)
    mail["Date"] = format_datetime(at)
    mail["Message-ID"] = message_id(transport.sender, address, kitchen, told, text)
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday greetings in return
    mail.set_content(text, cte="quoted-printable")
    return mail


def message_id(sender: str, address: str, kitchen: Kitchen, told: Snapshot, text: str) -> str:
    """From (kitchen, date, revision), address and text.

    With the text: after a restored backup revisions begin again, and a server that knows the id would drop the new one.
    """
    parts = (kitchen.id, told.day.isoformat(), str(told.revision), address, text)
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:40]
    return f"<{digest}@{sender.rpartition('@')[2]}>"


class MailClient:
    """Opens nothing yet: each call makes a connection of its own."""

    def __init__(self, transport: EmailTransport) -> None:
        self._to = transport

    def send(self, mail: EmailMessage) -> None:
        """Return once the server has taken it.

        Raises AddressBusy, PermanentError (the address, or this message, is refused for good), TemporaryError,
        ConfigurationError.
        """
        with self._session() as server:
            _expect(*server.mail(self._to.sender), of="sender")
            _expect(*server.rcpt(str(mail["To"])), of="address")
            try:
                _expect(*server.data(mail.as_bytes()), of="message")
            except smtplib.SMTPDataError as error:
                _expect(error.smtp_code, of="message")

    def probe(self) -> None:
        """Up to the point where a message would follow, then away. Raises as `send` does."""
        with self._session() as server:
            _expect(*server.mail(self._to.sender), of="sender")
            _expect(*server.rset(), of="server")

    @contextmanager
    def _session(self) -> Iterator[smtplib.SMTP]:
        to, context = self._to, trusted(self._to.ca_file)
        server = _Server(to)
        # smtplib's time-out restarts with each byte; ending the connection ends whatever it waits for.
        watchdog = threading.Timer(to.deadline_s, server.cut)
        watchdog.daemon = True
        watchdog.start()
        try:
            _expect(*server.connect(to.host, to.port), of="server")
            server.ehlo_or_helo_if_needed()
            if not server.has_extn("starttls"):
                raise _insecure()
            code, _ = server.starttls(context=context)
            if code != 220:
                raise _insecure()
            server.ehlo_or_helo_if_needed()
            if to.username is not None and to.password is not None:
                _log_in(server, to.username, to.password.get_secret_value())
            yield server
            with suppress(smtplib.SMTPException, OSError):  # the message is there, whatever becomes of the goodbye
                server.quit()
        except (smtplib.SMTPException, ssl.SSLError, OSError, ValueError) as error:
            raise _meant(error) from None
        finally:
            watchdog.cancel()
            server.close()
            server.hang_up()


class _Server(smtplib.SMTP):
    """Keeps a second handle of its connection: while TLS is being set up, `sock` is nobody's."""

    def __init__(self, transport: EmailTransport) -> None:
        # What it greets with: this machine's own name would tell of the network inside, and cost a look-up.
        super().__init__(local_hostname=transport.sender.rpartition("@")[2], timeout=transport.timeout_s)
        self._host = transport.host  # whose certificate STARTTLS verifies; connect() does not set it
        self.line: socket.socket | None = None

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        made = socket.create_connection((host, port), timeout)
        self.line = made.dup()
        return made

    def cut(self) -> None:
        if self.line is not None:
            with suppress(OSError):
                self.line.shutdown(socket.SHUT_RDWR)

    def hang_up(self) -> None:
        if self.line is not None:
            self.line.close()


def _log_in(server: smtplib.SMTP, username: str, password: str) -> None:
    """Not smtplib's own login(), which takes no letters beyond ASCII: RFC 4616 has UTF-8."""
    offered = server.esmtp_features.get("auth", "").upper().split()
    if "PLAIN" in offered:
        code, _ = server.docmd("AUTH", f"PLAIN {_base64(f'{chr(0)}{username}{chr(0)}{password}')}")
    elif "LOGIN" in offered:
        code, _ = server.docmd("AUTH", f"LOGIN {_base64(username)}")
        if code == 334:
            code, _ = server.docmd(_base64(password))
    else:
        raise _refused_login("it offers no AUTH PLAIN or LOGIN")
    if code >= 500:
        raise _refused_login(f"it answered {code}")
    _expect(code, of="server")


def _base64(text: str) -> str:
    return b64encode(text.encode()).decode()


def _refused_login(why: str) -> ConfigurationError:
    return ConfigurationError(
        "catering: the mail server refuses the login",
        why=why,
        fix="Check transport.username and transport.password with whoever runs the server",
        code="login",
    )


def _expect(code: int, said: object = None, *, of: str) -> None:
    """Raise by what the server's answer is about; what it said may quote the message and goes nowhere."""
    if 200 <= code < 300:
        return
    why = f"it answered {code}"
    if of == "address" and 400 <= code < 500 and code != 421:
        raise AddressBusy("catering: the mail server does not take mail for an address now", why=why, code="address")
    if 400 <= code < 500:
        raise TemporaryError("catering: the mail server can't take mail now", why=why, code=f"smtp-{code}")
    if of == "sender":
        raise ConfigurationError(
            "catering: the mail server refuses the sender",
            why=why,
            fix="Check transport.sender and the account's rights with whoever runs the server",
            code="sender",
        )
    if of in ("address", "message") and 500 <= code < 600:
        raise PermanentError(
            f"catering: the mail server refuses {'an address' if of == 'address' else 'a message'}",
            why=why,
            fix="Check the kitchen's addresses in transport.recipients",
            code=f"{of}-refused",
        )
    raise TemporaryError("catering: the mail server answers oddly", why=why, code="smtp")


def _insecure() -> ConfigurationError:
    return ConfigurationError(
        "catering: the mail server offers no STARTTLS",
        why="mail in clear can be read and changed on its way; nothing was sent",
        fix="Check transport.host and transport.port; 587 is usual for mail with STARTTLS",
        code="starttls",
    )


def _meant(error: Exception) -> SkolnavError:
    refused = certificate_error(error)
    if refused is not None:
        return refused
    return TemporaryError(
        "catering: the mail server can't be used",
        why="it did not answer in time" if isinstance(error, TimeoutError) else "no connection, or it broke",
        fix="If it lasts, check transport.host, transport.port and the network between",
        code="smtp",
    )
