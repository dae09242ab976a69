"""Sending again: lanes of replays and resends, which an operator starts, and the event that tests a subscription."""

import secrets
from datetime import datetime
from typing import Final

from hub.bus.base import Place, Position, Stored
from hub.delivery.base import PULLED, EmptySpan, NotFound, TooManyLanes
from hub.delivery.parking import EVENT, STATE
from hub.delivery.parts import Parts
from hub.delivery.reading import ReadCursor, Reader
from hub.privacy.telling import LIVE
from hub.store import cursors, dead_letters, lanes, parked
from hub.subscriptions.model import Subscription
from schemas import Event

MAX_REPLAYS: Final = 100  # of one subscription that wait or run (feed: that have events)
TEST_TYPE: Final = "se.skolnav.subscription.test.v1"

# A resend's lane names how its event was read: a letter that becomes a dead letter again still shows it.
_RESEND: Final = {EVENT: "resend-", STATE: "resend-state-"}


async def replay(
    parts: Parts, subscription: Subscription, *, since: datetime | Position | None, until: datetime | None, by: str
) -> str:
    """Store a lane that sends a stretch of the log again; returns its name. See `Delivery.replay`."""
    where, now = parts.log, parts.clock.utc()
    if isinstance(since, datetime) and since >= min(now, until or now):
        raise EmptySpan
    oldest = await where.oldest_time()
    kept = await parts.store.read(lanes.load(parts.tenant, subscription.id))
    # The lanes of a feed are never done, since each client reads at its own pace: an old one has no events any more.
    waiting = [lane for lane in kept if lane.kind == "replay" and not lane.done]
    if sum(oldest is None or lane.at >= oldest for lane in waiting) >= MAX_REPLAYS:
        raise TooManyLanes
    start = since if isinstance(since, Position) else where.start() if since is None else await where.at(since)
    end = where.head() if until is None else await where.at(until)
    lane = lanes.Lane(
        subscription=subscription.id,
        lane=f"replay-{secrets.token_hex(4)}",
        kind="replay",
        start=start.pack(),
        until=end.pack(),
        places=(),
        by=by,
        at=parts.clock.utc(),
        done=False,
    )
    operations = [lanes.add(parts.tenant, lane)]
    if subscription.sink["kind"] not in PULLED:
        reader = Reader(where, ReadCursor(start), until=end)
        operations.append(cursors.save(parts.tenant, _cursor(lane, reader)))
    await parts.store.commit(*operations)
    return lane.lane


async def resend(parts: Parts, subscription: Subscription, dead_letter: str, *, by: str) -> str:
    """Delete a dead letter and store a lane for its event; returns the lane's name. Raises NotFound."""
    tenant, store = parts.tenant, parts.store
    letter = await store.read(dead_letters.get(tenant, dead_letter))
    if letter is None or letter.subscription != subscription.id:
        raise NotFound(dead_letter)
    cause = STATE if await _was_state(parts, letter) else EVENT
    now, head = parts.clock.utc(), parts.log.head()
    lane = lanes.Lane(
        subscription=subscription.id,
        lane=_RESEND[cause] + secrets.token_hex(4),
        kind="resend",
        start=head.pack(),
        until=head.pack(),
        places=(letter.place,),
        by=by,
        at=now,
        done=False,
    )
    operations = [lanes.add(tenant, lane), dead_letters.remove(tenant, dead_letter)]
    if subscription.sink["kind"] not in PULLED:
        # The lane has nothing to read, and one parked key that is due.
        row = parked.Parked(
            subscription=subscription.id,
            lane=lane.lane,
            key=dead_letter.encode(),
            place=letter.place,
            cause=cause,
            attempts=0,
            due=now,
            since=now,
            reason="",
        )
        reader = Reader(parts.log, ReadCursor(head), until=head)
        operations += [cursors.save(tenant, _cursor(lane, reader)), parked.park(tenant, row)]
    await store.commit(*operations)
    return lane.lane


def test_event(parts: Parts, subscription: Subscription) -> Stored:
    """An event about no person, which is in no log."""
    event = Event(
        {
            "specversion": "1.0",
            "id": secrets.token_hex(16),
            "source": f"urn:skolnav:{parts.tenant}",
            "type": TEST_TYPE,
            "time": parts.clock.utc().isoformat(),
            "datacontenttype": "application/json",
        },
        {"subscription": subscription.name},
    )
    return Stored(
        at=Place(0), type=TEST_TYPE, source="", id="", subject="", key="", entity=None, about=(), organisations=(),
        extras=False, accepted_us=0, body=event.to_json(),
    )  # fmt: skip


def _cursor(lane: lanes.Lane, reader: Reader) -> cursors.Cursor:
    return cursors.Cursor(
        subscription=lane.subscription, lane=lane.lane, position=reader.pack(), open=(), accepted_us=0
    )


async def _was_state(parts: Parts, letter: dead_letters.DeadLetter) -> bool:
    """Whether a dead letter's event was read as its entity's state."""
    if letter.lane.startswith(_RESEND[STATE]):
        return True
    rows = await parts.store.read(cursors.load(parts.tenant, letter.subscription))
    live = next((row for row in rows if row.lane == letter.lane == LIVE), None)
    return live is not None and Reader.open(parts.log, live.position).was_state(Place(letter.place))
