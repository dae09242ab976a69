"""The events with which logs are tested, and how a whole log is read."""

import uuid
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from itertools import pairwise
from typing import Annotated, Any

from hub.bus.base import Log, Position, Stored
from hub.bus.news import NOBODY, Again
from schemas import Catalogue, Category, Described, Event, EventSpec, Payload, Ref, core_catalogue

Reopen = Callable[[], Awaitable[Log]]
"""Closes the log and opens it again on the same data."""

SOURCE = "urn:example:school"


class Reading(Payload):
    """Not a state family."""

    sensor: Annotated[str, Category.NONE]
    value: Annotated[int, Category.NONE]
    spec = EventSpec(type="se.example.sensor.reading.v1", subject=Ref("sensor", "sensor"), key=Ref("sensor", "sensor"))


class Booked(Payload):
    """State within its window only, or until it is over, about those who take part."""

    id: Annotated[str, Category.NONE]
    people: Annotated[list[str], Category.IDENTITY]
    over: Annotated[str | None, Category.NONE] = None
    spec = EventSpec(
        type="se.example.booking.made.v1",
        subject=Ref("booking", "id"),
        key=Ref("booking", "id"),
        entity=Ref("booking", "id"),
        about=("people[]",),
        window=True,
        until="over",
    )


class Opened(Payload):
    """State until it ends, about those concerned."""

    id: Annotated[str, Category.NONE]
    people: Annotated[list[str], Category.IDENTITY]
    note: Annotated[str | None, Category.FREE_TEXT] = None
    spec = EventSpec(
        type="se.example.matter.opened.v1",
        subject=Ref("matter", "id"),
        key=Ref("matter", "id"),
        entity=Ref("matter", "id"),
        about=("people[]",),
    )


class Amended(Payload):
    """A change of a matter: the whole of it, with what stood there before."""

    id: Annotated[str, Category.NONE]
    people: Annotated[list[str], Category.IDENTITY]
    note: Annotated[str | None, Category.FREE_TEXT] = None
    changed: Annotated[dict[str, str] | None, Category.FREE_TEXT] = None
    spec = EventSpec(
        type="se.example.matter.amended.v1",
        subject=Ref("matter", "id"),
        key=Ref("matter", "id"),
        entity=Ref("matter", "id"),
        about=("people[]",),
    )


class Ended(Payload):
    """The end of a matter."""

    id: Annotated[str, Category.NONE]
    spec = EventSpec(
        type="se.example.matter.ended.v1",
        subject=Ref("matter", "id"),
        key=Ref("matter", "id"),
        entity=Ref("matter", "id"),
        ends=True,
    )


def catalogue() -> Catalogue:
    """The hub's own types and those above: enough to see every kind of state."""
    made = core_catalogue()
    for model in (Reading, Booked, Opened, Amended, Ended):
        made.register(model)
    return made


CATALOGUE = catalogue()


def event(
    type_: str, data: dict[str, Any], *, id: str | None = None, source: str = SOURCE, time: str | None = None
) -> Described:
    attributes: dict[str, Any] = {
        "specversion": "1.0",
        "id": id or str(uuid.uuid4()),
        "source": source,
        "type": f"se.example.{type_}.v1",
        "datacontenttype": "application/json",
    }
    if time is not None:
        attributes["time"] = time
    return CATALOGUE.describe(Event(attributes, data))


def reading(value: int = 0, *, sensor: str = "a", id: str | None = None, time: str | None = None) -> Described:
    return event("sensor.reading", {"sensor": sensor, "value": value}, id=id, time=time)


def matter(name: str, *people: str, note: str | None = None, id: str | None = None) -> Described:
    return event("matter.opened", {"id": name, "people": list(people), "note": note}, id=id)


def amended(name: str, *, was: str, note: str | None = None, id: str | None = None) -> Described:
    """What continues an earlier event: read as state, it comes with that one."""
    return event("matter.amended", {"id": name, "people": [], "note": note, "changed": {"note": was}}, id=id)


def ended(name: str, *, id: str | None = None) -> Described:
    return event("matter.ended", {"id": name}, id=id)


def booking(name: str, *people: str, id: str | None = None, over: str | None = None) -> Described:
    data = {"id": name, "people": list(people)}
    return event("booking.made", data if over is None else {**data, "over": over}, id=id)


async def everything(log: Log, after: Position | None = None, limit: int = 100) -> list[Stored]:
    """All that a reader gets from a position (the oldest, unless said) to the head, page by page."""
    position = after or log.start()
    found: list[Stored] = []
    while True:
        batch = await log.read(position, limit)
        found += batch.events
        position = batch.position
        if batch.at_head:
            return found


def names(events: Sequence[Stored]) -> list[str]:
    return [each.id for each in events]


def by_key(events: Sequence[Stored]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for each in events:
        found[each.key].append(each.id)
    return found


def sequences(events: Sequence[Stored]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for each in events:
        found[each.key].append(each.parsed["sequence"])
    return found


def assert_rising(numbers: Sequence[str]) -> None:
    assert all(len(number) == 16 and number.isdigit() for number in numbers)
    assert all(earlier < later for earlier, later in pairwise(numbers))


def by_key_of(published: Sequence[Described]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for each in published:
        found[each.key].append(each.event.id)
    return found


def anew(*entities: str) -> dict[str, Again]:
    """What `Log.restate` takes, where it does not matter for whom."""
    return dict.fromkeys(entities, NOBODY)
