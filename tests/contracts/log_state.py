"""What every log promises of state: the last event of each entity, what it rests on, restating, and trimming."""

import asyncio
import uuid
from datetime import timedelta

import pytest

from hub.bus.base import Log
from schemas import Event
from tests.clock import MORNING, HandClock
from tests.contracts.log_events import (
    CATALOGUE,
    SOURCE,
    Reopen,
    amended,
    anew,
    assert_rising,
    booking,
    ended,
    event,
    everything,
    matter,
    names,
    reading,
    sequences,
)


class StateContract:
    """A part of `LogContract`."""

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

    async def test_entities_by_kind_and_their_states_by_name(self, log: Log, reopen: Reopen) -> None:
        await log.append([booking("b1"), *(matter(f"m{n}") for n in range(5)), matter(ID := str(uuid.uuid4()))])
        await log.append([matter("m2"), matter("m9")])
        for at in (log, await reopen()):
            assert set(await at.entities("matter")) == {*(f"matter/m{n}" for n in (0, 1, 2, 3, 4, 9)), f"matter/{ID}"}
            assert list(await at.entities("nothing")) == []
            wanted = ["matter/m4", f"matter/{ID}", "matter/none", "booking/b1", "matter/m2"]
            found = await at.states_named(wanted)
            assert [each.entity for each in found] == [each for each in wanted if each != "matter/none"]
            assert {each.id for each in found} <= {each.id for each in await at.states(["matter", "booking"])}

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
            assert [each.entity for each in await at.states_about(ada, {"matter"})] == ["matter/m1"]
            assert [each.entity for each in await at.states_of("matter/m2")] == ["matter/m2"]
            assert [each.entity for each in await at.states_of(f"person/{ada}", {"absence"})] == [absence.entity]
            for kinds in ((), ("matter",), ("nothing",)):
                assert list(await at.states_of(f"person/{ada}", kinds)) == []
            assert [each.entity for each in await at.states_of("matter/m2", {"matter"})] == ["matter/m2"]

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
        (copy,) = await log.restate(anew("matter/m1", "matter/unknown"))
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
        (copy,) = await log.restate(anew("matter/m1"))
        changed = {name for name in first.parsed if first.parsed[name] != copy.parsed[name]}
        assert changed == {"id", "sequence"}
        assert (copy.about, copy.key, copy.entity) == (first.about, first.key, first.entity)

    async def test_a_restated_event_leaves_out_what_stood_there_before(self, log: Log) -> None:
        """Promise 5: previous values would tell what was withheld."""
        data = {"id": "m1", "people": [], "note": "new"}
        await log.append([event("matter.opened", {**data, "changed": {"note": "old"}})])
        (copy,) = await log.restate(anew("matter/m1"))
        assert copy.parsed["data"] == data

    async def test_a_restated_change_takes_the_type_of_what_was_changed(self, log: Log) -> None:
        """Promise 5: else it would tell that there was a change, where nothing is left of it."""
        await log.append([matter("m1", note="old"), amended("m1", was="old", note="new")])
        await log.append([amended("m2", was="old", note="new")])
        first, second = await log.restate(anew("matter/m1", "matter/m2"))
        assert (first.type, first.parsed["type"]) == ("se.example.matter.opened.v1",) * 2
        assert first.parsed["data"] == {"id": "m1", "people": [], "note": "new"}
        assert second.type == "se.example.matter.amended.v1", "what it is a change of was never told"
        for copy in await log.states(["matter"]):
            assert copy.earlier == ()

    async def test_an_end_is_restated_with_what_it_ended(self, log: Log) -> None:
        await log.append([matter("m1", id="e1"), ended("m1", id="e2")])
        (copy,) = await log.restate(anew("matter/m1"))
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
                await log.restate(anew("matter/m1"))

        await asyncio.gather(change(), restate(), restate())
        notes = [int(each.parsed["data"]["note"]) for each in await everything(log)]
        assert len(notes) == 120
        assert notes == sorted(notes)

    async def test_a_restate_after_an_append_of_the_same_turn_copies_that(self, log: Log) -> None:
        await log.append([matter("m1", note="old")])
        append, restate = log.append([matter("m1", note="new")]), log.restate(anew("matter/m1"))
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
