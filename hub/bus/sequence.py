"""`sequence` and acceptance time: what orders the events of one key, and never goes back (DESIGN section 3)."""

import secrets
from typing import Final

# A step between two events of one key in one microsecond. Random, so that the numbers do not tell how many there were.
_STEP: Final = 63
_DICE: Final = 1024


class Sequencer:
    """Used by the writer alone. `high` is the largest sequence ever given, as the file knows it."""

    def __init__(self, high: int) -> None:
        self._accepted = high
        self._last: dict[str, int] = {}
        self._dice = bytearray()

    def begin(self, now_us: int) -> int:
        """The acceptance time of the group that is written now: later than all before, whatever the clock says."""
        self._accepted = max(now_us, self._accepted + 1)
        # Only keys whose numbers have run ahead of time must be remembered.
        self._last = {key: last for key, last in self._last.items() if last >= self._accepted}
        return self._accepted

    def take(self, key: str) -> int:
        """The next number of a key, at least the acceptance time."""
        last = self._last.get(key)
        number = self._accepted if last is None else last + 1 + self._step()
        self._last[key] = number
        return number

    def _step(self) -> int:
        if not self._dice:  # many at a time: each would be a call of the system
            self._dice = bytearray(secrets.token_bytes(_DICE))
        return self._dice.pop() & _STEP
