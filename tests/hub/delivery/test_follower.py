"""One follower at a time, on the virtual clock of the simulation: what becomes of each kind of outcome."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from hub.bus.base import LogUnavailable, Stored
from hub.delivery.base import Attempt, Outcome, Result
from hub.delivery.delivery import MAX_LANES
from hub.delivery.follower import LANE_WINDOW, WINDOW
from hub.delivery.reading import Reader
from hub.privacy.telling import LIVE
from hub.store import cursors, dead_letters, lanes, parked
from hub.store.base import Operation, StoreUnavailable
from hub.subscriptions.model import Status
from schemas import Event
from tests.hub.delivery.virtual import VirtualLoop
from tests.hub.delivery.world import TENANT, CrashingLoop, Incarnation, World
from tests.school import ABSENCE, ABSENCE_CHANGED, absence, event, uid

ME = "steady"
HOUR = 3600.0


class Stage:
    """A hub with a directory in which everybody is open, and the far side of one recipient in the test's hand."""

    def __init__(self, folder: Path) -> None:
        self.world = World(1, folder)
        self.world.subscriptions = {ME: self.world.subscriptions[ME]}
        self.far = self.world.far[ME]
        self._count = 0

    def play(self, scene: Callable[["Stage"], Awaitable[None]]) -> None:
        loop = CrashingLoop(self.world.now)
        self.loop: VirtualLoop = loop
        self.hub = Incarnation(self.world, loop)

        async def whole() -> None:
            await self.hub.start()
            for person in self.world.persons:
                await self.hub.post([self.world.person_event(person, "Ingen")])
            await self.hub.post([self.world.current_event(self.hub.clock)])
            await scene(self)
            await self.hub.stop()

        try:
            loop.run_until_complete(whole())
        finally:
            loop.close()

    async def post(self, *persons: int) -> list[str]:
        """An absence of each of these persons; gives the events' ids."""
        events = []
        for person in persons:
            self._count += 1
            data = absence(self.world.persons[person], id=uid("posted", self._count))
            events.append(event(ABSENCE, data, id=f"e{self._count}"))
        await self.hub.post(events)
        return [each.id for each in events]

    def absence(self, id: str, type_: str, **rest: object) -> Event:
        """An event of one absence of the first person."""
        return event(type_, absence(self.world.persons[0], id=uid("the absence"), **rest), id=id)

    def came(self) -> list[str]:
        return [arrival.event["id"] for arrival in self.far.arrivals]

    async def letters(self) -> list[dead_letters.DeadLetter]:
        return await self.hub.store.read(dead_letters.page(TENANT))

    async def fresh(self, hours: float) -> None:
        """Time passes, and the school system keeps saying that its word is fresh."""
        for _ in range(int(hours)):
            await asyncio.sleep(HOUR)
            await self.hub.post([self.world.current_event(self.hub.clock)])


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def always(result: Result, reason: str = "x", **more: object) -> Callable[[Attempt], Awaitable[Outcome]]:
    async def answer(attempt: Attempt) -> Outcome:
        return Outcome(result, reason, **more)  # type: ignore[arg-type]

    return answer


def test_a_recipient_that_is_down_for_hours_loses_nothing_and_gets_all_when_it_is_back(stage: Stage) -> None:
    """Promises 2 and 3: looking whether it is back does not use up an event's tries."""

    async def scene(stage: Stage) -> None:
        stage.far.mode = "down"
        ids = await stage.post(0, 1, 2, 0)
        await stage.fresh(20)
        assert not stage.came()
        assert not await stage.letters()
        stage.far.mode = "ok"
        await asyncio.sleep(600)
        await stage.hub.delivery.settled()
        assert sorted(stage.came()) == sorted(ids)
        assert stage.came().index(ids[0]) < stage.came().index(ids[3])

    stage.play(scene)


def test_an_event_that_will_never_be_taken_is_a_dead_letter_and_its_key_goes_on(stage: Stage) -> None:
    """Promise 8: the letter has a reason and ids, no data."""

    async def scene(stage: Stage) -> None:
        async def answer(attempt: Attempt) -> Outcome:
            return Outcome(Result.DEAD, "http-422") if attempt.stored.id == "e1" else Outcome(Result.DELIVERED)

        stage.far.answer = answer
        await stage.post(0, 0)
        await stage.hub.delivery.settled()
        (letter,) = await stage.letters()
        assert (letter.event_id, letter.reason, letter.attempts) == ("e1", "http-422", 1)
        assert stage.came() == ["e1", "e2"]
        assert stage.hub.delivery.status(ME).dead == 1

    stage.play(scene)


def test_a_key_that_fails_holds_up_no_other_and_keeps_its_own_order(stage: Stage) -> None:
    """Promises 2 and 3."""

    async def scene(stage: Stage) -> None:
        failing = True

        async def answer(attempt: Attempt) -> Outcome:
            if failing and attempt.stored.about[0] == stage.world.persons[0]:
                return Outcome(Result.RETRY, "http-408")
            return Outcome(Result.DELIVERED)

        stage.far.answer = answer
        await stage.post(0, 1, 0, 2)
        await stage.hub.delivery.settled()
        assert stage.came() == ["e1", "e2", "e4"]
        ((row, waiting),) = await stage.hub.store.read(parked.load(TENANT))
        assert (row.attempts, row.reason, len(waiting)) == (1, "http-408", 1)
        failing = False
        await asyncio.sleep(10)
        await stage.hub.delivery.settled()
        assert stage.came()[3:] == ["e1", "e3"]
        assert not await stage.hub.store.read(parked.load(TENANT))

    stage.play(scene)


def test_tries_that_are_used_up_end_in_a_dead_letter_after_three_days(stage: Stage) -> None:
    async def scene(stage: Stage) -> None:
        stage.far.answer = always(Result.RETRY, "http-408")
        await stage.post(0)
        await stage.fresh(60)
        assert not await stage.letters()
        await stage.fresh(60)
        (letter,) = await stage.letters()
        assert letter.attempts == len(stage.came()) == 13

    stage.play(scene)


def test_a_recipient_is_asked_no_sooner_than_it_wished(stage: Stage) -> None:
    async def scene(stage: Stage) -> None:
        stage.far.answer = always(Result.RETRY, "http-429", retry_after_s=900.0)
        await stage.post(0)
        await asyncio.sleep(2000)
        first, second, *_ = [arrival.time for arrival in stage.far.arrivals]
        assert second - first >= 900

    stage.play(scene)


def test_a_recipient_that_wants_nothing_more_ends_its_subscription(stage: Stage) -> None:
    async def scene(stage: Stage) -> None:
        stage.far.answer = always(Result.GONE, "http-410")
        await stage.post(0, 1)
        await asyncio.sleep(60)
        assert stage.world.subscriptions[ME].status is Status.ENDED
        assert len(stage.came()) <= 2

    stage.play(scene)


def test_a_recipient_that_fails_for_days_is_paused_visibly_and_caught_up_on_resume(stage: Stage) -> None:
    """Promises 2 and 3."""

    async def scene(stage: Stage) -> None:
        stage.far.mode = "down"
        ids = await stage.post(0, 1)
        await stage.fresh(80)
        assert stage.world.subscriptions[ME].status is Status.PAUSED
        assert stage.world.subscriptions[ME].reason == "failing"
        stage.far.mode = "ok"
        ids += await stage.post(2)
        await stage.hub.delivery._registry.set_status(ME, Status.ACTIVE, "", "person")
        await stage.fresh(30)
        assert sorted(stage.came()) == sorted(ids)

    stage.play(scene)


def test_what_a_hanging_recipient_leaves_open_is_bounded(stage: Stage) -> None:
    """Promise 3: back-pressure, never unbounded memory."""

    async def scene(stage: Stage) -> None:
        async def answer(attempt: Attempt) -> Outcome:
            await asyncio.sleep(1e6)
            raise AssertionError

        stage.far.answer = answer
        for _ in range(40):
            await stage.post(*(n % 8 for n in range(100)))
        await asyncio.sleep(60)
        follower = stage.hub.delivery._followers[ME, "live"]
        assert 0 < follower.standing.open <= WINDOW
        assert not follower.standing.settled(stage.hub.log.head())

    stage.play(scene)


def test_a_replay_goes_in_a_lane_of_its_own_under_the_same_delivery_ids(stage: Stage) -> None:
    """Promise 6: what the recipient deduplicates on is the same; promise 2: the live lane goes on by itself."""

    async def scene(stage: Stage) -> None:
        ids: dict[str, set[str]] = {}

        async def answer(attempt: Attempt) -> Outcome:
            ids.setdefault(attempt.stored.id, set()).add(attempt.delivery_id)
            return Outcome(Result.DELIVERED)

        stage.far.answer = answer
        await stage.post(0, 1)
        await stage.hub.delivery.settled()
        lane = await stage.hub.delivery.replay(ME, by="person")
        await stage.post(2)
        await asyncio.sleep(5)
        await stage.hub.delivery.settled()
        lanes = {(arrival.event["id"], arrival.lane) for arrival in stage.far.arrivals}
        assert lanes == {("e1", None), ("e2", None), ("e1", lane), ("e2", lane), ("e3", None)}
        assert all(len(found) == 1 for found in ids.values())
        assert stage.hub.delivery.status(ME).lanes == []

    stage.play(scene)


def test_many_replays_wait_for_each_other_and_all_come(stage: Stage) -> None:
    """Promise 3: they multiply neither the connections nor the open deliveries of one recipient."""

    async def scene(stage: Stage) -> None:
        stage.far.mode = "down"
        await stage.post(0, 1)
        lanes = {await stage.hub.delivery.replay(ME, by="person") for _ in range(3 * MAX_LANES)}
        await asyncio.sleep(5)
        assert len(stage.hub.delivery.status(ME).lanes) == MAX_LANES
        stage.far.mode = "ok"
        await asyncio.sleep(3600)
        await stage.hub.delivery.settled()
        assert {(arrival.event["id"], arrival.lane) for arrival in stage.far.arrivals} >= {
            (id, lane) for id in ("e1", "e2") for lane in lanes
        }
        assert stage.hub.delivery.status(ME).lanes == []

    stage.play(scene)


def test_a_replay_has_few_open_deliveries(stage: Stage) -> None:
    async def scene(stage: Stage) -> None:
        async def answer(attempt: Attempt) -> Outcome:
            if attempt.lane is not None:
                await asyncio.sleep(1e6)
            return Outcome(Result.DELIVERED)

        stage.far.answer = answer
        for _ in range(4):
            await stage.post(*(n % 8 for n in range(100)))
        await stage.hub.delivery.settled()
        lane = await stage.hub.delivery.replay(ME, by="person")
        await asyncio.sleep(60)
        follower = stage.hub.delivery._followers[ME, lane]
        assert 0 < follower.standing.open <= LANE_WINDOW
        assert not follower.standing.settled(stage.hub.log.head())

    stage.play(scene)


def test_a_dead_letter_that_is_sent_again_comes_once_and_leaves_the_list(stage: Stage) -> None:
    async def scene(stage: Stage) -> None:
        stage.far.answer = always(Result.DEAD, "http-400")
        await stage.post(0)
        await stage.hub.delivery.settled()
        (letter,) = await stage.letters()
        stage.far.answer = always(Result.DELIVERED)
        [lane] = await stage.hub.delivery.resend(ME, [letter.id], by="person")
        await asyncio.sleep(5)
        await stage.hub.delivery.settled()
        assert [arrival.lane for arrival in stage.far.arrivals] == [None, lane]
        assert not await stage.letters()
        assert stage.hub.delivery.status(ME).dead == 0

    stage.play(scene)


def test_a_resend_ends_although_the_store_was_away_at_its_end(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    finish, tries = lanes.finish, []

    def first_away(tenant: str, subscription: str, lane: str) -> Operation:
        tries.append(lane)
        if len(tries) == 1:
            raise StoreUnavailable("away")
        return finish(tenant, subscription, lane)

    async def scene(stage: Stage) -> None:
        monkeypatch.setattr(lanes, "finish", first_away)
        stage.far.answer = always(Result.DEAD, "http-400")
        await stage.post(0)
        await stage.hub.delivery.settled()
        (letter,) = await stage.letters()
        stage.far.answer = always(Result.DELIVERED)
        [name] = await stage.hub.delivery.resend(ME, [letter.id], by="person")
        await stage.hub.delivery.settled()
        assert tries == [name, name]
        rows = await stage.hub.store.read(lanes.load(TENANT, ME))
        assert [(row.lane, row.done) for row in rows] == [(name, True)]

    stage.play(scene)


def test_a_parked_event_is_tried_again_after_the_log_was_away(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Promise 1."""

    async def scene(stage: Stage) -> None:
        stage.far.answer = always(Result.RETRY, "http-503")
        await stage.post(0)
        await stage.hub.delivery.settled()
        get, away = stage.hub.log.get, []

        async def first_away(*args: Any, **more: Any) -> Sequence[Stored]:
            away.append(args)
            if len(away) == 1:
                raise LogUnavailable("away")
            return await get(*args, **more)

        monkeypatch.setattr(stage.hub.log, "get", first_away)
        stage.far.answer = always(Result.DELIVERED)
        await asyncio.sleep(HOUR)
        assert len(away) == 2
        assert stage.came() == ["e1", "e1"]
        assert stage.hub.delivery.status(ME).parked == 0

    stage.play(scene)


def test_a_recipient_whose_follower_does_not_run_yet_does_not_look_as_if_all_were_well(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promise 3: after a start of the hub, events wait that no follower has read yet."""

    async def scene(stage: Stage) -> None:
        delivery = stage.hub.delivery
        await delivery.settled()
        await delivery.stop()
        await stage.post(0)
        agree = delivery._agree

        async def after_a_minute(id: str) -> None:
            await asyncio.sleep(60)
            await agree(id)

        monkeypatch.setattr(delivery, "_agree", after_a_minute)
        await delivery.start()
        await asyncio.sleep(30)
        assert 30 <= delivery.status(ME).lag_s < 31
        await asyncio.sleep(60)
        await delivery.settled()
        assert delivery.status(ME).lag_s == 0
        assert stage.came() == ["e1"]

    stage.play(scene)


def test_a_paused_recipient_does_not_look_as_if_all_were_well(stage: Stage) -> None:
    """Promise 3: what is kept for it is visible to the operator."""

    async def scene(stage: Stage) -> None:
        await stage.post(0)
        await stage.hub.delivery.settled()
        await stage.hub.delivery._registry.set_status(ME, Status.PAUSED, "person", "person")
        await stage.hub.delivery.settled()
        assert stage.hub.delivery.status(ME).lag_s == 0
        await stage.post(1)
        await asyncio.sleep(HOUR)
        assert stage.hub.delivery.status(ME).lag_s >= HOUR

    stage.play(scene)


def test_a_recipient_that_trimming_has_passed_goes_on_and_the_operator_is_told_once(stage: Stage) -> None:
    """Promise 3: what it missed is visible to the operator, and to nobody else."""

    async def scene(stage: Stage) -> None:
        registry = stage.hub.delivery._registry
        await registry.set_status(ME, Status.PAUSED, "person", "person")
        await stage.hub.delivery.settled()
        await stage.post(0, 0)
        await asyncio.sleep(60)
        await stage.hub.log.trim(stage.hub.clock.utc())
        (last,) = await stage.post(1)
        await registry.set_status(ME, Status.ACTIVE, "", "person")
        await asyncio.sleep(1)
        await stage.hub.delivery.settled()
        assert stage.came() == [last]
        assert stage.world.problems == [(ME, "behind")]

    stage.play(scene)


def test_a_subscription_from_state_gets_each_entity_as_it_is_and_then_what_follows(stage: Stage) -> None:
    async def scene(stage: Stage) -> None:
        stage.world.subscriptions.clear()
        ids = await stage.post(0, 1, 2)
        mine = World(2, stage.world.folder).subscriptions["flaky"]
        mine.start_from = "state"
        stage.world.subscriptions[mine.id] = mine
        stage.world.far[mine.id].mode = "ok"
        stage.hub.delivery._changed(mine)
        await stage.hub.delivery.settled()
        ids += await stage.post(3)
        await stage.hub.delivery.settled()
        came = [arrival.event["id"] for arrival in stage.world.far[mine.id].arrivals]
        assert sorted(came[:3]) == ids[:3]
        assert came[3:] == ids[3:]

    stage.play(scene)


def test_a_state_that_was_open_when_the_hub_stopped_is_decided_on_as_a_state_again(stage: Stage) -> None:
    """Promise 4: nothing is left of its last change for this recipient, so it needs what the state rests on."""
    first, changed = (
        stage.absence("a", ABSENCE),
        stage.absence("b", ABSENCE_CHANGED, registeredBy={"id": stage.world.persons[7]}),
    )
    changed.data["changed"] = {"registeredBy": {"id": stage.world.persons[6]}}
    mine = stage.world.subscriptions[ME]
    mine.start_from = "state"

    async def until_it_hangs(stage: Stage) -> None:
        stage.far.mode = "hang"
        await stage.hub.post([first])
        await stage.hub.post([changed])
        stage.world.subscriptions[ME] = mine
        stage.hub.delivery._changed(mine)
        await asyncio.sleep(1)
        assert stage.came() == ["a"]
        (row,) = await stage.hub.store.read(cursors.load(TENANT))
        assert len(row.open) == 1
        assert Reader.open(stage.hub.log, row.position).position is not None  # the reader is past the state

    async def after(stage: Stage) -> None:
        await asyncio.sleep(60)
        await stage.hub.delivery.settled()

    stage.world.subscriptions.clear()
    stage.play(until_it_hangs)
    stage.world.now = stage.loop.now + 1
    stage.far.mode = "ok"
    stage.play(after)
    assert stage.came() == ["a", "a"]


def test_a_state_that_waits_behind_a_failing_event_of_its_key_is_decided_on_as_a_state(stage: Stage) -> None:
    """Promise 4: nothing is left of its last change for this recipient, so it needs what the state rests on."""
    front, behind = sorted((uid("one absence"), uid("another absence")))
    changed = event(ABSENCE_CHANGED, absence(stage.world.persons[0], id=behind), id="changed")
    changed.data["registeredBy"] = {"id": stage.world.persons[7]}
    changed.data["changed"] = {"registeredBy": {"id": stage.world.persons[6]}}
    mine = stage.world.subscriptions[ME]
    mine.start_from = "state"

    async def answer(attempt: Attempt) -> Outcome:
        fails = attempt.stored.id == "front" and attempt.number == 1
        return Outcome(Result.RETRY, "http-408") if fails else Outcome(Result.DELIVERED)

    async def scene(stage: Stage) -> None:
        stage.far.answer = answer
        for id, entity in (("front", front), ("behind", behind)):
            await stage.hub.post([event(ABSENCE, absence(stage.world.persons[0], id=entity), id=id)])
        await stage.hub.post([changed])
        stage.world.subscriptions[ME] = mine
        stage.hub.delivery._changed(mine)
        await asyncio.sleep(60)
        await stage.hub.delivery.settled()
        assert stage.came() == ["front", "front", "behind"]

    stage.world.subscriptions.clear()
    stage.play(scene)


def test_a_dead_letter_of_a_state_is_resent_as_a_state_each_time(stage: Stage) -> None:
    """Nothing is left of its last change for this recipient, so it needs what the state rests on."""
    changed = stage.absence("b", ABSENCE_CHANGED, registeredBy={"id": stage.world.persons[7]})
    changed.data["changed"] = {"registeredBy": {"id": stage.world.persons[6]}}
    mine = stage.world.subscriptions[ME]
    mine.start_from = "state"

    async def answer(attempt: Attempt) -> Outcome:
        return Outcome(Result.DEAD, "http-422") if len(stage.came()) <= 2 else Outcome(Result.DELIVERED)

    async def scene(stage: Stage) -> None:
        stage.far.answer = answer
        await stage.hub.post([stage.absence("a", ABSENCE)])
        await stage.hub.post([changed])
        stage.world.subscriptions[ME] = mine
        stage.hub.delivery._changed(mine)
        await stage.hub.delivery.settled()
        for _ in range(2):
            (letter,) = await stage.letters()
            await stage.hub.delivery.resend(ME, [letter.id], by="operator")
            await stage.hub.delivery.settled()
        assert stage.came() == ["a", "a", "a"]

    stage.world.subscriptions.clear()
    stage.play(scene)


def test_a_change_of_one_subscription_waits_for_no_recipient_of_another(stage: Stage) -> None:
    """Promise 3: the end of one subscription waited up to 5 s for another's delivery under way."""
    other = "blind"

    async def scene(stage: Stage) -> None:
        stage.far.mode = "hang"
        await stage.post(0)
        await asyncio.sleep(1)
        assert stage.came(), "a delivery is under way"
        registry, began = stage.hub.delivery._registry, stage.loop.time()
        await registry.set_status(ME, Status.PAUSED, "person", "person")
        await registry.set_status(other, Status.PAUSED, "person", "person")
        await stage.hub.delivery.ended(other)
        assert stage.loop.time() - began < 1
        await registry.set_status(other, Status.ACTIVE, "", "person")
        await registry.set_status(ME, Status.ACTIVE, "", "person")
        stage.far.mode = "ok"
        await asyncio.sleep(60)
        await stage.hub.delivery.settled()
        assert stage.hub.delivery.status(ME).state is Status.ACTIVE
        assert {lane for _, lane in stage.hub.delivery._followers} == {LIVE}
        assert {id for id, _ in stage.hub.delivery._followers} == {ME, other}

    stage.world.subscriptions[other] = World(1, stage.world.folder).subscriptions[other]
    stage.play(scene)
