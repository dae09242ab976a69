"""What every log promises. Subclass `LogContract` as Test...; give `clock`, an empty `log`, and `reopen`."""

import asyncio
import random
import uuid
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Annotated, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.bus.base import IdConflict, Log, OwnedByAnother, Position, Stored, Wanted, corrects_all
from hub.clock import to_us
from schemas import Catalogue, Category, Described, Event, EventSpec, Payload, Ref, core_catalogue
from tests.clock import MORNING, HandClock

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


class LogContract:
    """Promises every log keeps."""

    # Append and read

    async def test_an_event_is_read_as_it_was_published_with_a_sequence(self, log: Log) -> None:
        published = matter("m1", "Ada", note="åäö 🦉", id="e1")
        appended = await log.append([published])
        (read,) = await everything(log)
        assert names(appended.stored) == ["e1"]
        attributes = dict(read.event.attributes)
        assert len(attributes.pop("sequence")) == 16
        assert attributes.pop("time").startswith("2026-11-24T07:00:00")
        assert (attributes, read.event.data) == (published.event.attributes, published.event.data)
        assert (read.type, read.source, read.id) == ("se.example.matter.opened.v1", SOURCE, "e1")
        assert (read.subject, read.key, read.entity) == ("matter/m1", "matter/m1", "matter/m1")
        assert (read.about, read.organisations, read.extras) == (("ada",), (), False)

    async def test_the_columns_are_those_that_the_catalogue_worked_out(self, log: Log, reopen: Reopen) -> None:
        """UUIDs and other names alike, from memory and from the file."""
        a, b = str(uuid.uuid4()), str(uuid.uuid4())
        published = [
            matter(str(uuid.uuid4()), a, id=str(uuid.uuid4())),
            matter(str(uuid.uuid4()).upper(), a, b, id=str(uuid.uuid4()).upper()),
            matter("12345678-1234-1234-1234-123456789012", "someone", a),
            matter("not/a uuid", id='quotes " and \\ and /'),
            event("matter.opened", {"id": "x", "people": [], "more": True}, source="/relative"),
            CATALOGUE.describe(Event.from_dict(CATALOGUE.example(CATALOGUE.entry("se.skolnav.absence.reported.v1")))),
        ]
        await log.append(published)
        for at in (log, await reopen()):
            read = {each.id: each for each in await everything(at)}
            for each in published:
                stored = read[each.event.id]
                assert (stored.source, stored.subject, stored.key, stored.entity) == (
                    each.event.source,
                    each.subject,
                    each.key,
                    each.entity,
                )
                assert (stored.about, stored.organisations, stored.extras) == (
                    each.about,
                    each.organisations,
                    each.extras,
                )
                assert stored.event.data == each.event.data

    async def test_the_publishers_time_is_kept_and_a_missing_one_is_filled(self, log: Log) -> None:
        given, missing = reading(time="2026-11-20T08:00:00+01:00"), reading()
        await log.append([given, missing])
        read = {each.id: each.parsed for each in await everything(log)}
        assert read[given.event.id]["time"] == "2026-11-20T08:00:00+01:00"
        assert read[missing.event.id]["time"] == "2026-11-24T07:00:00.000000Z"

    async def test_a_sequence_that_the_publisher_set_is_dropped(self, log: Log) -> None:
        published = reading()
        forged = Event({**published.event.attributes, "sequence": "9" * 16, "skolnavlane": "r1"}, published.event.data)
        described = replace(published, event=forged)
        await log.append([described])
        (read,) = await everything(log)
        assert read.parsed["sequence"] < "9" * 16
        assert "skolnavlane" not in read.parsed

    async def test_an_entity_belongs_to_the_source_that_made_it(self, log: Log, reopen: Reopen) -> None:
        """Through changes, corrections, copies, an end and a restart."""
        mine = {"id": "m1", "people": []}
        await log.append([event("matter.opened", mine, source="urn:a")])
        await log.append([event("matter.amended", {**mine, "changed": {}}, source="urn:b")], corrects_all)
        await log.restate(["matter/m1"])
        for at in (log, None):
            at = at or await reopen()
            for type_ in ("matter.opened", "matter.amended", "matter.ended"):
                for source in ("urn:b", "urn:c"):
                    with pytest.raises(OwnedByAnother) as refused:
                        await at.append([reading(), event(type_, mine, source=source)])
                    assert (refused.value.indexes, refused.value.owners) == ((1,), ("urn:a",))
            await at.append([event("matter.ended", mine, source="urn:a")])
        assert [each.type for each in await everything(at)].count("se.example.sensor.reading.v1") == 0

    async def test_the_second_source_of_a_kind_is_judged_too(self, log: Log, reopen: Reopen) -> None:
        """Its first event about an entity that one source alone has made so far, at once and after a restart."""
        for number, at in enumerate((log, None)):
            at = at or await reopen()
            mine = {"id": f"m{number}", "people": []}
            await at.append([event("matter.opened", mine, source="urn:a")])
            await at.append([event("matter.opened", {**mine, "id": "text and/slash"}, source="urn:a")])
            with pytest.raises(OwnedByAnother):
                await at.append([event("matter.ended", mine, source=f"urn:{number}")])
            with pytest.raises(OwnedByAnother):
                await at.append(
                    [
                        event("matter.opened", {**mine, "id": f"new {number}"}, source="urn:a"),
                        event("matter.ended", {**mine, "id": f"new {number}"}, source=f"urn:other {number}"),
                    ]
                )
            await at.append([event("matter.ended", mine, source="urn:a")])

    async def test_what_is_refused_leaves_no_owner_behind(self, log: Log) -> None:
        await log.append([event("matter.opened", {"id": "m1", "people": []}, source="urn:a")])
        with pytest.raises(OwnedByAnother):
            await log.append([
                event("matter.opened", {"id": "m2", "people": []}, source="urn:b"),
                event("matter.opened", {"id": "m1", "people": []}, source="urn:b"),
            ])  # fmt: skip
        await log.append([event("matter.opened", {"id": "m2", "people": []}, source="urn:a")])

    async def test_of_many_at_the_same_moment_one_source_gets_the_entity(self, log: Log) -> None:
        sources = [f"urn:{n}" for n in range(20)]
        made = [log.append([event("matter.opened", {"id": "m1", "people": []}, source=each)]) for each in sources]
        results = await asyncio.gather(*made, return_exceptions=True)
        assert [type(each) for each in results].count(OwnedByAnother) == len(sources) - 1
        assert len(await everything(log)) == 1

    async def test_a_repeat_that_is_spelt_differently_is_a_repeat(self, log: Log, reopen: Reopen) -> None:
        await log.append([reading(id="r", time="2026-11-20T08:00:00+01:00")])
        for at in (log, None):
            at = at or await reopen()
            again = await at.append([reading(id="r", time="2026-11-20T07:00:00Z")])
            assert (len(again.stored), again.duplicates) == (0, 1)
            with pytest.raises(IdConflict):
                await at.append([reading(id="r", time="2026-11-20T08:00:00Z")])

    async def test_an_integer_past_64_bits_is_stored_whole(self, log: Log) -> None:
        await log.append([event("sensor.reading", {"sensor": "a", "value": 1, "big": 2**80}, id="big")])
        (read,) = await everything(log)
        assert str(2**80).encode() in read.body

    async def test_events_of_a_key_are_read_in_the_order_of_append(self, log: Log, reopen: Reopen) -> None:
        """Promise 2."""
        published = [reading(n, sensor=f"s{n % 7}") for n in range(300)]
        for start in range(0, 300, 50):
            await log.append(published[start : start + 50])
        wanted = by_key_of(published)
        assert by_key(await everything(log, limit=17)) == wanted
        log = await reopen()
        assert by_key(await everything(log, limit=17)) == wanted

    async def test_concurrent_appends_lose_and_repeat_nothing(self, log: Log) -> None:
        """Promise 2: each caller's own events of a key keep their order."""

        async def caller(number: int) -> None:
            for n in range(20):
                await log.append([reading(n, sensor=f"s{number}", id=f"{number}-{n}")])

        await asyncio.gather(*[caller(number) for number in range(32)])
        read = by_key(await everything(log))
        assert read == {f"sensor/s{number}": [f"{number}-{n}" for n in range(20)] for number in range(32)}

    async def test_a_page_goes_on_where_the_last_one_ended(self, log: Log) -> None:
        await log.append([reading(n, sensor=f"s{n % 5}") for n in range(50)])
        position, found = log.start(), []
        for _ in range(100):
            batch = await log.read(position, 3)
            assert len(batch.events) <= 3
            found += names(batch.events)
            assert all(batch.position.covers(each.at) for each in batch.events)
            position = batch.position
            if batch.at_head:
                break
        assert len(found) == len(set(found)) == 50
        assert position == log.head()

    async def test_a_page_is_bounded_in_bytes_but_never_empty_before_the_head(self, log: Log, reopen: Reopen) -> None:
        await log.append([matter(f"m{n}", note="x" * 5000) for n in range(10)])
        for at in (log, await reopen()):
            batch = await at.read(at.start(), 10, limit_bytes=12_000)
            assert len(batch.events) == 2
            batch = await at.read(at.start(), 10, limit_bytes=1)
            assert len(batch.events) == 1
            assert not batch.at_head

    async def test_reading_at_the_head_gives_nothing_and_says_so(self, log: Log) -> None:
        await log.append([reading()])
        batch = await log.read(log.head(), 10)
        assert (list(batch.events), batch.position, batch.at_head) == ([], log.head(), True)

    async def test_an_empty_log_is_at_its_head(self, log: Log) -> None:
        assert log.start() == log.head()
        assert (await log.read(log.start(), 10)).at_head
        assert await log.oldest_time() is None

    async def test_a_position_survives_a_restart(self, log: Log, reopen: Reopen) -> None:
        await log.append([reading(n, sensor=f"s{n}") for n in range(10)])
        packed = log.head().pack()
        log = await reopen()
        await log.append([reading(id="after")])
        assert names(await everything(log, Position.unpack(packed))) == ["after"]

    async def test_a_position_of_an_earlier_life_can_be_continued_event_by_event(
        self, log: Log, reopen: Reopen
    ) -> None:
        """Promise 1: a reader that stops within what it read goes on from there, and not at the restart again."""
        await log.append([reading(n, sensor="s") for n in range(3)])
        before = log.head()
        log = await reopen()
        await log.append([reading(id=id, sensor="s") for id in ("a", "b", "c")])
        position = log.present(before)
        assert names(await everything(log, position)) == ["a", "b", "c"]
        position = position.past((await log.read(position, 10)).events[0].at)
        assert names(await everything(log, position)) == ["b", "c"]

    async def test_a_position_that_this_log_never_gave_reads_from_the_oldest(self, log: Log) -> None:
        """It may name what was lost with another log: repeated is better than left out."""
        await log.append([reading(n) for n in range(3)])
        foreign = Position(log.head().epoch ^ 1, log.head().offsets)
        assert log.knows(log.head())
        assert not log.knows(foreign)
        assert len(await everything(log, foreign)) == 3

    async def test_get_gives_the_events_asked_for_in_that_order(self, log: Log, reopen: Reopen) -> None:
        await log.append([reading(n, sensor=f"s{n}", id=str(n)) for n in range(10)])
        places = {each.id: each.at for each in await everything(log)}
        for at in (log, await reopen()):
            assert names(await at.get([places["7"], places["2"], places["5"]])) == ["7", "2", "5"]
        assert list(await at.get([])) == []

    async def test_find_knows_an_event_by_source_and_id(self, log: Log, reopen: Reopen) -> None:
        await log.append([reading(n, id=str(n)) for n in range(10)])
        for at in (log, await reopen()):
            found = await at.find(SOURCE, "7")
            assert found is not None
            assert found.parsed["data"]["value"] == 7
            assert await at.find(SOURCE, "70") is None
            assert await at.find("urn:example:other", "7") is None

    # Duplicates

    async def test_the_same_event_is_read_once(self, log: Log) -> None:
        """Promise 6, at the door: repeating an append is harmless."""
        once = reading(id="e")
        first, second = await log.append([once]), await log.append([once])
        assert (len(first.stored), first.duplicates) == (1, 0)
        assert (len(second.stored), second.duplicates) == (0, 1)
        assert names(await everything(log)) == ["e"]

    async def test_a_repeat_within_a_batch_is_stored_once(self, log: Log) -> None:
        once = reading(id="e")
        appended = await log.append([once, reading(id="f"), once])
        assert (names(appended.stored), appended.duplicates) == (["e", "f"], 1)

    async def test_concurrent_repeats_are_stored_once(self, log: Log) -> None:
        once = [reading(n, id=str(n)) for n in range(5)]
        results = await asyncio.gather(*[log.append(once) for _ in range(20)])
        assert sum(len(each.stored) for each in results) == 5
        assert sum(each.duplicates for each in results) == 95
        assert sorted(names(await everything(log))) == ["0", "1", "2", "3", "4"]

    async def test_the_same_id_of_another_source_is_another_event(self, log: Log) -> None:
        data = {"sensor": "a", "value": 1}
        await log.append([event("sensor.reading", data, id="e", source=f"urn:example:{n}") for n in range(3)])
        assert len(await everything(log)) == 3

    async def test_a_repeat_is_known_after_a_restart(self, log: Log, reopen: Reopen) -> None:
        published = [reading(n, id=str(n)) for n in range(20)]
        await log.append(published)
        for _ in range(2):
            log = await reopen()
            assert (await log.append(published)).duplicates == 20
        with pytest.raises(IdConflict):
            await log.append([reading(99, id="7")])

    async def test_the_order_of_fields_does_not_make_other_content(self, log: Log) -> None:
        await log.append([event("sensor.reading", {"sensor": "a", "value": 1}, id="e")])
        assert (await log.append([event("sensor.reading", {"value": 1, "sensor": "a"}, id="e")])).duplicates == 1

    async def test_a_repeat_without_time_is_the_same_event(self, log: Log, clock: HandClock) -> None:
        """What the hub fills in is no content."""
        await log.append([reading(id="e")])
        clock.move(hours=1)
        assert (await log.append([reading(id="e")])).duplicates == 1

    async def test_other_content_under_a_known_id_is_refused_and_nothing_of_the_batch_stored(self, log: Log) -> None:
        await log.append([reading(1, id="known")])
        batch = [reading(5, id="new"), reading(2, id="known"), reading(6, id="new2"), reading(3, id="known")]
        with pytest.raises(IdConflict) as caught:
            await log.append(batch)
        assert caught.value.indexes == (1, 3)
        assert names(await everything(log)) == ["known"]
        assert len((await log.append([batch[0], batch[2]])).stored) == 2

    async def test_a_conflict_within_a_batch_is_refused(self, log: Log) -> None:
        with pytest.raises(IdConflict) as caught:
            await log.append([reading(1, id="e"), reading(2, id="e")])
        assert caught.value.indexes == (1,)
        assert await everything(log) == []

    async def test_a_conflicting_batch_does_not_hurt_the_others(self, log: Log) -> None:
        """Promise 3, at the door: callers share a transaction, not a fate."""
        await log.append([reading(0, id="known")])
        results = await asyncio.gather(
            *[
                log.append([reading(n, id=f"good{n}")] if n % 2 else [reading(n, id=f"bad{n}"), reading(9, id="known")])
                for n in range(20)
            ],
            return_exceptions=True,
        )
        assert [type(each) is IdConflict for each in results] == [n % 2 == 0 for n in range(20)]
        assert sorted(names(await everything(log))) == sorted(["known", *[f"good{n}" for n in range(1, 20, 2)]])

    async def test_a_repeat_is_known_for_the_whole_window(self, log: Log, clock: HandClock) -> None:
        """docs/architecture.md, The log: 30 days, whatever the rest of the days brought."""
        await log.append([reading(1, id="first")])
        for day in range(29):
            clock.move(days=1)
            await log.append([reading(day, id=f"day{day}")])
        clock.move(hours=23)
        assert (await log.append([reading(1, id="first")])).duplicates == 1

    # Sequence

    async def test_sequences_of_a_key_rise_in_one_batch_and_across(self, log: Log) -> None:
        await log.append([reading(n) for n in range(50)])
        for n in range(10):
            await log.append([reading(n)])
        assert_rising(sequences(await everything(log))["sensor/a"])

    async def test_a_sequence_is_at_least_the_acceptance_time(self, log: Log, clock: HandClock) -> None:
        await log.append([reading(), reading(sensor="b")])
        clock.move(minutes=5)
        await log.append([reading()])
        for each in await everything(log):
            assert int(each.parsed["sequence"]) >= each.accepted_us >= to_us(MORNING)
        assert int(sequences(await everything(log))["sensor/a"][-1]) >= to_us(MORNING + timedelta(minutes=5))

    async def test_sequences_never_go_back_with_the_clock_or_a_restart(
        self, log: Log, reopen: Reopen, clock: HandClock
    ) -> None:
        await log.append([reading(n) for n in range(100)])
        clock.move(hours=-2)
        await log.append([reading()])
        log = await reopen()
        clock.move(hours=-2)
        await log.append([reading() for _ in range(3)])
        clock.move(hours=10)
        await log.append([reading()])
        read = await everything(log)
        assert_rising(sequences(read)["sensor/a"])
        assert [each.accepted_us for each in read] == sorted(each.accepted_us for each in read)

    async def test_sequences_never_go_back_where_all_was_trimmed(
        self, log: Log, reopen: Reopen, clock: HandClock
    ) -> None:
        await log.append([reading(n) for n in range(100)])
        before = await everything(log)
        await log.trim(clock.now + timedelta(hours=1))
        log = await reopen()
        clock.move(hours=-2)
        await log.append([reading()])
        assert_rising(sequences([*before, *await everything(log)])["sensor/a"])

    async def test_steps_within_a_microsecond_do_not_count_the_events(self, log: Log) -> None:
        """Promise 5: the difference of two sequences does not tell how many events lie between."""
        await log.append([reading(n) for n in range(200)])
        numbers = [int(number) for number in sequences(await everything(log))["sensor/a"]]
        assert len({later - earlier for earlier, later in pairwise(numbers)}) > 5

    # Follow

    async def test_wait_returns_at_once_where_there_is_something(self, log: Log) -> None:
        await log.append([reading()])
        await asyncio.wait_for(log.wait(log.start()), 5)

    async def test_wait_wakes_every_follower_on_append(self, log: Log) -> None:
        head = log.head()
        waiting = [asyncio.create_task(log.wait(head)) for _ in range(10)]
        await asyncio.sleep(0)
        assert not any(task.done() for task in waiting)
        await log.append([reading()])
        await asyncio.wait_for(asyncio.gather(*waiting), 5)
        assert len((await log.read(head, 10)).events) == 1

    async def test_a_follower_that_stops_waiting_leaves_the_others_waiting(self, log: Log) -> None:
        one, other = asyncio.create_task(log.wait(log.head())), asyncio.create_task(log.wait(log.head()))
        await asyncio.sleep(0)
        one.cancel()
        await asyncio.sleep(0)
        assert not other.done()
        await log.append([reading()])
        await asyncio.wait_for(other, 5)

    async def test_an_append_that_stores_nothing_wakes_nobody_for_nothing(self, log: Log) -> None:
        await log.append([reading(id="e")])
        waiting = asyncio.create_task(log.wait(log.head()))
        await log.append([reading(id="e")])
        await asyncio.sleep(0)
        assert not waiting.done()
        waiting.cancel()

    async def test_a_follower_sees_all_while_others_append(self, log: Log) -> None:
        found: list[str] = []

        async def follow() -> None:
            position = log.start()
            while len(found) < 400:
                await log.wait(position)
                batch = await log.read(position, 50)
                found.extend(names(batch.events))
                position = batch.position

        async def caller(number: int) -> None:
            for n in range(20):
                await log.append([reading(n, sensor=f"s{number}", id=f"{number}-{n}")])

        await asyncio.wait_for(asyncio.gather(follow(), *[caller(number) for number in range(20)]), 30)
        assert sorted(found) == sorted(f"{number}-{n}" for number in range(20) for n in range(20))

    # Observers

    async def test_observers_hear_of_an_event_before_its_publisher_and_its_readers(self, log: Log) -> None:
        """docs/architecture.md, The order of commits: applied, fed, woken; only then acknowledged."""
        order: list[str] = []
        head = log.head()

        def observer(stored: Sequence[Stored]) -> None:
            order.append(f"observed {names(stored)}")
            assert log.head() == head, "a reader could have seen it"

        log.observe(observer)

        async def follow() -> None:
            await log.wait(head)
            order.append("woken")

        async def publish() -> None:
            await log.append([reading(id="e")])
            order.append("acknowledged")

        await asyncio.gather(follow(), publish())
        assert order[0] == "observed ['e']"
        assert sorted(order[1:]) == ["acknowledged", "woken"]

    async def test_observers_hear_of_everything_once_in_log_order(self, log: Log) -> None:
        heard: list[Stored] = []
        log.observe(heard.extend)
        one = reading(id="twice")
        await asyncio.gather(*[log.append([reading(n, sensor=f"s{n % 3}"), one]) for n in range(50)])
        await log.append([matter("m1")])
        await log.restate(["matter/m1"])
        assert len(heard) == 53
        assert by_key(heard) == by_key(await everything(log))

    # Time

    async def test_at_is_just_before_the_first_event_of_that_time(self, log: Log, clock: HandClock) -> None:
        for hour in range(5):
            await log.append([reading(hour, sensor=f"s{n}", id=f"{hour}-{n}") for n in range(3)])
            clock.move(hours=1)
        for hour in range(5):
            after = await log.at(MORNING + timedelta(hours=hour))
            found = names(await everything(log, after))
            assert sorted(found) == sorted(f"{h}-{n}" for h in range(hour, 5) for n in range(3))
        assert await log.at(MORNING - timedelta(days=1)) == log.start()
        assert await log.at(MORNING + timedelta(days=1)) == log.head()

    async def test_the_oldest_time_is_that_of_the_oldest_event_kept(self, log: Log, clock: HandClock) -> None:
        for _ in range(3):
            await log.append([reading(sensor=f"s{n}") for n in range(4)])
            clock.move(hours=1)
        assert await log.oldest_time() == MORNING
        await log.trim(MORNING + timedelta(minutes=30))
        oldest = await log.oldest_time()
        assert oldest is not None
        assert MORNING + timedelta(hours=1) <= oldest < MORNING + timedelta(hours=1, seconds=1)

    # State

    async def test_state_is_the_last_event_of_each_entity(self, log: Log, reopen: Reopen) -> None:
        await log.append([matter("m1", note="old", id="1"), matter("m2", id="2"), reading(id="3")])
        await log.append([matter("m1", note="new", id="4")])
        for at in (log, await reopen()):
            assert names(await at.states(["matter"])) == ["4", "2"]
            assert list(await at.states(["sensor"])) == []

    async def test_states_are_paged_by_entity(self, log: Log, reopen: Reopen) -> None:
        ids = [str(uuid.uuid4()) for _ in range(25)] + [f"plain{n}" for n in range(5)]
        await log.append([matter(each, id=f"old{each}") for each in ids])
        await log.append([booking("b1"), booking("b2")])
        log = await reopen()
        await log.append([matter(each) for each in ids[:7]])
        found: list[str] = []
        after = ""
        while page := await log.states(["matter", "booking"], after, 4):
            assert len(page) <= 4
            found += [each.entity or "" for each in page]
            after = found[-1]
        assert found[:2] == ["booking/b1", "booking/b2"]
        assert sorted(found[2:]) == sorted(f"matter/{each}" for each in ids)

    async def test_states_of_a_subject_and_about_a_person(self, log: Log, reopen: Reopen) -> None:
        ada, bo = str(uuid.uuid4()), str(uuid.uuid4())
        example = CATALOGUE.example(CATALOGUE.entry("se.skolnav.absence.reported.v1"))
        example["data"] = {**example["data"], "student": {"id": ada}}
        example |= {"subject": f"person/{ada}", "partitionkey": f"person/{ada}"}
        absence = CATALOGUE.describe(Event.from_dict(example))
        await log.append([absence, matter("m1", ada, bo), matter("m2", bo), matter("m3", "carl")])
        for at in (log, await reopen()):
            assert [each.entity for each in await at.states_of(f"person/{ada}")] == [absence.entity]
            assert {each.entity for each in await at.states_about(ada)} == {absence.entity, "matter/m1"}
            assert {each.entity for each in await at.states_about(bo)} == {"matter/m1", "matter/m2"}
            assert [each.entity for each in await at.states_about("carl")] == ["matter/m3"]
            assert [each.entity for each in await at.states_of("matter/m2")] == ["matter/m2"]

    async def test_a_person_who_is_no_longer_concerned_is_not_found(self, log: Log, reopen: Reopen) -> None:
        ada, bo = str(uuid.uuid4()), str(uuid.uuid4())
        await log.append([matter("m1", ada, bo)])
        log = await reopen()
        await log.append([matter("m1", bo)])
        for at in (log, await reopen()):
            assert list(await at.states_about(ada)) == []
            assert len(await at.states_about(bo)) == 1

    async def test_an_ended_entity_is_state_until_it_is_trimmed(self, log: Log, clock: HandClock) -> None:
        await log.append([matter("m1"), event("matter.ended", {"id": "m1"}, id="end")])
        assert names(await log.states(["matter"])) == ["end"]
        await log.trim(clock.now + timedelta(hours=1))
        assert list(await log.states(["matter"])) == []

    # Restate

    # What state rests on

    async def test_a_change_comes_with_those_before_it_back_to_what_was_changed(self, log: Log, reopen: Reopen) -> None:
        await log.append([matter("m1", id="long ago"), amended("m1", was="x", id="forgotten"), matter("m1", id="e1")])
        await log.append([amended("m1", was="a", id="e2"), matter("m2", id="other")])
        await log.append([amended("m1", was="b", id="e3")])
        for _ in range(2):
            (state,) = await log.states_of("matter/m1")
            assert names([state, *state.earlier]) == ["e3", "e2", "e1"]
            found = {each.entity: names(each.earlier) for each in await log.states(["matter"])}
            assert found == {"matter/m1": ["e2", "e1"], "matter/m2": []}
            (again,) = await log.get([state.at], state=True)
            assert names(again.earlier) == ["e2", "e1"]
            log = await reopen()

    async def test_the_end_of_an_entity_comes_with_what_it_was(self, log: Log, reopen: Reopen) -> None:
        await log.append([matter("m1", "ada", id="last word")])
        await log.append([ended("m1", id="end"), matter("m2", id="e1"), ended("m2", id="e2"), ended("m2", id="e3")])
        for _ in range(2):
            found = {each.id: names(each.earlier) for each in await log.states(["matter"])}
            assert found == {"end": ["last word"], "e3": ["e2", "e1"]}
            log = await reopen()
        await log.append([matter("m1", id="anew")])
        (state,) = await log.states_of("matter/m1")
        assert (state.id, state.earlier) == ("anew", ())

    async def test_trimming_spares_what_state_rests_on_as_long_as_the_state(self, log: Log, clock: HandClock) -> None:
        await log.append([matter("m1", id="old"), amended("m1", was="a", id="older change"), matter("m2", id="gone")])
        places = {each.id: each.at for each in await everything(log)}
        clock.move(days=1)
        await log.append([amended("m1", was="b", id="change"), ended("m2", id="end")])
        await log.trim(clock.now)
        assert {each.id: names(each.earlier) for each in await log.states(["matter"])} == {
            "change": ["older change", "old"],
            "end": ["gone"],
        }
        clock.move(days=1)
        await log.append([matter("m1", id="new")])
        await log.trim(clock.now)
        await log.trim(clock.now)
        assert {each.id: names(each.earlier) for each in await log.states(["matter"])} == {"new": []}
        assert names(await log.get(list(places.values()))) == [], "what no state rests on is forgotten"

    async def test_of_very_many_changes_the_first_and_the_last_are_kept(self, log: Log, reopen: Reopen) -> None:
        await log.append([matter("m1", id="e0")])
        for n in range(1, 60):
            await log.append([amended("m1", was=str(n), id=f"e{n}")])
        for _ in range(2):
            (state,) = await log.states_of("matter/m1")
            kept = names(state.earlier)
            assert (state.id, kept[0], kept[-1]) == ("e59", "e58", "e0")
            assert kept[:-1] == [f"e{n}" for n in range(58, 59 - len(kept), -1)]
            assert 8 <= len(kept) <= 80
            log = await reopen()

    # Restate

    async def test_restating_appends_the_state_under_its_own_source_with_a_new_id(self, log: Log) -> None:
        await log.append([matter("m1", note="old"), matter("m1", note="new", id="last"), matter("m2")])
        (copy,) = await log.restate(["matter/m1", "matter/unknown"])
        *_, last = (each for each in await everything(log) if each.entity == "matter/m1")
        assert last.id == copy.id != "last"
        assert (last.source, last.parsed["data"]["note"]) == (SOURCE, "new")
        assert names(await log.states_of("matter/m1")) == [copy.id]
        assert_rising(sequences(await everything(log))["matter/m1"])
        assert await log.find(SOURCE, copy.id) is not None

    async def test_a_restated_event_keeps_everything_but_id_and_sequence(self, log: Log, clock: HandClock) -> None:
        await log.append([matter("m1", "ada", note="x")])
        (first,) = await everything(log)
        clock.move(hours=1)
        (copy,) = await log.restate(["matter/m1"])
        changed = {name for name in first.parsed if first.parsed[name] != copy.parsed[name]}
        assert changed == {"id", "sequence"}
        assert (copy.about, copy.key, copy.entity) == (first.about, first.key, first.entity)

    async def test_a_restated_event_leaves_out_what_stood_there_before(self, log: Log) -> None:
        """Promise 5: previous values would tell what was withheld."""
        data = {"id": "m1", "people": [], "note": "new"}
        await log.append([event("matter.opened", {**data, "changed": {"note": "old"}})])
        (copy,) = await log.restate(["matter/m1"])
        assert copy.parsed["data"] == data

    async def test_a_restated_change_takes_the_type_of_what_was_changed(self, log: Log) -> None:
        """Promise 5: else it would tell that there was a change, where nothing is left of it."""
        await log.append([matter("m1", note="old"), amended("m1", was="old", note="new")])
        await log.append([amended("m2", was="old", note="new")])
        first, second = await log.restate(["matter/m1", "matter/m2"])
        assert (first.type, first.parsed["type"]) == ("se.example.matter.opened.v1",) * 2
        assert first.parsed["data"] == {"id": "m1", "people": [], "note": "new"}
        assert second.type == "se.example.matter.amended.v1", "what it is a change of was never told"
        for copy in await log.states(["matter"]):
            assert copy.earlier == ()

    async def test_an_end_is_restated_with_what_it_ended(self, log: Log) -> None:
        await log.append([matter("m1", id="e1"), ended("m1", id="e2")])
        (copy,) = await log.restate(["matter/m1"])
        assert copy.type == "se.example.matter.ended.v1"
        (state,) = await log.states_of("matter/m1")
        assert names([state, *state.earlier]) == [copy.id, "e2", "e1"]

    async def test_a_restated_event_never_lands_on_top_of_a_newer_one(self, log: Log) -> None:
        """docs/architecture.md, The log: copied in the writer's own transaction."""
        await log.append([matter("m1", note="0")])

        async def change() -> None:
            for n in range(1, 40):
                await log.append([matter("m1", note=str(n))])

        async def restate() -> None:
            for _ in range(40):
                await log.restate(["matter/m1"])

        await asyncio.gather(change(), restate(), restate())
        notes = [int(each.parsed["data"]["note"]) for each in await everything(log)]
        assert len(notes) == 120
        assert notes == sorted(notes)

    async def test_a_restate_after_an_append_of_the_same_turn_copies_that(self, log: Log) -> None:
        await log.append([matter("m1", note="old")])
        append, restate = log.append([matter("m1", note="new")]), log.restate(["matter/m1"])
        _, (copy,) = await asyncio.gather(append, restate)
        assert copy.parsed["data"]["note"] == "new"

    # Trim

    async def test_trimming_forgets_what_is_older_and_no_state(self, log: Log, clock: HandClock) -> None:
        await log.append([reading(id="r1"), matter("m1", id="old"), matter("m1", id="state")])
        clock.move(days=1)
        await log.append([reading(id="r2")])
        places = {each.id: each.at for each in await everything(log)}
        assert await log.trim(MORNING + timedelta(hours=1)) == 2
        assert names(await everything(log)) == ["r2"]
        assert names(await log.states(["matter"])) == ["state"]
        assert names(await log.get(list(places.values()))) == ["state", "r2"]
        assert await log.find(SOURCE, "r1") is None
        assert await log.trim(MORNING + timedelta(hours=1)) == 0

    async def test_spared_state_goes_once_it_is_state_no_more(self, log: Log, clock: HandClock) -> None:
        await log.append([matter("m1", id="old")])
        (old,) = await everything(log)
        clock.move(days=1)
        await log.trim(clock.now)
        assert names(await log.get([old.at])) == ["old"]
        await log.append([matter("m1", id="new")])
        await log.trim(clock.now)
        assert list(await log.get([old.at])) == []
        assert names(await log.states(["matter"])) == ["new"]

    async def test_state_of_window_types_goes_with_its_age(self, log: Log, clock: HandClock) -> None:
        await log.append(
            [
                booking("past", id="past"),
                booking("moved"),
            ]
        )
        clock.move(days=1)
        await log.append([booking("moved", id="moved")])
        await log.trim(clock.now)
        assert names(await log.states(["booking"])) == ["moved"]
        assert list(await log.states_of("booking/past")) == []

    @pytest.mark.parametrize(
        ("over", "lasts"),
        [
            pytest.param("2026-12-24T11:00:00+01:00", timedelta(days=30, hours=3), id="a time"),
            pytest.param("2026-12-24", timedelta(days=30, hours=16), id="a date: until the day is over in school"),
        ],
    )
    async def test_state_of_window_types_stays_while_its_own_time_has_not_passed(
        self, log: Log, reopen: Reopen, clock: HandClock, over: str, lasts: timedelta
    ) -> None:
        """Promises 1 and 3: a lesson or a day that a school states a term ahead. It is 24 November, 07:00 UTC."""
        await log.append([booking("b1", "ada", id="ahead", over=over), booking("b2", "bo", id="never", over="soon")])
        (at, _) = [each.at for each in await everything(log)]
        for moved in (lasts - timedelta(seconds=1), timedelta(seconds=1)):
            clock.move(seconds=moved.total_seconds())
            await log.append([reading()])
            await log.trim(clock.now)
            await log.trim(clock.now)
            assert names(await log.states(["booking"])) == ["ahead"]
            assert names(await log.states_of("booking/b1")) == ["ahead"]
            assert names(await log.states_about("ada")) == ["ahead"]
            assert names(await log.get([at])) == ["ahead"]
            log = await reopen()
        clock.move(seconds=1)
        await log.trim(clock.now)
        assert list(await log.states(["booking"])) == []
        assert list(await log.states_about("ada")) == []
        assert list(await log.get([at])) == []

    async def test_state_ahead_that_was_replaced_is_swept_and_the_new_one_stays(
        self, log: Log, clock: HandClock
    ) -> None:
        await log.append([booking("b1", id="first", over="2026-12-24")])
        (first,) = await everything(log)
        clock.move(days=10)
        await log.trim(clock.now)
        await log.append([booking("b1", id="moved", over="2027-01-24")])
        clock.move(days=1)
        await log.trim(clock.now)
        await log.trim(clock.now)
        assert list(await log.get([first.at])) == []
        clock.move(days=40)  # the first one's time is over, the second's is not
        await log.trim(clock.now)
        assert names(await log.states(["booking"])) == ["moved"]

    async def test_a_position_below_the_trim_point_is_moved_up(self, log: Log, clock: HandClock) -> None:
        oldest = log.start()
        await log.append([reading(n) for n in range(10)])
        clock.move(days=1)
        await log.append([reading(id="kept")])
        await log.trim(clock.now)
        assert names(await everything(log, oldest)) == ["kept"]
        assert names(await everything(log)) == ["kept"]

    async def test_a_trimmed_log_is_the_same_after_a_restart(self, log: Log, reopen: Reopen, clock: HandClock) -> None:
        await log.append([reading(n, sensor=f"s{n}") for n in range(10)])
        await log.append([matter("m1", "ada", id="state")])
        clock.move(days=1)
        await log.trim(clock.now)
        start, head = log.start(), log.head()
        log = await reopen()
        assert (log.start().offsets, log.head().offsets) == (start.offsets, head.offsets)
        assert await everything(log) == []
        assert names(await log.states_about("ada")) == ["state"]
        await log.append([reading(id="next")])
        assert names(await everything(log)) == ["next"]

    async def test_a_repeat_is_known_after_its_event_was_trimmed(self, log: Log, clock: HandClock) -> None:
        """docs/architecture.md, The log: the duplicate window does not depend on trimming."""
        await log.append([reading(id="e")])
        clock.move(days=1)
        await log.trim(clock.now)
        assert (await log.append([reading(id="e")])).duplicates == 1

    async def test_trimming_does_not_hold_up_ingest_or_lose_any_of_it(self, log: Log, clock: HandClock) -> None:
        for start in range(0, 6000, 1000):
            await log.append([reading(n, sensor=f"s{n % 9}") for n in range(start, start + 1000)])
        clock.move(days=1)
        trimming = asyncio.create_task(log.trim(clock.now))
        appended = 0
        while not trimming.done():
            await log.append([reading(appended, id=f"new{appended}")])
            appended += 1
        assert await trimming == 6000
        assert appended > 1
        assert names(await everything(log)) == [f"new{n}" for n in range(appended)]

    # Any order of things

    # -- search ------------------------------------------------------------------------------------------------

    async def test_an_event_is_found_by_its_id_from_every_source(self, log: Log) -> None:
        await log.append([reading(n, id=f"r{n}") for n in range(20)])
        await log.append([event("sensor.reading", {"sensor": "b", "value": 1}, id="r7", source="urn:example:other")])
        found = await log.search(Wanted(id="r7"), limit=10)
        assert sorted(each.source for each in found.events) == ["urn:example:other", SOURCE]
        assert found.upto is None
        of_one = Wanted(id="r7", source=lambda name: name == SOURCE)
        assert [each.source for each in (await log.search(of_one, limit=10)).events] == [SOURCE]
        assert (await log.search(Wanted(id="no-such-id"), limit=10)).events == []

    async def test_a_search_by_a_person_finds_what_is_about_the_person(self, log: Log) -> None:
        one, two = str(uuid.UUID(int=1)), str(uuid.UUID(int=2))
        await log.append(
            [
                matter("m1", one), matter("m2", one, two), matter("m3", two), matter("m4"), matter("m5", "sven", one),
                reading(1),
            ]
        )  # fmt: skip

        async def subjects(of: str) -> list[str]:
            return sorted(each.subject for each in (await log.search(Wanted(subject=of), limit=10)).events)

        assert await subjects(f"person/{one}") == ["matter/m1", "matter/m2", "matter/m5"]
        assert await subjects(f"person/{two}") == ["matter/m2", "matter/m3"]
        assert await subjects("person/sven") == ["matter/m5"]
        assert await subjects("matter/m4") == ["matter/m4"]
        assert await subjects("person/nobody") == []

    @pytest.mark.parametrize("limit", [1, 3, 100])
    async def test_a_search_pages_from_the_newest_and_misses_none(self, log: Log, clock: HandClock, limit: int) -> None:
        """While events go on arriving: each page ends at a position that later events do not move."""
        dice = random.Random(limit)
        for n in range(30):
            clock.move(seconds=1)
            await log.append(
                [
                    event(
                        dice.choice(("sensor.reading", "matter.opened")),
                        {"sensor": f"s{n % 5}", "value": n, "id": f"m{n % 7}", "people": []},
                        id=f"e{n}",
                        source=f"urn:example:{dice.randint(1, 2)}",
                    )
                ],
                corrects_all,
            )
        wanted = Wanted(type=lambda name: "reading" in name, source=lambda name: name.endswith("1"))
        everything_now = [each for each in await everything(log) if wanted.matches(each)]
        found: list[Stored] = []
        upto: Position | None = None
        while True:
            page = await log.search(wanted, upto=upto, limit=limit)
            assert len(page.events) <= limit
            found += page.events
            await log.append([reading(99, sensor=f"s{len(found)}", id=f"late{len(found)}-{dice.random()}")])
            if page.upto is None:
                break
            upto = page.upto
        assert [each.at for each in found] == [
            each.at for each in sorted(everything_now, key=lambda each: (each.accepted_us, each.at), reverse=True)
        ]

    async def test_a_search_and_a_count_keep_to_a_span_of_time(self, log: Log, clock: HandClock) -> None:
        times = []
        for n in range(6):
            times.append(clock.utc())
            await log.append([reading(n, sensor=f"s{n}", id=f"e{n}"), matter(f"m{n}", id=f"m{n}")])
            clock.move(minutes=1)
        span = {"after": await log.at(times[1]), "upto": await log.at(times[4])}
        readings = Wanted(type=lambda name: "reading" in name)
        assert names((await log.search(readings, limit=10, **span)).events) == ["e3", "e2", "e1"]
        assert await log.count(readings, **span) == 3
        assert await log.count(Wanted(), **span) == 6
        assert await log.count(Wanted(type=lambda name: False), **span) == 0

    async def test_what_was_trimmed_is_not_found_and_spared_state_is(self, log: Log, clock: HandClock) -> None:
        await log.append([reading(1, id="gone"), matter("m", id="state")])
        while await log.keep_up():
            pass
        clock.move(days=1)
        await log.append([reading(2, id="new")])
        await log.trim(clock.utc())
        while await log.keep_up():
            pass
        assert (await log.search(Wanted(id="gone"), limit=5)).events == []
        assert names((await log.search(Wanted(id="state"), limit=5)).events) == ["state"]
        assert names((await log.search(Wanted(), limit=5)).events) == ["new", "state"]

    async def test_a_search_after_a_restart_finds_old_and_new(self, log: Log, reopen: Reopen) -> None:
        await log.append([reading(1, id="before"), reading(2, id="between")])
        await log.search(Wanted(id="before"), limit=1)
        again = await reopen()
        await again.append([reading(3, id="after")])
        for id in ("before", "between", "after"):
            assert names((await again.search(Wanted(id=id), limit=1)).events) == [id]

    @settings(max_examples=25, suppress_health_check=list(HealthCheck))
    @given(seed=st.integers(0, 2**32))
    async def test_whatever_is_appended_repeated_restated_and_trimmed_the_model_holds(
        self, log: Log, clock: HandClock, seed: int
    ) -> None:
        """Promises 2 and 6: order per key, each event once, state is the last, whatever happens in between."""
        await _random_walk(log, clock, random.Random(seed))


def by_key_of(published: Sequence[Described]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for each in published:
        found[each.key].append(each.event.id)
    return found


async def _random_walk(log: Log, clock: HandClock, choice: random.Random) -> None:
    """Operations in a random order, against lists and dictionaries. The log may hold events of earlier walks."""
    begun = log.head()
    walk = f"{choice.getrandbits(64)}-{sum(begun.offsets)}"  # no other walk's, also where Hypothesis repeats a seed
    published: list[Described] = []
    order: dict[str, list[str]] = defaultdict(list)
    state: dict[str, list[str]] = {}  # the last event, and what it rests on, newest first
    forgotten = begun

    def note(entity: str | None, key: str, id: str, *, continues: bool) -> None:
        order[key].append(id)
        if entity is not None:
            state[entity] = [id, *state.get(entity, ())] if continues else [id]

    for _ in range(choice.randrange(5, 30)):
        match choice.choice(["append", "append", "repeat", "restate", "trim", "clock", "read"]):
            case "append":
                batch = [
                    choice.choice(
                        [
                            matter(f"{walk}-{choice.randrange(4)}", note=str(choice.random())),
                            amended(f"{walk}-{choice.randrange(4)}", was="x", note=str(choice.random())),
                            reading(choice.randrange(9), sensor=f"{walk}-{choice.randrange(3)}"),
                        ]
                    )
                    for _ in range(choice.randrange(1, 8))
                ]
                assert (await log.append(batch)).duplicates == 0
                published += batch
                for each in batch:
                    data = each.event.data
                    note(each.entity, each.key, each.event.id, continues=isinstance(data, dict) and "changed" in data)
            case "repeat" if published:
                again = choice.choices(published, k=choice.randrange(1, 5))
                assert (await log.append(again)).duplicates == len(again)
            case "restate" if state:
                entities = choice.sample(sorted(state), choice.randrange(1, len(state) + 1))
                for copy in await log.restate(entities):
                    note(copy.entity, copy.key, copy.id, continues=False)
            case "trim":
                await log.trim(clock.now)
                forgotten = log.start()
            case "clock":
                clock.move(seconds=choice.choice([-100, 0.000001, 1, 3600]))
            case _:
                pass
        position = Position(begun.epoch, tuple(map(max, begun.offsets, forgotten.offsets)))
        read = await everything(log, position, choice.randrange(1, 20))
        for key, ids in by_key(read).items():
            assert ids == order[key][-len(ids) :]
        for numbers in sequences(read).values():
            assert_rising(numbers)
        known = {each.entity: names([each, *each.earlier]) for each in await log.states(["matter"], limit=100_000)}
        for entity, ids in state.items():
            kept = known[entity]
            assert kept == ids or (len(kept) > 8 and kept[:-1] == ids[: len(kept) - 1] and kept[-1] == ids[-1])
