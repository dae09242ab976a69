"""The vendors' test kit. `docs/vendors.md` shows how a package tests its connector with it."""

from plugins.testing.clock import ManualClock

__all__ = ["ManualClock"]
