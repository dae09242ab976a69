"""When to try again. Pure: the caller brings attempts, the far side's wish and the dice."""

import random
from typing import Final

MINUTE: Final = 60.0
HOUR: Final = 60 * MINUTE

# Seconds until the next try after the 1st, 2nd, ... failure: quick while it may be a hiccup, then over about three
# days, so that a recipient that breaks on a Friday evening can be mended on Monday.
DELAYS_S: Final = (5.0, 30.0, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR,
                   20 * HOUR, 24 * HOUR)  # fmt: skip
ATTEMPTS: Final = len(DELAYS_S) + 1
MAX_RETRY_AFTER_S: Final = HOUR

DECISION_DELAY_S: Final = 30.0  # a decision that failed is the hub's own fault: tried again soon, never counted


def next_delay_s(attempts: int, retry_after_s: float | None, dice: random.Random) -> float | None:
    """Seconds to wait after `attempts` failures, or None if that was the last.

    Up to a fifth is added at random, so that keys that failed together do not come back together. The far side's
    Retry-After is honoured when it asks for more time, up to an hour.
    """
    if attempts >= ATTEMPTS:
        return None
    delay = DELAYS_S[attempts - 1]
    if retry_after_s is not None:
        delay = max(delay, min(retry_after_s, MAX_RETRY_AFTER_S))
    return delay * (1 + dice.random() / 5)


HOLD_AFTER: Final = 5  # failures in a row of the recipient as a whole, before it is left in peace
HOLD_S: Final = (1.0, 5.0, 15.0, 60.0, 300.0)


def hold_s(streak: int, retry_after_s: float | None, dice: random.Random) -> float:
    """How long to leave a failing recipient in peace before one probe; `streak` failures in a row so far."""
    delay = HOLD_S[min(max(streak - HOLD_AFTER, 0), len(HOLD_S) - 1)]
    if retry_after_s is not None:
        delay = max(delay, min(retry_after_s, MAX_RETRY_AFTER_S))
    return delay * (1 + dice.random() / 5)
