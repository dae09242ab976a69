"""Tells the operator which publisher was refused because what it would change belongs to another source."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final

from hub.clock import Clock

REPEAT_S: Final = 300.0  # seconds between two lines about the same publisher, type and owner
_MOST: Final = 1000  # different ones that are remembered

CODE: Final = "owned-by-another"


class Refusals:
    """One line for each publisher, type and owner; repeats within REPEAT_S are counted in the next line.

    `problem(where, code, detail)` takes the line to the operator.
    """

    def __init__(self, clock: Clock, problem: Callable[[str, str, str], None]) -> None:
        self._clock = clock
        self._problem = problem
        self._told_at: dict[tuple[str, str, str], float] = {}
        self._untold: Counter[tuple[str, str, str]] = Counter()

    def note(self, publisher: str, refused: Iterable[tuple[str, str]]) -> None:
        """`publisher` is its place in the configuration, `refused` the type and the owner for each event."""
        now = self._clock.monotonic()
        for (type_, owner), count in Counter(refused).items():
            key = (publisher, type_, owner)
            told_at = self._told_at.get(key)
            self._untold[key] += count
            if told_at is not None and now - told_at < REPEAT_S:
                continue
            if len(self._told_at) >= _MOST:
                self._told_at.clear()
                self._untold.clear()
                self._untold[key] = count
            self._told_at[key] = now
            self._problem(publisher, CODE, f"{self._untold.pop(key)} x {type_}, owner {owner}")
