"""The wire to a mail server: one message to one address, over STARTTLS with a verified certificate.

Mail is blind: no sender can see whether a message has arrived. A connector therefore keeps what it is about to send,
and derives the Message-ID from the content, so that a repeat after a crash can be recognised. Blocking: call it in
`ctx.blocking`. No error quotes an address, a message, or the server's words.
"""

import smtplib
import socket
import ssl
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.message import EmailMessage
from typing import Literal

from plugins.errors import SkolnavError, TemporaryError
from plugins.rehearsal import current
from plugins.texts import Text
from plugins.wires import words
from plugins.wires.failures import FarSide
from plugins.wires.settings import SmtpSettings
from plugins.wires.tls import handshake_failure, trusted


class AddressBusy(TemporaryError):
    """The server accepts nothing for this one address now; it may for others."""


class Smtp:
    """Opens nothing yet: each call makes a connection of its own."""

    def __init__(self, settings: SmtpSettings, far_side: FarSide) -> None:
        self._to = settings
        self._far_side = far_side

    def send(self, mail: EmailMessage) -> None:
        """Send to the one address in `To`; return once the server has accepted the message.

        Raises AddressBusy, PermanentError (the address, or this message, is refused for good), TemporaryError,
        ConfigurationError.
        """
        if (rehearsal := current()) is not None:
            rehearsal.note(f"mail to {mail['To']} by {self._to.host}:{self._to.port}", mail.as_bytes())
            return
        with self._session() as server:
            self._expect(server.mail(self._to.sender)[0], about="sender")
            self._expect(server.rcpt(str(mail["To"]))[0], about="address")
            try:
                code = server.data(mail.as_bytes())[0]
            except smtplib.SMTPDataError as error:
                code = error.smtp_code
            self._expect(code, about="message")

    def probe(self) -> None:
        """Go up to the point where a message would follow, then leave. Raises as `send` does."""
        if current() is not None:
            return
        with self._session() as server:
            self._expect(server.mail(self._to.sender)[0], about="sender")
            self._expect(server.rset()[0], about="server")

    @contextmanager
    def _session(self) -> Iterator[smtplib.SMTP]:
        to, context = self._to, trusted(self._to.ca_file, self._far_side)
        server = _Server(to)
        # smtplib's time-out restarts with each byte; ending the connection ends every wait.
        watchdog = threading.Timer(to.deadline_s, server.cut)
        watchdog.daemon = True
        watchdog.start()
        try:
            self._expect(server.connect(to.host, to.port)[0], about="server")
            server.ehlo_or_helo_if_needed()
            if not server.has_extn("starttls") or server.starttls(context=context)[0] != 220:
                raise self._far_side.configuration(words.NO_STARTTLS)
            server.ehlo_or_helo_if_needed()
            if to.username is not None and to.password is not None:
                self._log_in(server, to.username, to.password.get_secret_value())
            yield server
            with suppress(smtplib.SMTPException, OSError):  # a failed goodbye does not undo the message
                server.quit()
        except (smtplib.SMTPException, ssl.SSLError, OSError, ValueError) as error:
            raise self._meant(error) from None
        finally:
            watchdog.cancel()
            server.close()
            server.hang_up()

    def _log_in(self, server: smtplib.SMTP, username: str, password: str) -> None:
        """Log in as RFC 4616 says, in UTF-8: smtplib's own login() accepts ASCII alone."""
        offered = server.esmtp_features.get("auth", "").upper().split()
        if "PLAIN" in offered:
            code, _ = server.docmd("AUTH", f"PLAIN {_base64(f'{chr(0)}{username}{chr(0)}{password}')}")
        elif "LOGIN" in offered:
            code, _ = server.docmd("AUTH", f"LOGIN {_base64(username)}")
            if code == 334:
                code, _ = server.docmd(_base64(password))
        else:
            raise self._far_side.refused(words.SMTP_LOGIN, why=words.NO_AUTH_OFFERED)
        if code >= 500:
            raise self._far_side.refused(words.SMTP_LOGIN, why=words.ANSWERED, status=code)
        self._expect(code, about="server")

    def _expect(self, status: int, *, about: Literal["server", "sender", "address", "message"]) -> None:
        """Raise by what the server's answer is about; its words may quote the message, so they are dropped."""
        far_side = self._far_side
        if 200 <= status < 300:
            return
        if about == "address" and 400 <= status < 500 and status != 421:
            raise far_side.error(AddressBusy, words.ADDRESS_BUSY, status=status)
        if 400 <= status < 500:
            raise far_side.temporary(words.MAIL_BUSY, status=status)
        if about == "sender":
            raise far_side.configuration(words.SENDER_REFUSED, status=status)
        if about in ("address", "message") and 500 <= status < 600:
            refused = words.ADDRESS_REFUSED if about == "address" else words.MESSAGE_REFUSED
            raise far_side.permanent(refused, status=status)
        raise far_side.temporary(words.ODD_SMTP, status=status)

    def _meant(self, error: Exception) -> SkolnavError:
        why: Text = words.NOT_IN_TIME if isinstance(error, TimeoutError) else words.NO_OR_BROKEN
        return handshake_failure(error, self._far_side) or self._far_side.temporary(words.SMTP, why=why)


class _Server(smtplib.SMTP):
    """Keeps a second handle of its connection: while TLS is being set up, `sock` is not usable."""

    def __init__(self, settings: SmtpSettings) -> None:
        # The name in the greeting: this machine's own name would disclose the inner network, and cost a look-up.
        super().__init__(local_hostname=settings.sender.rpartition("@")[2], timeout=settings.timeout_s)
        self._host = settings.host  # whose certificate STARTTLS verifies; connect() does not set it
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


def _base64(text: str) -> str:
    return b64encode(text.encode()).decode()
