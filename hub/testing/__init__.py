"""A hub for tests: the real log, store, gate, delivery and timers, on files of its own (entry point `skolnav.testhub`).

Vendors reach it through `plugins.testing.open_hub`.
"""

from datetime import datetime
from typing import Literal

from hub.testing.hub import FileTestHub


def open_test_hub(start: datetime | str, *, isolation: Literal["process", "none"] | None = None) -> FileTestHub:
    """A new hub with school time at `start`. Use it as an async context manager. `isolation`: see FileTestHub."""
    return FileTestHub(start, isolation=isolation)


__all__ = ["FileTestHub", "open_test_hub"]
