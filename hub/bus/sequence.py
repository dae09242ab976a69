"""`sequence` and acceptance time: what orders the events of one key, and never goes back (DESIGN section 3)."""

import secrets
from typing import Final

# A step between two events of one key in one microsecond. Random, so that the numbers do not tell how many there were.
_STEP_BITS: Final = 6


class Sequencer:
    """Used by the writer alone. `high` is the largest sequence ever given, as the file knows it."""

    def __init__(self, high: int) -> None:
        self._accepted = high
        self._last: dict[str, int] = {}

    def begin(self, now_us: int) -> int:
        """The acceptance time of the group that is written now: later than all before, whatever the clock says."""
        self._accepted = max(now_us, self._accepted + 1)
        # Only keys whose numbers have run ahead of time must be remembered.
        self._last = {key: last for key, last in self._last.items() if last >= self._accepted}
        return self._accepted

    def take(self, key: str) -> int:
        """The next number of a key, at least the acceptance time."""
        last = self._last.get(key)
        number = self._accepted if last is None else last + 1 + secrets.randbits(_STEP_BITS)
        self._last[key] = number
        return number
