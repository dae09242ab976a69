"""When a delivery is tried again. Pure: the caller passes the attempts, the far side's `Retry-After` and the dice."""

import random
from typing import Final

from hub.pauses import at_least, jittered

MINUTE: Final = 60.0
HOUR: Final = 60 * MINUTE

# Seconds until the next try after the 1st, 2nd, ... failure: short at first, in case of a hiccup, and about three days
# in all, so that a recipient that breaks on a Friday evening can be repaired on Monday.
DELAYS_S: Final = (5.0, 30.0, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR,
                   20 * HOUR, 24 * HOUR)  # fmt: skip
ATTEMPTS: Final = len(DELAYS_S) + 1

DECISION_DELAY_S: Final = (
    30.0  # a failed decision is the hub's own fault: the next try is soon, and no attempt is counted
)


def next_delay_s(attempts: int, retry_after_s: float | None, dice: random.Random) -> float | None:
    """Seconds to wait after `attempts` failures, or None if that was the last.

    A longer Retry-After counts instead, up to an hour. Jitter separates the next tries of keys that failed together.
    """
    if attempts >= ATTEMPTS:
        return None
    return jittered(at_least(DELAYS_S[attempts - 1], retry_after_s), dice)


HANDSHAKE_S: Final = (1.0, 10.0, 60.0, 600.0)


def handshake_s(failures: int) -> float:
    """Seconds until a webhook is asked for its consent again, after this many failures in a row (at least one)."""
    return HANDSHAKE_S[min(failures, len(HANDSHAKE_S)) - 1]


HOLD_AFTER: Final = 5  # failures in a row of a recipient as a whole, after which deliveries to it are held
HOLD_S: Final = (1.0, 5.0, 15.0, 60.0, 300.0)


def hold_s(streak: int, retry_after_s: float | None, dice: random.Random) -> float:
    """Seconds to hold a failing recipient's deliveries before one probe, after `streak` failures in a row."""
    return jittered(at_least(HOLD_S[min(max(streak - HOLD_AFTER, 0), len(HOLD_S) - 1)], retry_after_s), dice)
