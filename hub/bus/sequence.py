"""`sequence` and acceptance time: they order the events of one key and never fall (docs/architecture.md, The log)."""

import secrets
from typing import Final

# Two events of one key in one microsecond are a random step apart, of at most this much and one: two numbers must not
# reveal how many events lie between them.
_STEP: Final = 63
_DICE: Final = 1024


class Sequencer:
    """Issues the numbers, for the writer only. `high` is the largest sequence that was issued before."""

    def __init__(self, high: int) -> None:
        self._accepted = high
        self._last: dict[str, int] = {}
        self._dice = bytearray()

    def begin(self, now_us: int) -> int:
        """The acceptance time of the next group: later than all before, even if the clock was set back."""
        self._accepted = max(now_us, self._accepted + 1)
        # A key needs an entry only while its last number is at or past the acceptance time.
        self._last = {key: last for key, last in self._last.items() if last >= self._accepted}
        return self._accepted

    def take(self, key: str) -> int:
        """The next number of a key, at least the acceptance time."""
        last = self._last.get(key)
        number = self._accepted if last is None else last + 1 + self._step()
        self._last[key] = number
        return number

    def _step(self) -> int:
        if not self._dice:  # many at once, since each call is a system call
            self._dice = bytearray(secrets.token_bytes(_DICE))
        return self._dice.pop() & _STEP
