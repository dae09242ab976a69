"""What every recipient relies on, however its events reach it: pushed to it, or fetched by it page by page."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, Protocol

import orjson
import pytest

from hub.bus.base import Stored
from hub.privacy.base import Rule
from hub.store.disclosures import Decided
from hub.store.withheld import Withheld
from schemas import Category, EventSpec, Payload, Ref
from schemas.payload import Part, Reference, Uuid, was
from tests import school as invented
from tests.school import CURRENT, DUTY, PERSON, SIS, uid
from tests.school import LESSON as SCHEDULED
from tests.school import LESSON_CHANGED as CHANGED

OPEN, PROTECTED = "Ingen", invented.HIDDEN
LATER_S = 60.0  # long enough for the hub to decide again on an event on which deciding has failed


ANNA, BO, HIDDEN = uid("Anna"), uid("Bo"), uid("hidden")
BOS_DUTY, HIDDEN_DUTY = uid("Bo's duty"), uid("hidden duty")


class Watch(Part):
    ids: Annotated[list[Uuid], Category.IDENTITY]
    note: Annotated[str | None, Category.FREE_TEXT] = None


class Ids(Part):
    id: Annotated[list[Uuid], Category.IDENTITY]


class Before(Part):
    watchers: Annotated[list[Uuid] | None, Category.IDENTITY] = None
    note: Annotated[str | None, Category.FREE_TEXT] = None


class Excursion(Payload):
    """A vendor's type that names persons and duties in lists of every shape."""

    id: Annotated[Uuid, Category.NONE]
    note: Annotated[str | None, Category.FREE_TEXT] = None
    watchers: Annotated[list[Uuid] | None, Category.IDENTITY] = None
    teams: Annotated[list[list[Uuid]] | None, Category.IDENTITY] = None
    cars: list[Watch] | None = None
    reserves: Ids | None = None
    duties: Annotated[list[Uuid] | None, Category.STAFF] = None
    duty: list[Reference] | None = None
    changed: Before | None = None

    spec = EventSpec(
        "com.acme.excursion.planned.v1",
        Ref("excursion", "id"),
        Ref("excursion", "id"),
        Ref("excursion", "id"),
        mentions=(*was("watchers[]"), "teams[]", "cars[].ids[]", "reserves.id[]"),
    )


class Roll(Payload):
    """A vendor's type that is about all persons in a list of lists."""

    id: Annotated[Uuid, Category.NONE]
    present: Annotated[list[list[Uuid]], Category.IDENTITY]
    minutes: Annotated[int, Category.ATTENDANCE] = 40

    spec = EventSpec(
        "com.acme.roll.called.v1", Ref("roll", "id"), Ref("roll", "id"), Ref("roll", "id"), about=("present[]",)
    )


class Reading(Payload):
    """A vendor's type without state: about no person, and no entity's."""

    room: Annotated[str, Category.NONE]
    level: Annotated[int, Category.NONE]

    spec = EventSpec("com.acme.reading.taken.v1", Ref("room", "room"), Ref("room", "room"))


TYPES = (Excursion, Roll, Reading)


class Rig(Protocol):
    """A hub with one recipient, on a clock that the suite moves. `play` runs a scene in it."""

    failing: Callable[[Stored], bool]  # deciding on these events raises

    def play(self, scene: Callable[["Rig"], Awaitable[None]]) -> None: ...

    async def say(self, type_: str, data: dict[str, Any], source: str = SIS) -> str:
        """Publish an event; returns its id."""

    async def subscribe(self, *types: str, start: str = "oldest", filter: Sequence[Any] = ()) -> None: ...

    async def arrived(self) -> list[dict[str, Any]]:
        """Every event that has reached the recipient, when nothing more is left to do now."""

    async def replay(self) -> str:
        """Have everything sent again; returns the lane."""

    async def pass_time(self, seconds: float) -> None: ...

    async def marks(self) -> set[Withheld]: ...

    async def disclosed(self) -> Sequence[Decided]:
        """The rows for all events so far."""


def person(id: str, mark: str | None = OPEN) -> dict[str, Any]:
    return invented.person(id, mark, givenName="Prov")


def excursion(name: str = "lake", **rest: Any) -> dict[str, Any]:
    return {"id": uid(name), "note": "boots", **rest}


def lesson(*teachers: str, **rest: Any) -> dict[str, Any]:
    return invented.lesson(**{"teachers": [{"person": {"id": each}} for each in teachers], **rest})


def nothing_fails(stored: Stored) -> bool:
    return False


def ids(events: Sequence[dict[str, Any]]) -> list[str]:
    return [event["id"] for event in events]


async def school(rig: Rig) -> None:
    await rig.say(CURRENT, {"asOf": "2026-11-24T06:00:00Z"})
    for id, mark in ((ANNA, OPEN), (BO, OPEN), (HIDDEN, PROTECTED)):
        await rig.say(PERSON, person(id, mark))
    for id, holder in ((BOS_DUTY, BO), (HIDDEN_DUTY, HIDDEN)):
        await rig.say(DUTY, {"id": id, "person": {"id": holder}, "dutyRole": "Lärare"})


class RecipientContract:
    """Promises to every recipient. Subclass as Test...; give a `rig` fixture."""

    # -- state first, then the log ------------------------------------------------------------------------------

    def test_of_a_person_whom_two_sources_know_only_the_owner_s_record_is_state(self, rig: Rig) -> None:
        """Promise 2: the other source's record could arrive after the owner's, and be the last word."""

        async def scene(rig: Rig) -> None:
            await school(rig)
            await rig.say(CURRENT, {"asOf": "2026-11-24T06:00:00Z"}, "urn:test:a-newer")
            owner_s = await rig.say(PERSON, person(ANNA))
            # By name the other source's record comes first in the state. Only its mark counts.
            await rig.say(PERSON, person(ANNA), "urn:test:a-newer")
            await rig.subscribe(PERSON, start="state")
            came = await rig.arrived()
            assert [event["id"] for event in came if event["data"]["id"] == ANNA] == [owner_s]

        rig.play(scene)

    def test_state_comes_once_and_then_what_follows_it(self, rig: Rig) -> None:
        async def scene(rig: Rig) -> None:
            await school(rig)
            first = [await rig.say(Excursion.spec.type, excursion(name)) for name in ("lake", "hill", "sea")]
            await rig.subscribe(Excursion.spec.type, start="state")
            assert sorted(ids(await rig.arrived())) == sorted(first)
            last = await rig.say(Excursion.spec.type, excursion("lake", note="no boots"))
            assert ids(await rig.arrived())[3:] == [last]

        rig.play(scene)

    # -- decisions that fail ------------------------------------------------------------------------------------

    @pytest.mark.parametrize("type_", [Excursion.spec.type, Reading.spec.type])
    @pytest.mark.parametrize("start", ["oldest", "now"])
    def test_an_event_whose_decision_raised_once_comes_when_deciding_works(
        self, rig: Rig, type_: str, start: str
    ) -> None:
        """Promise 4: never lost, others are not held up, and only once."""

        async def scene(rig: Rig) -> None:
            await school(rig)
            rig.failing = lambda stored: stored.key in (f"excursion/{uid('lake')}", "room/lake")
            if start == "now":
                await rig.subscribe(type_, start=start)
            readings = type_ == Reading.spec.type
            first, second = [
                await rig.say(type_, {"room": name, "level": 1} if readings else excursion(name))
                for name in ("lake", "hill")
            ]
            if start != "now":
                await rig.subscribe(type_, start=start)
            assert ids(await rig.arrived()) == [second]
            rig.failing = nothing_fails
            await rig.pass_time(LATER_S)
            came = await rig.arrived()
            assert ids(came) == [second, first]
            assert "skolnavlane" not in came[1]
            await rig.pass_time(10 * LATER_S)
            assert ids(await rig.arrived()) == [second, first]

        rig.play(scene)

    def test_a_state_whose_decision_raised_once_comes_when_deciding_works(self, rig: Rig) -> None:
        """Promise 4. Nothing is left of its last change for this recipient: it needs what the state rests on."""

        async def scene(rig: Rig) -> None:
            await school(rig)
            before = await rig.say(SCHEDULED, lesson(ANNA))
            change = {"changed": {"teachers": [{"person": {"id": ANNA}}]}}
            hidden = await rig.say(CHANGED, lesson(ANNA, HIDDEN, **change))
            rig.failing = lambda stored: stored.id in (before, hidden)
            await rig.subscribe(SCHEDULED, CHANGED, start="state")
            assert await rig.arrived() == []
            rig.failing = nothing_fails
            await rig.pass_time(LATER_S)
            assert ids(await rig.arrived()) == [before]

        rig.play(scene)

    def test_a_decision_that_always_raises_holds_up_no_other_event_and_does_not_show(self, rig: Rig) -> None:
        """Promises 4 and 5."""

        async def scene(rig: Rig) -> None:
            await school(rig)
            bad = await rig.say(Excursion.spec.type, excursion("lake"))
            rig.failing = lambda stored: stored.id == bad
            await rig.subscribe(Excursion.spec.type)
            good = []
            for n in range(5):
                good.append(await rig.say(Excursion.spec.type, excursion(f"hill {n}")))
                await rig.pass_time(LATER_S)
                assert ids(await rig.arrived()) == good
            assert not any(bad in orjson.dumps(event).decode() for event in await rig.arrived())

        rig.play(scene)

    def test_newer_events_of_a_key_wait_behind_one_whose_decision_raised(self, rig: Rig) -> None:
        """Promise 2. The failure lasts over several tries, and events of the key come before and after each try."""

        async def scene(rig: Rig) -> None:
            await school(rig)
            trip = Excursion.spec.type
            await rig.subscribe(trip)
            rig.failing = lambda stored: b'"coats"' in stored.body
            bad = await rig.say(trip, excursion("lake", note="coats"))
            behind, others = [await rig.say(trip, excursion("lake", note="hats"))], []
            for n in range(3):
                others.append(await rig.say(trip, excursion(f"hill {n}")))
                assert ids(await rig.arrived()) == others
                behind.append(await rig.say(trip, excursion("lake", note=f"hats {n}")))
                await rig.pass_time(LATER_S)
                assert ids(await rig.arrived()) == others
            rig.failing = nothing_fails
            for _ in range(3):
                await rig.pass_time(LATER_S)
                came = ids(await rig.arrived())
            assert came[: len(others)] == others
            assert came[len(others) :] == [bad, *behind]
            last = await rig.say(trip, excursion("lake", note="gloves"))
            assert ids(await rig.arrived())[-1] == last

        rig.play(scene)

    def test_a_newer_event_of_a_state_whose_decision_raised_waits_behind_it(self, rig: Rig) -> None:
        """Promise 2."""

        async def scene(rig: Rig) -> None:
            await school(rig)
            trip = Excursion.spec.type
            state = await rig.say(trip, excursion("lake"))
            rig.failing = lambda stored: stored.id == state
            await rig.subscribe(trip, start="state")
            assert await rig.arrived() == []
            newer = await rig.say(trip, excursion("lake", note="hats"))
            assert await rig.arrived() == []
            rig.failing = nothing_fails
            for _ in range(2):
                await rig.pass_time(LATER_S)
                await rig.arrived()
            assert ids(await rig.arrived()) == [state, newer]

        rig.play(scene)

    def test_an_event_of_a_replay_whose_decision_raised_keeps_its_lane(self, rig: Rig) -> None:
        async def scene(rig: Rig) -> None:
            await school(rig)
            await rig.subscribe(Excursion.spec.type)
            first, second = [await rig.say(Excursion.spec.type, excursion(name)) for name in ("lake", "hill")]
            assert ids(await rig.arrived()) == [first, second]
            rig.failing = lambda stored: stored.id == first
            lane = await rig.replay()
            assert [(event["id"], event["skolnavlane"]) for event in (await rig.arrived())[2:]] == [(second, lane)]
            rig.failing = nothing_fails
            await rig.pass_time(LATER_S)
            assert [(event["id"], event["skolnavlane"]) for event in (await rig.arrived())[3:]] == [(first, lane)]

        rig.play(scene)

    # -- filters ------------------------------------------------------------------------------------------------

    def test_persons_removed_from_what_the_filter_drops_are_remembered(self, rig: Rig) -> None:
        """Promise 4: what comes when the person may be named may pass the filter."""

        async def scene(rig: Rig) -> None:
            await school(rig)
            await rig.subscribe(SCHEDULED, CHANGED, filter=[{"suffix": {"type": "scheduled.v1"}}])
            first = await rig.say(SCHEDULED, lesson(ANNA))
            await rig.say(CHANGED, lesson(ANNA, HIDDEN, changed={"startTime": "2026-11-24T09:30:00+01:00"}))
            assert ids(await rig.arrived()) == [first]
            assert [row.rule for row in await rig.disclosed()] == [Rule.ALLOWED, Rule.FILTER]
            assert await rig.marks() == {Withheld(HIDDEN, f"lesson/{uid('lesson')}", "client/reader")}
            await rig.say(PERSON, person(HIDDEN))
            restated = (await rig.arrived())[1:]
            assert [each["type"] for each in restated] == [SCHEDULED]
            assert [each["person"]["id"] for each in restated[0]["data"]["teachers"]] == [ANNA, HIDDEN]

        rig.play(scene)

    def test_what_the_filter_drops_is_a_denial_by_a_rule_of_its_own(self, rig: Rig) -> None:
        async def scene(rig: Rig) -> None:
            await school(rig)
            await rig.subscribe(Excursion.spec.type, filter=[{"exact": {"type": "another"}}])
            await rig.say(Excursion.spec.type, excursion())
            assert await rig.arrived() == []
            assert [(row.rule, row.allowed) for row in await rig.disclosed()] == [(Rule.FILTER, False)]

        rig.play(scene)

    def test_what_arrives_was_written_down_before_and_what_was_denied_too(self, rig: Rig) -> None:
        async def scene(rig: Rig) -> None:
            await school(rig)
            await rig.subscribe(PERSON)
            came = {event["data"]["id"] for event in await rig.arrived()}
            assert came == {ANNA, BO}
            rows = await rig.disclosed()
            assert sum(len(row.places) for row in rows if row.allowed and row.rule == Rule.ALLOWED) == 2
            assert sum(len(row.places) for row in rows if not row.allowed and row.rule == Rule.PROTECTED) == 1

        rig.play(scene)

    # -- persons in lists ---------------------------------------------------------------------------------------

    @pytest.mark.parametrize(
        ("listed", "left"),
        [
            ({"watchers": [ANNA, HIDDEN, BO]}, {"watchers": [ANNA, BO]}),
            ({"watchers": [HIDDEN]}, {}),
            ({"watchers": [HIDDEN.upper(), ANNA.upper()]}, {"watchers": [ANNA.upper()]}),
            ({"teams": [[ANNA, HIDDEN], [HIDDEN], [BO]]}, {"teams": [[ANNA], [BO]]}),
            ({"cars": [{"ids": [HIDDEN, ANNA]}, {"ids": [BO]}]}, {"cars": [{"ids": [ANNA]}, {"ids": [BO]}]}),
            ({"reserves": {"id": [BO, HIDDEN]}}, {"reserves": {"id": [BO]}}),
            ({"duties": [BOS_DUTY, HIDDEN_DUTY]}, {"duties": [BOS_DUTY]}),
            ({"duties": [HIDDEN_DUTY]}, {}),
            ({"duty": [{"id": HIDDEN_DUTY}, {"id": BOS_DUTY}]}, {"duty": [{"id": BOS_DUTY}]}),
            (
                {"watchers": [ANNA], "changed": {"watchers": [HIDDEN, BO], "note": "no boots"}},
                {"watchers": [ANNA], "changed": {"watchers": [BO], "note": "no boots"}},
            ),
        ],
        ids=["ids", "only one", "upper case", "lists in lists", "in objects", "called id", "duties", "only a duty",
             "duty references", "previous values"],
    )  # fmt: skip
    def test_a_protected_person_in_a_list_is_removed_as_if_never_listed(
        self, rig: Rig, listed: dict[str, Any], left: dict[str, Any]
    ) -> None:
        """Promise 4, for the types that vendors bring."""

        async def scene(rig: Rig) -> None:
            await school(rig)
            await rig.subscribe(Excursion.spec.type)
            await rig.say(Excursion.spec.type, excursion(**listed))
            (event,) = await rig.arrived()
            assert event["data"] == excursion(**left)
            (mark,) = await rig.marks()
            assert (mark.person, mark.entity) == (HIDDEN, f"excursion/{uid('lake')}")
            await rig.say(PERSON, person(HIDDEN))
            restated = (await rig.arrived())[1]
            assert restated["data"] == excursion(**{name: value for name, value in listed.items() if name != "changed"})

        rig.play(scene)

    @pytest.mark.parametrize("present", [[[ANNA, HIDDEN]], [[ANNA], [BO, HIDDEN]]])
    def test_an_event_about_a_list_with_a_protected_person_is_withheld_as_a_whole(
        self, rig: Rig, present: list[list[str]]
    ) -> None:
        async def scene(rig: Rig) -> None:
            await school(rig)
            await rig.subscribe(Roll.spec.type)
            await rig.say(Roll.spec.type, {"id": uid("roll"), "present": present, "minutes": 40})
            assert await rig.arrived() == []
            other = {"id": uid("other roll"), "present": [[ANNA], [BO]], "minutes": 40}
            permitted = await rig.say(Roll.spec.type, other)
            assert ids(await rig.arrived()) == [permitted]
            await rig.say(PERSON, person(HIDDEN))
            assert [event["data"]["present"] for event in await rig.arrived()] == [[[ANNA], [BO]], present]

        rig.play(scene)
