"""The mail to one address about a kitchen's day.

No sender can see whether mail has arrived. The connector therefore stores an order before sending it (`telling`), and
derives the Message-ID from the content, so that a repeat after a crash can be recognised.
"""

import hashlib
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from connectors.catering.config import EmailTransport, Kitchen
from connectors.catering.mapping import mail_subject, mail_text
from connectors.catering.snapshot import Snapshot


def message(
    transport: EmailTransport, address: str, *, kitchen: Kitchen, snapshot: Snapshot, at: datetime
) -> EmailMessage:
    """The mail to one address; `at` is when the snapshot was decided, not when the mail is sent."""
    text = mail_text(kitchen, snapshot)
    mail = EmailMessage(policy=SMTP)
    mail["From"] = transport.sender
    mail["To"] = address
    mail["Subject"] = mail_subject(kitchen, snapshot)
    mail["Date"] = format_datetime(at)
    mail["Message-ID"] = message_id(transport.sender, address, kitchen=kitchen, snapshot=snapshot, text=text)
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday greetings in return
    mail.set_content(text, cte="quoted-printable")
    return mail


def message_id(sender: str, address: str, *, kitchen: Kitchen, snapshot: Snapshot, text: str) -> str:
    """A Message-ID from kitchen, date, revision, address and text.

    The text is part of it, since revisions begin again after a restored backup, and a server that knows the id would
    drop the new mail.
    """
    parts = (kitchen.id, snapshot.day.isoformat(), str(snapshot.revision), address, text)
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:40]
    return f"<{digest}@{sender.rpartition('@')[2]}>"
