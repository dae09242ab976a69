"""The parts of delivery, each alone: when a delivery is tried again, holds, parked keys, the window, workers."""

import asyncio
import random
from collections import deque
from collections.abc import Callable, Coroutine
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, TypeVar

import pytest

from hub.bus.base import Place, Position, Stored, place
from hub.clock import from_us
from hub.delivery.parking import EVENT, STATE, ParkedKey, Parking
from hub.delivery.reachability import Reachability
from hub.delivery.retries import ATTEMPTS, DECISION_DELAY_S, handshake_s, hold_s, next_delay_s
from hub.delivery.standing import Standing
from hub.delivery.window import Item, Window
from hub.delivery.workers import Workers
from hub.store import parked
from tests.clock import MORNING
from tests.hub.delivery.virtual import SimClock, VirtualLoop

T = TypeVar("T")
HOUR = 3600.0
KEY, OTHER = b"k", b"o"


class Dice(random.Random):
    """Always the same side."""

    def __init__(self, side: float = 0.0) -> None:
        super().__init__(1)
        self.side = side

    def random(self) -> float:
        return self.side


def play(scene: Callable[[SimClock], Coroutine[Any, Any, T]]) -> T:
    """Run a scene on a loop whose time jumps."""
    loop = VirtualLoop(0.0)
    try:
        return loop.run_until_complete(scene(SimClock(loop)))
    finally:
        loop.close()


def at(offset: int) -> Place:
    return place(0, offset)


def stored(offset: int, accepted_us: int = 0) -> Stored:
    return Stored(at(offset), "t", "s", str(offset), "x", "x", None, (), (), False, accepted_us, b"{}")


class TestRetries:
    DELAYS = (5, 30, 120, 600, 1800, 3600, 7200, 18000, 36000, 50400, 72000, 86400)

    def test_an_event_is_tried_thirteen_times_over_about_three_days(self) -> None:
        assert [next_delay_s(n, None, Dice()) for n in range(1, 14)] == [*self.DELAYS, None]
        assert ATTEMPTS == 13
        assert 3 <= sum(self.DELAYS) / (24 * HOUR) <= 3.5
        assert DECISION_DELAY_S == 30

    def test_a_pause_is_up_to_a_fifth_longer(self) -> None:
        assert next_delay_s(2, None, Dice(0.5)) == pytest.approx(33)
        assert next_delay_s(2, None, Dice(1.0)) == pytest.approx(36)

    @pytest.mark.parametrize(("wish", "pause"), [(0.0, 30), (29.0, 30), (31.0, 31), (3600.0, 3600), (9999.0, 3600)])
    def test_the_far_side_may_ask_for_more_time_up_to_an_hour(self, wish: float, pause: float) -> None:
        assert next_delay_s(2, wish, Dice()) == pause

    def test_a_webhook_is_asked_for_its_consent_less_and_less_often(self) -> None:
        assert [handshake_s(n) for n in (1, 2, 3, 4, 5, 99)] == [1, 10, 60, 600, 600, 600]

    def test_a_recipient_is_left_alone_for_longer_and_longer(self) -> None:
        assert [hold_s(n, None, Dice()) for n in (1, 5, 6, 7, 8, 9, 99)] == [1, 1, 5, 15, 60, 300, 300]
        assert hold_s(5, 40.0, Dice()) == 40
        assert hold_s(5, None, Dice(1.0)) == pytest.approx(1.2)


class TestReachability:
    def test_after_five_failures_in_a_row_it_is_left_alone_and_then_probed_by_one_attempt(self) -> None:
        async def scene(clock: SimClock) -> None:
            probes: list[float] = []
            reach = Reachability(clock, Dice(), lambda: probes.append(clock.monotonic()))
            for _ in range(4):
                assert reach.failed(None, None) is False
            assert (reach.holding, reach.slots(8)) == (False, 8)
            reach.failed(None, None)
            assert (reach.holding, reach.slots(8)) == (True, 0)
            await asyncio.sleep(0.99)
            assert probes == []
            await asyncio.sleep(0.02)
            assert (probes, reach.holding, reach.slots(8)) == ([1.0], False, 1)
            reach.failed(None, None)
            await asyncio.sleep(60)
            assert probes == [1.0, pytest.approx(6.01)]
            assert reach.answered() is True
            assert reach.slots(8) == 8

        play(scene)

    def test_an_answer_begins_the_count_anew(self) -> None:
        async def scene(clock: SimClock) -> None:
            reach = Reachability(clock, Dice(), lambda: None)
            for _ in range(3):
                for _ in range(4):
                    reach.failed(None, None)
                assert reach.answered() is False
                assert not reach.holding

        play(scene)

    def test_what_was_under_way_when_the_hold_began_does_not_count(self) -> None:
        async def scene(clock: SimClock) -> None:
            probes: list[float] = []
            reach = Reachability(clock, Dice(), lambda: probes.append(clock.monotonic()))
            for _ in range(12):
                reach.failed(None, None)
            await asyncio.sleep(1.5)
            reach.failed(None, None)
            await asyncio.sleep(30)
            assert probes == [1.0, 6.5], "the next hold is the second one"

        play(scene)

    def test_it_is_given_up_after_72_hours_without_an_answer(self) -> None:
        async def scene(clock: SimClock) -> None:
            reach = Reachability(clock, Dice(), lambda: None)
            assert reach.failed(None, None) is False
            await asyncio.sleep(72 * HOUR - 1)
            assert reach.failed(None, None) is False
            await asyncio.sleep(1)
            assert reach.failed(None, None) is True
            reach.answered()
            await asyncio.sleep(1)
            assert reach.failed(None, None) is False, "an answer begins the time anew"

        play(scene)

    def test_the_time_before_a_restart_counts_by_when_its_first_key_was_parked(self) -> None:
        async def scene(clock: SimClock) -> None:
            reach = Reachability(clock, Dice(), lambda: None)
            assert reach.failed(None, clock.utc() - timedelta(hours=71, minutes=59)) is False
            await asyncio.sleep(60)
            assert reach.failed(None, None) is True

        play(scene)

    def test_a_stopped_one_is_not_probed(self) -> None:
        async def scene(clock: SimClock) -> None:
            probes: list[int] = []
            reach = Reachability(clock, Dice(), lambda: probes.append(1))
            for _ in range(5):
                reach.failed(None, None)
            reach.stop()
            await asyncio.sleep(HOUR)
            assert (probes, reach.holding) == ([], True)

        play(scene)

    def test_its_wish_for_more_time_is_granted(self) -> None:
        async def scene(clock: SimClock) -> None:
            probes: list[float] = []
            reach = Reachability(clock, Dice(), lambda: probes.append(clock.monotonic()))
            for _ in range(5):
                reach.failed(120.0, None)
            await asyncio.sleep(HOUR)
            assert probes == [120.0]

        play(scene)


class Lot:
    """Parking with what it has called."""

    def __init__(self, clock: SimClock) -> None:
        self.clock = clock
        self.ripe: list[tuple[float, bytes, bool]] = []
        self.woken = 0
        self.states: set[Place] = set()  # places that the lane read as states
        self.parking = Parking(
            "t", "sub", "live", clock, ripe=self._ripe, woken=self._wake, was_state=self.states.__contains__
        )

    def _ripe(self, key: ParkedKey, early: bool) -> None:
        self.ripe.append((self.clock.monotonic(), key.key, early))

    def _wake(self) -> None:
        self.woken += 1

    def park(self, key: bytes = KEY, offset: int = 1, delay_s: float = 10, *waiting: int) -> ParkedKey:
        self.parking.park(
            key, at(offset), EVENT, counted=True, delay_s=delay_s, reason="x", waiting=[at(each) for each in waiting]
        )
        made = self.parking.get(key)
        assert made is not None
        return made


class TestParking:
    def test_a_key_is_ripe_when_it_is_due_and_no_sooner(self) -> None:
        async def scene(clock: SimClock) -> None:
            lot = Lot(clock)
            lot.park(KEY, 1, 10)
            lot.park(OTHER, 2, 5)
            await asyncio.sleep(4.9)
            assert lot.ripe == []
            await asyncio.sleep(10)
            assert lot.ripe == [(5.0, OTHER, False), (10.0, KEY, False)]
            assert lot.parking.active()

        play(scene)

    def test_a_failure_that_was_no_attempt_is_not_counted(self) -> None:
        async def scene(clock: SimClock) -> None:
            lot = Lot(clock)
            key = lot.park()
            assert (key.attempts, key.reason, key.since) == (1, "x", clock.utc())
            lot.parking.postpone(key, "decision", 7, counted=False)
            assert (key.attempts, key.reason, key.active) == (1, "decision", False)
            lot.parking.postpone(key, "http-503", 7, counted=True)
            assert (key.attempts, key.reason) == (2, "http-503")
            await asyncio.sleep(30)
            assert lot.ripe == [(7.0, KEY, False)], "once, at the time that was set last"
            lot.parking.park(OTHER, at(9), STATE, counted=False, delay_s=1, reason="y", waiting=[])
            other = lot.parking.get(OTHER)
            assert other is not None
            assert (other.attempts, other.cause) == (0, STATE)

        play(scene)

    def test_when_its_event_has_ended_the_next_one_is_tried_at_once(self) -> None:
        async def scene(clock: SimClock) -> None:
            lot = Lot(clock)
            key = lot.park(KEY, 1, 10, 2)
            lot.parking.wait_behind(key, at(3))
            key.cause = STATE
            await asyncio.sleep(20)
            lot.parking.advance(key)
            assert lot.ripe == [(10.0, KEY, False), (20.0, KEY, False)]
            assert (key.place, key.attempts, key.reason, key.cause) == (at(2), 0, "", EVENT)
            assert key.since == key.due == clock.utc()
            lot.states.add(at(3))
            lot.parking.advance(key)
            assert (key.place, key.cause) == (at(3), STATE), "what was read as a state is tried as one"
            lot.parking.advance(key)
            assert (len(lot.parking), lot.parking.get(KEY)) == (0, None)

        play(scene)

    def test_the_rows_in_the_store_follow(self) -> None:
        async def scene(clock: SimClock) -> None:
            lot = Lot(clock)
            assert len(lot.parking.park(KEY, at(1), EVENT, counted=True, delay_s=1, reason="x", waiting=[])) == 1
            assert len(lot.parking.park(OTHER, at(2), EVENT, counted=True, delay_s=1, reason="x", waiting=[at(3)])) == 2

        play(scene)

    def test_when_the_recipient_is_back_no_key_waits_any_longer(self) -> None:
        async def scene(clock: SimClock) -> None:
            lot = Lot(clock)
            lot.park(KEY, 1, 100)
            lot.park(OTHER, 2, 200)
            await asyncio.sleep(1)
            lot.parking.hasten()
            assert sorted(lot.ripe) == [(1.0, KEY, False), (1.0, OTHER, False)]
            lot.parking.hasten()
            assert len(lot.ripe) == 2, "one that is being tried is left alone"

        play(scene)

    def test_a_probe_is_the_key_that_is_due_first_of_those_that_sleep(self) -> None:
        async def scene(clock: SimClock) -> None:
            lot = Lot(clock)
            lot.parking.probe()
            lot.park(KEY, 1, 100)
            lot.park(OTHER, 2, 50)
            for expected in (OTHER, KEY):
                lot.parking.probe()
                assert lot.ripe[-1] == (0.0, expected, True)
            lot.parking.probe()
            assert len(lot.ripe) == 2

        play(scene)

    def test_it_says_since_when_and_up_to_where(self) -> None:
        async def scene(clock: SimClock) -> None:
            lot = Lot(clock)
            assert (lot.parking.since(), lot.parking.active(), lot.parking.holds(Position(0, (9,)))) == (
                None,
                False,
                False,
            )
            lot.park(KEY, 5, 10)
            await asyncio.sleep(1)
            lot.park(OTHER, 7, 1)
            assert lot.parking.since() == MORNING
            assert [lot.parking.holds(Position(0, (head,))) for head in (4, 5)] == [False, True]
            await asyncio.sleep(2)
            assert [lot.parking.active(Position(0, (head,))) for head in (6, 7)] == [False, True]
            assert lot.parking.active()

        play(scene)

    def test_keys_from_the_store_wait_on_and_a_stopped_lot_wakes_none(self) -> None:
        async def scene(clock: SimClock) -> None:
            lot = Lot(clock)
            row = parked.Parked(
                subscription="sub", lane="live", key=KEY, place=at(1), cause=EVENT, attempts=3,
                due=clock.utc() + timedelta(seconds=5), since=clock.utc() - timedelta(hours=1), reason="http-503",
            )  # fmt: skip
            lot.parking.restore([(row, [at(2), at(3)])])
            key = lot.parking.get(KEY)
            assert key is not None
            assert (key.attempts, key.reason, list(key.waiting)) == (3, "http-503", [at(2), at(3)])
            await asyncio.sleep(6)
            assert lot.ripe == [(5.0, KEY, False)]
            lot.parking.postpone(key, "x", 10, counted=True)
            lot.parking.stop()
            await asyncio.sleep(60)
            lot.parking.wake()
            assert len(lot.ripe) == 1

        play(scene)

    def test_it_tells_each_time_the_keys_have_been_examined(self) -> None:
        async def scene(clock: SimClock) -> None:
            lot = Lot(clock)
            lot.parking.wake()
            assert lot.woken == 1
            lot.park(KEY, 1, 10)
            assert lot.woken == 2
            lot.park(OTHER, 2, 20)
            assert lot.woken == 2, "the timer is set for the first already"

        play(scene)


def item(offset: int, key: bytes = KEY) -> Item:
    return Item(stored(offset, accepted_us=offset * 10), key)


class TestWindow:
    def test_of_a_key_one_at_a_time_in_order_and_other_keys_beside_it(self) -> None:
        window = Window()
        first, second, other = item(1), item(2), item(3, OTHER)
        for each in (first, second, other):
            window.add(each)
        assert not window.ready
        window.intend([first, second, other])
        assert list(window.ready) == [first, other]
        assert (len(window), list(window), at(2) in window, at(9) in window) == (3, [at(1), at(2), at(3)], True, False)
        window.ready.clear()
        window.close(first)
        assert list(window.ready) == [second]
        window.close(second)
        window.close(other)
        assert (len(window), window.oldest_us()) == (0, None)

    def test_an_event_whose_intent_is_not_durable_has_no_turn(self) -> None:
        window = Window()
        first, second = item(1), item(2)
        window.add(first)
        window.add(second)
        window.intend([first])
        window.close(first)
        assert list(window.ready) == [first], "the second waits for its intent"
        window.intend([second])
        assert list(window.ready) == [first, second]

    def test_a_key_can_be_taken_out_whole(self) -> None:
        window = Window()
        for each in (item(1), item(2, OTHER), item(3)):
            window.add(each)
        assert window.oldest_us() == 10
        assert window.remove(KEY) == [at(1), at(3)]
        assert (list(window), window.oldest_us()) == ([at(2)], 20)


class TestWorkers:
    def workers(self, slots: Callable[[], int]) -> tuple[Workers, deque[Item], list[str], asyncio.Event]:
        ready: deque[Item] = deque()
        notes: list[str] = []
        go = asyncio.Event()

        async def attempt(each: Item) -> None:
            notes.append(f"begin {each.stored.id}")
            await go.wait()
            notes.append(f"end {each.stored.id}")

        workers = Workers(
            ready, attempt, slots=slots, rested=lambda: notes.append("rested"), ended=lambda task: notes.append("ended")
        )
        return workers, ready, notes, go

    def test_as_many_at_a_time_as_there_are_slots(self) -> None:
        async def scene(clock: SimClock) -> None:
            workers, ready, notes, go = self.workers(lambda: 2)
            ready.extend(item(n, str(n).encode()) for n in range(1, 6))
            workers.pump()
            workers.pump()
            await asyncio.sleep(0.01)
            assert notes == ["begin 1", "begin 2"]
            go.set()
            await asyncio.sleep(0.01)
            assert sorted(note for note in notes if note.startswith("end ")) == [f"end {n}" for n in range(1, 6)]
            assert (notes.count("rested"), notes.count("ended")) == (2, 2)
            notes.clear()
            ready.append(item(6))
            workers.pump()
            await asyncio.sleep(0.01)
            assert notes[:2] == ["begin 6", "end 6"]

        play(scene)

    def test_no_more_tasks_than_there_is_work(self) -> None:
        async def scene(clock: SimClock) -> None:
            workers, ready, notes, go = self.workers(lambda: 8)
            go.set()
            ready.append(item(1))
            workers.pump()
            await asyncio.sleep(0.01)
            assert notes == ["begin 1", "end 1", "rested", "ended"]

        play(scene)

    def test_without_slots_the_rest_waits_after_the_attempt_under_way(self) -> None:
        async def scene(clock: SimClock) -> None:
            slots = 1
            workers, ready, notes, go = self.workers(lambda: slots)
            ready.extend([item(1), item(2)])
            workers.pump()
            await asyncio.sleep(0.01)
            slots = 0
            go.set()
            await asyncio.sleep(0.01)
            assert "begin 2" not in notes
            workers.pump()
            await asyncio.sleep(0.01)
            assert "begin 2" not in notes
            slots = 1
            workers.pump()
            await asyncio.sleep(0.01)
            assert "end 2" in notes

        play(scene)

    def test_what_is_under_way_at_a_stop_has_a_moment(self) -> None:
        async def scene(clock: SimClock) -> None:
            workers, ready, notes, go = self.workers(lambda: 1)
            await workers.stop(1)
            ready.append(item(1))
            workers.pump()
            await asyncio.sleep(0.01)
            asyncio.get_running_loop().call_later(0.5, go.set)
            await workers.stop(1)
            assert "end 1" in notes
            go.clear()
            ready.append(item(2))
            workers.pump()
            before = clock.monotonic()
            await workers.stop(1)
            assert clock.monotonic() - before == pytest.approx(1)
            assert "end 2" not in notes

        play(scene)


class TestStanding:
    def standing(self, clock: SimClock) -> tuple[Standing, Any, Window, Lot, Any]:
        reader = SimpleNamespace(done=True, reached=lambda head: head.offsets <= (5,))
        journal = SimpleNamespace(resting=True, hurry=lambda: None)
        window, lot = Window(), Lot(clock)
        return Standing(reader, window, lot.parking, journal), reader, window, lot, journal  # type: ignore[arg-type]

    HEAD = Position(0, (5,))

    def test_nothing_open_nothing_parked_all_read_and_durable_is_settled(self) -> None:
        async def scene(clock: SimClock) -> None:
            standing, _, window, lot, journal = self.standing(clock)
            assert standing.settled(self.HEAD)
            assert not standing.settled(Position(0, (6,))), "not all is read"
            journal.resting = False
            assert not standing.settled(self.HEAD)
            journal.resting = True
            one = item(1)
            window.add(one)
            assert (standing.settled(self.HEAD), standing.open) == (False, 1)
            window.intend([one])
            window.close(one)
            key = lot.park(OTHER, 2, 10)
            assert (standing.settled(self.HEAD), standing.parked) == (True, 1), "a key that waits does not count"
            key.active = True
            assert not standing.settled(self.HEAD)

        play(scene)

    def test_tried_is_not_yet_handled(self) -> None:
        async def scene(clock: SimClock) -> None:
            standing, _, window, lot, _ = self.standing(clock)
            window.add(item(6))
            assert standing.tried(self.HEAD), "what came after the head does not count"
            window.add(item(5, OTHER))
            assert not standing.tried(self.HEAD)
            window.remove(OTHER)
            key = lot.park(OTHER, 4, 10)
            assert (standing.tried(self.HEAD), standing.handled(self.HEAD)) == (True, False)
            assert standing.handled(Position(0, (3,)))
            key.active = True
            assert not standing.tried(self.HEAD)
            assert not standing.tried(Position(0, (6,)))

        play(scene)

    def test_a_lane_is_finished_when_it_was_started_and_nothing_is_left(self) -> None:
        async def scene(clock: SimClock) -> None:
            standing, reader, window, lot, _ = self.standing(clock)
            assert not standing.finished
            standing.started = True
            assert standing.finished
            reader.done = False
            assert not standing.finished
            reader.done = True
            window.add(item(1))
            assert not standing.finished
            window.remove(KEY)
            lot.park()
            assert not standing.finished

        play(scene)

    def test_the_oldest_is_the_oldest_of_what_is_open_parked_or_unread(self) -> None:
        async def scene(clock: SimClock) -> None:
            standing, _, window, lot, _ = self.standing(clock)
            standing.idle = True
            assert standing.oldest_undelivered() is None
            standing.idle, standing.read_us = False, 70
            assert standing.oldest_undelivered() == from_us(70)
            window.add(item(5))
            assert standing.oldest_undelivered() == from_us(50)
            standing.idle = True
            window.remove(KEY)
            lot.park()
            assert standing.oldest_undelivered() == MORNING
            window.add(item(4))
            assert standing.oldest_undelivered() == from_us(40)
            standing.idle, standing.read_us = False, 0
            window.remove(KEY)
            assert standing.oldest_undelivered() == MORNING, "before anything was read there is no time of it"

        play(scene)
