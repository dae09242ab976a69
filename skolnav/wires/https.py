"""The wire to a system that speaks HTTP over TLS: login, time-outs, bounded answers, and what each failure means."""

from plugins.wires.https import Endpoint, Https, Reply

__all__ = [
    "Endpoint",
    "Https",
    "Reply",
]
