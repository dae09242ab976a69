"""The test kit: a hub to test with, an invented school, a clock that the test moves. See docs/vendors/README.md."""

from plugins.testing import Canary, DeadLetter, ManualClock, PendingTimer, School, TestHub, open_hub

__all__ = [
    "Canary",
    "DeadLetter",
    "ManualClock",
    "PendingTimer",
    "School",
    "TestHub",
    "open_hub",
]
