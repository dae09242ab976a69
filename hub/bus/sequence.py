"""`sequence` and acceptance time: they order the events of one key and never fall (docs/architecture.md, The log).

The numbers of one key in one group are one apart, so they count events. Recipients get numbers of their own instead
(`hub.privacy.numbers`).
"""


class Sequencer:
    """Issues the numbers, for the writer only. `high` is the largest sequence that was issued before."""

    def __init__(self, high: int) -> None:
        self._high = high
        self._accepted = high
        self._last: dict[str, int] = {}

    def begin(self, now_us: int) -> int:
        """The acceptance time of the next group: past all numbers before, even if the clock was set back.

        So the first number of a key in a group is the acceptance time, whatever the groups before had.
        """
        self._accepted = self._high = max(now_us, self._high + 1)
        self._last = {}
        return self._accepted

    def take(self, key: str) -> int:
        """The next number of a key in this group: the acceptance time, then one more each."""
        last = self._last.get(key)
        if last is None:
            number = self._accepted
        else:
            number = last + 1
            self._high = max(self._high, number)
        self._last[key] = number
        return number
