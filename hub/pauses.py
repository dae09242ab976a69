"""How long the hub pauses before it tries again, and the one loop that tries until it works.

The pauses between the deliveries of one event are a policy of their own: `hub.delivery.retries`.
"""

import random
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from hub.clock import Clock
from plugins.retry_after import believable

T = TypeVar("T")

AWAY_S: Final = (0.1, 0.5, 2.0, 10.0)
"""Seconds until the next try while the store or the log is away: short after a hiccup, gentle on a full disk."""

MAX_RETRY_AFTER_S: Final = 3600.0
"""The longest pause that a far side can ask for (`Retry-After`)."""


def away_s(failures: int) -> float:
    """Seconds to pause after this many failures in a row (at least one) of the store or the log."""
    return AWAY_S[min(failures, len(AWAY_S)) - 1]


def doubled_s(failures: int, *, first_s: float, last_s: float) -> float:
    """Seconds to pause after this many failures in a row (at least one): twice as long each time, up to `last_s`."""
    return min(first_s * 2.0 ** min(failures - 1, 30), last_s)


def at_least(pause_s: float, retry_after_s: float | None) -> float:
    """The hub's own pause, or the one that the far side asked for if that is longer, up to MAX_RETRY_AFTER_S.

    A wish that can't be believed (more than a day, negative) counts as none.
    """
    wish_s = believable(retry_after_s)
    return pause_s if wish_s is None else max(pause_s, min(wish_s, MAX_RETRY_AFTER_S))


def jittered(pause_s: float, dice: random.Random) -> float:
    """The pause, up to a fifth longer, so that tries that failed together are not repeated together."""
    return pause_s * (1 + dice.random() / 5)


async def until_it_works(
    attempt: Callable[[], Awaitable[T]],
    *,
    clock: Clock,
    failed: Callable[[Exception, float], None],
    retry_on: tuple[type[Exception], ...] = (Exception,),
) -> T:
    """The result of `attempt`, which is called again after each failure of the kinds in `retry_on`.

    `failed(error, pause_s)` is called before each pause. For work on the store or the log: the pauses are AWAY_S.
    """
    failures = 0
    while True:
        try:
            return await attempt()
        except retry_on as error:
            failures += 1
            pause_s = away_s(failures)
            failed(error, pause_s)
        await clock.sleep(pause_s)
