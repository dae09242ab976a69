"""Sending again: lanes of replays and resends, which an operator starts, and the event that tests a subscription."""

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Final, Literal

from hub.bus.base import Place, Position, Stored
from hub.delivery.base import PULLED, EmptySpan, NotFound, TooManyLanes
from hub.delivery.parking import EVENT, STATE
from hub.delivery.parts import Parts
from hub.delivery.reading import ReadCursor, Reader
from hub.privacy.telling import LIVE
from hub.store import audit, cursors, dead_letters, lanes, parked
from hub.store.base import Operation
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


async def resend(parts: Parts, subscription: Subscription, letters: Sequence[str], *, by: str) -> Sequence[str]:
    """End dead letters and store lanes for their events, all in one commit; returns the lanes' names.

    One lane holds the letters whose events were read alike, so there are two at most. Raises NotFound if one of the
    letters is no dead letter of the subscription any more; then nothing was done.
    """
    by_cause: dict[str, list[dead_letters.DeadLetter]] = {}
    for letter in await _letters(parts, subscription, letters):
        cause = STATE if await _was_state(parts, letter) else EVENT
        by_cause.setdefault(cause, []).append(letter)
    operations: list[Operation] = []
    names = []
    for cause, some in by_cause.items():
        lane = _resending(parts, subscription, cause, some, by)
        names.append(lane.lane)
        operations.append(lanes.add(parts.tenant, lane))
        if subscription.sink["kind"] not in PULLED:
            operations += await _park_all(parts, lane, cause, some)
        operations += [_end(parts, letter, "resent", by, new_lane=lane.lane) for letter in some]
    await parts.store.commit(*operations)
    return names


async def discard(parts: Parts, subscription: Subscription, letters: Sequence[str], *, note: str, by: str) -> None:
    """End dead letters without sending their events again, all in one commit. Raises NotFound, as `resend`."""
    found = await _letters(parts, subscription, letters)
    now, tenant = parts.clock.utc(), parts.tenant
    acts = [audit.add(tenant, now, actor=by, action="dead-letter.discarded", target=letter.id) for letter in found]
    await parts.store.commit(*(_end(parts, letter, "discarded", by, note=note) for letter in found), *acts)


async def _letters(
    parts: Parts, subscription: Subscription, letters: Sequence[str]
) -> Sequence[dead_letters.DeadLetter]:
    found = []
    for id in dict.fromkeys(letters):
        letter = await parts.store.read(dead_letters.get(parts.tenant, id))
        if letter is None or letter.subscription != subscription.id:
            raise NotFound(id)
        found.append(letter)
    return found


def _end(
    parts: Parts,
    letter: dead_letters.DeadLetter,
    how: Literal["resent", "discarded"],
    by: str,
    *,
    note: str = "",
    new_lane: str = "",
) -> Operation:
    ended = dead_letters.EndedLetter(
        letter=letter, ended_at=parts.clock.utc(), how=how, by=by, note=note, new_lane=new_lane
    )
    return dead_letters.end(parts.tenant, ended)


def _resending(
    parts: Parts, subscription: Subscription, cause: str, letters: Sequence[dead_letters.DeadLetter], by: str
) -> lanes.Lane:
    """A lane that has nothing to read: its events are parked keys that are due, or for a feed its places."""
    head = parts.log.head().pack()
    return lanes.Lane(
        subscription=subscription.id,
        lane=_RESEND[cause] + secrets.token_hex(4),
        kind="resend",
        start=head,
        until=head,
        places=tuple(sorted(letter.place for letter in letters)),
        by=by,
        at=parts.clock.utc(),
        done=False,
    )


async def _park_all(
    parts: Parts, lane: lanes.Lane, cause: str, letters: Sequence[dead_letters.DeadLetter]
) -> list[Operation]:
    """The lane's cursor, and a parked key for each ordering key: the events of a key go in the order of the log."""
    tenant, now = parts.tenant, parts.clock.utc()
    there = {stored.at: stored for stored in await parts.log.get([Place(each.place) for each in letters])}
    keys: dict[bytes, list[int]] = {}
    for letter in sorted(letters, key=lambda letter: letter.place):
        stored = there.get(Place(letter.place))
        # A state waits behind nothing: the lane could not tell later that the event was read as its entity's state.
        key = letter.id.encode() if stored is None or cause == STATE else parts.key_of(stored)
        keys.setdefault(key, []).append(letter.place)
    reader = Reader(parts.log, ReadCursor(Position.unpack(lane.start)), until=Position.unpack(lane.until))
    operations = [cursors.save(tenant, _cursor(lane, reader))]
    for key, (first, *behind) in keys.items():
        row = parked.Parked(
            subscription=lane.subscription,
            lane=lane.lane,
            key=key,
            place=first,
            cause=cause,
            attempts=0,
            due=now,
            since=now,
            reason="",
        )
        operations.append(parked.park(tenant, row))
        if behind:
            operations.append(parked.wait(tenant, lane.subscription, lane.lane, key=key, places=behind))
    return operations


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
