"""Dead letters: the row that an operator sees after the hub gave up an event. Ids and a reason, no data."""

import logging

from hub.bus.base import Place, Stored
from hub.delivery.parking import ParkedKey
from hub.delivery.parts import Parts
from hub.store import dead_letters
from hub.store.base import Operation

log = logging.getLogger(__name__)


def dead_letter(
    parts: Parts, *, subscription: str, lane: str, stored: Stored | None, at: Place, reason: str, key: ParkedKey | None
) -> Operation:
    """The row for an event that is given up.

    `stored` None: the log no longer has the event. `key`: the parked key of the event, None if it was not parked.
    """
    now = parts.clock.utc()
    letter = dead_letters.DeadLetter(
        id=dead_letters.new_id(now),
        subscription=subscription,
        lane=lane,
        place=at,
        event_id="" if stored is None else stored.id,
        source="" if stored is None else stored.source,
        type="" if stored is None else stored.type,
        reason=reason,
        attempts=1 if key is None else key.attempts + 1,
        first_at=now if key is None else key.since,
        dead_at=now,
    )
    log.warning("subscription %s: dead letter %s (%s)", subscription, letter.id, reason)
    return dead_letters.add(parts.tenant, letter)
