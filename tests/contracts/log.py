"""What every log promises. Subclass `LogContract` as Test...; give `clock`, an empty `log`, and `reopen`."""

import asyncio
import random
import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.bus.base import IdConflict, Log, OwnedByAnother, Position, Stored, corrects_all
from hub.clock import to_us
from schemas import Event
from tests.clock import MORNING, HandClock
from tests.contracts.log_events import (
    CATALOGUE,
    SOURCE,
    Reopen,
    amended,
    anew,
    assert_rising,
    by_key,
    by_key_of,
    event,
    everything,
    matter,
    names,
    reading,
    sequences,
)
from tests.contracts.log_search import SearchContract
from tests.contracts.log_state import StateContract
from tests.contracts.log_walk import random_walk


def _siblings(stored: Stored) -> list[Stored]:
    found = []
    while (sibling := stored.sibling) is not None:
        found.append(stored := sibling)
    return found


class LogContract(StateContract, SearchContract):
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
        await log.restate(anew("matter/m1"))
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

    async def test_an_event_leads_to_the_earlier_ones_of_its_key_in_the_same_transaction(
        self, log: Log, reopen: Reopen
    ) -> None:
        """Promise 5: the gate counts these anew for each recipient."""
        await log.append([reading(id="before")])
        batch = [("a1", "a"), ("b1", "b"), ("a2", "a"), ("c1", "c"), ("a3", "a"), ("b2", "b")]
        await log.append([reading(id=id_, sensor=sensor) for id_, sensor in batch])
        await log.append([reading(id="after")])
        expected = {
            "before": [], "a1": [], "b1": [], "a2": ["a1"], "c1": [], "a3": ["a2", "a1"], "b2": ["b1"], "after": [],
        }  # fmt: skip
        for _ in range(2):
            read = await everything(log)
            for found in (read, await log.get([each.at for each in read])):
                assert {each.id: names(_siblings(each)) for each in found} == expected
                for each in found:
                    assert each.later == bool(expected[each.id])
                    assert int(each.parsed["sequence"]) == each.accepted_us + len(expected[each.id])
            for each in read:
                (alone,) = await log.get([each.at])
                assert names(_siblings(alone)) == expected[each.id]
            log = await reopen()

    async def test_a_read_that_begins_between_siblings_leads_to_those_before_it(self, log: Log) -> None:
        await log.append([reading(id=f"e{n}") for n in range(30)])
        read = await everything(log)
        for number in (1, 15, 29):
            batch = await log.read(log.start().past(read[number - 1].at), 5)
            assert [len(_siblings(each)) for each in batch.events] == list(range(number, min(number + 5, 30)))

    async def test_siblings_are_forgotten_when_their_time_is_trimmed(self, log: Log, clock: HandClock) -> None:
        """Promise 5: also one that is still state, since what is spared depends on what is withheld."""
        await log.append([matter("m1", id="old"), matter("m1", id="older")])
        await log.append([matter("m1", id="state"), amended("m1", was="x", id="change")])
        clock.move(days=1)
        await log.trim(clock.now)
        (state,) = await log.states_named(["matter/m1"])
        assert (state.id, names(state.earlier)) == ("change", ["state"])
        assert (state.later, state.sibling) == (True, None)

    async def test_a_copy_has_the_siblings_of_its_own_transaction(self, log: Log, reopen: Reopen) -> None:
        await log.append([matter("m1", id="e1"), matter("m1", id="e2")])
        (copy,) = await log.restate(anew("matter/m1"))
        for _ in range(2):
            *_, last = await everything(log)
            assert (last.id, last.later, last.sibling) == (copy.id, False, None)
            assert int(last.parsed["sequence"]) == last.accepted_us
            log = await reopen()

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
        await log.restate(anew("matter/m1"))
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

    # Any order of things

    @settings(max_examples=25, suppress_health_check=list(HealthCheck))
    @given(seed=st.integers(0, 2**32))
    async def test_whatever_is_appended_repeated_restated_and_trimmed_the_model_holds(
        self, log: Log, clock: HandClock, seed: int
    ) -> None:
        """Promises 2 and 6: order per key, each event once, state is the last, whatever happens in between."""
        await random_walk(log, clock, random.Random(seed))
