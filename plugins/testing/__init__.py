"""The vendors' test kit: a hub to test with, an invented school, and suites (`plugins.testing.suites`, for pytest).

`docs/vendors/README.md` shows how a package tests its connector with it.
"""

from plugins.testing.clock import ManualClock
from plugins.testing.hub import DeadLetter, PendingTimer, TestHub, open_hub
from plugins.testing.school import Canary, School

__all__ = ["Canary", "DeadLetter", "ManualClock", "PendingTimer", "School", "TestHub", "open_hub"]
