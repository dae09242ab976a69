"""The wire to a mail server: one message to one address, over STARTTLS with a verified certificate."""

from plugins.wires.smtp import AddressBusy, Smtp

__all__ = [
    "AddressBusy",
    "Smtp",
]
