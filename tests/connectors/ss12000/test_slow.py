"""A supplier that is slow for an hour, by the hub's own clock: a real one on loopback, and the real limits."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from connectors.ss12000.connector import Ss12000
from hub.testing.hub import FileTestHub
from plugins import Answer, Received
from plugins.testing import ManualClock, open_hub
from tests.connectors.ss12000.conftest import Pulled, kinds
from tests.peers.sis import Made, Query, Reply
from tests.until import until

LATER = {"created": "2026-08-17T08:00:00+02:00", "modified": "2027-01-01T00:00:00+01:00"}
STEP_S = 5.0
URL = "https://hub.example/connectors/ss12000"


class Slow:
    """Makes a supplier's answers late, in the hub's machine time. `most` is how many it was asked for at a time."""

    def __init__(self, sis: Made, clock: ManualClock, *, after_s: float, byte_every_s: float | None = None) -> None:
        self.on = True
        self.only = ""  # the path that is slow; empty: all are
        self.answers = 0
        self.now = self.most = 0
        self._sis, self._clock = sis, clock
        sis.clock = clock.utc
        self._after_s, self._every_s = after_s, byte_every_s
        sis.faults.append(self)

    def __call__(self, path: str, query: Query) -> Reply | None:
        if not self.on or path.startswith("/v2.0/subscriptions") or (self.only and path != self.only):
            return None
        self.answers += 1
        return Reply(200, stream=lambda: self._late(path, query))

    def _late(self, path: str, query: Query) -> Iterator[bytes]:
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            begin = last = self._clock.monotonic()
            while self.on and (now := self._clock.monotonic()) - begin < self._after_s:
                if self._every_s is not None and now - last >= self._every_s:
                    last = now
                    yield b" "
                time.sleep(0.001)
            with self._sis.lock:
                reply = self._sis.answer(path, query)
            yield reply.content() if reply.status == 200 else json.dumps({"data": [], "pageToken": None}).encode()
        finally:
            self.now -= 1


async def passing(clock: ManualClock, holds: Callable[[], bool], most_s: float) -> float:
    """Let machine time pass in small steps until something holds; returns how much of it passed."""
    passed = 0.0

    def step() -> None:
        nonlocal passed
        assert passed < most_s, "it took too long"
        clock.pass_machine(STEP_S)
        passed += STEP_S

    await until(holds, within_s=120, meanwhile=step)
    return passed


async def an_hour(clock: ManualClock) -> None:
    end = clock.monotonic() + 3600
    await passing(clock, lambda: clock.monotonic() >= end, 3700)


def doing(hub: FileTestHub) -> dict[str, float]:
    return hub._hub.hosts.statuses()[0].doing


async def called(hub: FileTestHub, sis: Made) -> Answer | None:
    """The supplier calls. Nothing is waited for beside the answer."""
    assert sis.subscriptions is not None
    (subscription,) = sis.subscriptions.values()
    running, loop = await hub._running()
    request = Received("POST", subscription["target"].removeprefix(URL), body=b'{"modifiedEntites": ["Person"]}')
    return await asyncio.wait_for(loop.run(running.hosts.receive("ss12000", request)), 5)


@pytest.fixture
def real(config: dict[str, Any], sis: Made) -> dict[str, Any]:
    """With the time-outs that a municipality has unless it says otherwise, and polled every minute."""
    sis.subscriptions = {}
    limits = {"answer_timeout_s", "deadline_s"}
    kept = {name: value for name, value in config.items() if name not in limits}
    return {**kept, "poll": "60s", "callback": {"url": URL}}


async def test_an_hour_of_answers_that_trickle_takes_nothing_away(real: dict[str, Any], sis: Made) -> None:
    """A byte every ten seconds: no silence is ever too long, and no answer ever whole."""
    async with open_hub("2026-11-24T07:30") as opened:
        assert isinstance(opened, FileTestHub)
        await opened.add(Ss12000, real)
        hub, clock = Pulled(opened), opened.clock
        assert len(await hub.news()) > 40
        currents = await hub.currents()
        sis.records["persons"][3] |= {"familyName": "Omdöpt", "meta": LATER}
        slow = Slow(sis, clock, after_s=7200, byte_every_s=10)
        await passing(clock, lambda: bool(doing(opened)), 120)
        assert await called(opened, sis) == Answer(200)
        await an_hour(clock)
        assert 5 <= slow.answers <= 30, "each try is ended after 2 min, with growing pauses between"
        assert slow.most <= 2, "a supplier sees only with its next byte that the hub has hung up"
        (said,) = hub.problems("slow")
        assert "no whole answer within 120 s; last complete pull: 2026-11-24T06:3" in said
        assert await hub.news() == []
        assert await hub.currents() == currents  # what is known stays, and its age shows
        assert opened._hub.hosts.statuses()[0].failing == "slow"

        slow.on = False
        told: list[Any] = []
        for _ in range(200):
            clock.pass_machine(STEP_S)
            await asyncio.sleep(0.02)
            if told := await hub.news():
                break
        assert [each.data["familyName"] for each in told] == ["Omdöpt"]
        await opened.settle()
        assert await hub.currents() > currents


async def test_one_that_is_silent_is_given_up_sooner(real: dict[str, Any], sis: Made) -> None:
    async with open_hub("2026-11-24T07:30") as opened:
        assert isinstance(opened, FileTestHub)
        await opened.add(Ss12000, real)
        hub, clock = Pulled(opened), opened.clock
        slow = Slow(sis, clock, after_s=7200)
        await passing(clock, lambda: bool(hub.problems("slow")), 200)
        assert "nothing came for 30 s" in hub.problems("slow")[0]
        slow.on = False


async def test_a_load_that_takes_longer_than_an_hour_tells_everything_once(real: dict[str, Any], sis: Made) -> None:
    """Each page comes after four minutes; the hub ends the pull after an hour, and goes on from what is known."""
    sis.page = 5
    async with open_hub("2026-11-24T07:30") as opened:
        assert isinstance(opened, FileTestHub)
        clock = opened.clock
        slow = Slow(sis, clock, after_s=240)
        adding = asyncio.ensure_future(opened.add(Ss12000, {**real, "answer_timeout_s": 600, "deadline_s": 600}))
        hub = Pulled(opened)
        await until(lambda: slow.answers > 0)  # no time passes before the pull has begun
        await passing(clock, lambda: bool(hub.problems("pull-slow")), 900)
        assert "last complete pull: none yet" in hub.problems("pull-slow")[0]
        assert doing(opened)["poll"] > 600
        await passing(clock, lambda: bool(hub.problems("timeout")), 4000)
        await passing(clock, lambda: "subscriptions" in str(sis.sent), 8000)
        assert await called(opened, sis) == Answer(200)
        state = opened._hub.hosts.instance("ss12000")._context.state
        await passing(clock, lambda: "mark/calendarEvents" in state and not doing(opened), 8000)
        slow.on = False
        await adding
        assert slow.most <= 2, "polls pile up"  # as above, when the pull was ended
        news = await hub.news()
        assert kinds(news) == {
            "directory.organisation.upserted": 1,
            "directory.person.upserted": 31,
            "directory.group.upserted": 1,
            "directory.duty.upserted": 1,
            "directory.activity.upserted": 1,
            "schedule.lesson.scheduled": 8,
            "absence.reported": 1,
        }
        assert max(Counter(each.data["id"] for each in news).values()) == 1
        assert len(hub.problems("pull-slow")) == 1
        assert hub.problems("clock-differs") == [], "an answer that took long is no wrong clock"


async def test_a_hub_that_is_stopped_while_it_waits_for_an_answer_stops(real: dict[str, Any], sis: Made) -> None:
    async with open_hub("2026-11-24T07:30") as opened:
        assert isinstance(opened, FileTestHub)
        await opened.add(Ss12000, real)
        slow = Slow(sis, opened.clock, after_s=7200)
        await passing(opened.clock, lambda: slow.now > 0, 200)
        begin = time.monotonic()
        await opened._stop()
        assert time.monotonic() - begin < 5
        assert "left behind" not in opened.logs()
        slow.on = False
        await opened.restart()
