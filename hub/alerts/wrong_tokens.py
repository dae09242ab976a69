"""How many wrong tokens and secrets came within the last hour."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

HOUR: Final = timedelta(hours=1)


@dataclass(slots=True)
class WrongTokens:
    """`total()` is how many have come since the hub's start. Each counts for an hour from the look that found it."""

    total: Callable[[], int] = lambda: 0
    before: int = 0  # how many were found more than an hour ago
    looks: list[tuple[datetime, int]] = field(default_factory=list)  # those of the last hour that found more

    def of_the_hour(self, now: datetime) -> int:
        total = self.total()
        if total > (self.looks[-1][1] if self.looks else self.before):
            self.looks.append((now, total))
        while self.looks and now - self.looks[0][0] >= HOUR:
            self.before = self.looks.pop(0)[1]
        return total - self.before

    @property
    def since(self) -> datetime:
        """When the first of them was found. Only where `of_the_hour` is above 0."""
        return self.looks[0][0]
