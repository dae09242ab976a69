"""What is tested, and the far side that it is tested against."""

import asyncio
import copy
import json
import os
import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, ClassVar, Final, Protocol

import pytest

from plugins.connector import Connector
from plugins.errors import TemporaryError
from plugins.testing.hub import START, TestHub, open_hub
from plugins.testing.rebirth import in_another_process
from plugins.testing.rules import broken
from plugins.testing.school import School
from plugins.testing.watching import Failure, Watch, watched
from schemas import Event

# What differs from run to run in what is published: ids, and the hub's sequence.
_CHANGING: Final = re.compile(r"\b(\d{16}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})\b", re.IGNORECASE)


_OF_A_BUSY_MACHINE: Final = ("blocks", "holds-interpreter")
_TRIES: Final = 4  # times that what failed is tried again
_SHORTEST_TIME_OUT_S: Final = 0.5  # a call that failed sooner did not run out of time
TAKES_ITS_TIME_OUT: Final = frozenset({"slow", "never", "drips"})
"""Faults in which each call waits for its time-out."""


class Peer(Protocol):
    """The far side as a test sees it: a real server or folder that the test has started, not a mock."""

    def effects(self) -> Sequence[Any]:
        """All that is there because of the connector, in the order in which it came; equal effects compare equal.

        Leave out what differs from run to run (times, random ids). Called from another thread, also while the
        connector works.
        """

    def bytes(self) -> bytes:
        """All bytes that the far side was sent or holds."""

    def reset(self) -> None:
        """Forget everything, as if the connector had never been there."""


class FaultyPeer(Peer, Protocol):
    """A far side that can be made to fail. Each switch may be called from the test while the connector works.

    More switches are used where they exist. While on: with `never(on)` it takes requests and does not answer them;
    with `refuse(on)` it answers each request with an error, with `busy(on)` with "too many requests" (429), with
    `missing(on)` with "not found" (404); with `drips(on)` an answer comes a byte at a time and does not end; with
    `pours(on)` it comes fast and does not end, and `poured()` is the number of bytes of the longest one.
    """

    def down(self, on: bool) -> None:
        """While on, there is no answer: no connection, no folder."""

    def slow(self, seconds: float) -> None:
        """From now on each answer takes this long. 0: as fast as before."""

    def wrong(self, on: bool) -> None:
        """While on, its answers are wrong for such a system: a web page, half a document, other bytes than written."""


class Subject:
    """What is tested. Subclass it once, and put it first among the bases of each suite."""

    connector: ClassVar[type[Connector[Any]]]
    start: ClassVar[str] = START  # school time when the hub opens
    moments: ClassVar[Sequence[str]] = ()  # school times to go to after the events, where timers do the work
    faults: ClassVar[Sequence[str]] = ("down", "slow", "wrong")  # leave out faults that this far side cannot have
    slow_s: ClassVar[float] = 3  # seconds for an answer of a slow far side: more than the time-outs in `hasty`
    # Dotted path (`transport.timeout_s`) -> a short time-out, which holds only while the far side does not answer, so
    # that the test need not wait for the long one in `config`, which leaves a busy machine time enough.
    hasty: ClassVar[Mapping[str, Any]] = {}
    patience_s: ClassVar[float] = 30  # seconds for which a slow far side may hold the connector up
    limit_s: ClassVar[float] = 120  # seconds for one run of the connector; a run that takes longer fails
    # Codes that the connector reports (`ctx.problem`) although nothing fails, each with the reason.
    expected_problems: ClassVar[Mapping[str, str]] = {}

    # Whether the nightly comparison takes place. It would mend what a fault has lost, and hide the loss.
    _reconciles: ClassVar[bool] = True
    _watch: Watch | None = None
    _tested: type[Connector[Any]]  # the class that runs: the connector's, watched

    @property
    def watch(self) -> Watch:
        """What the connector's calls have done in the last run."""
        if self._watch is None:
            self._watch = Watch()
        return self._watch

    @pytest.fixture
    def peer(self) -> Peer:
        raise pytest.UsageError(f"{type(self).__name__} needs a fixture `peer`: see plugins.testing.suites.Peer")

    @pytest.fixture
    def config(self) -> Mapping[str, Any]:
        raise pytest.UsageError(f"{type(self).__name__} needs a fixture `config`: a configuration that works")

    @pytest.fixture
    def school(self) -> School:
        """The school that the events are about. Override it to give the school what the connector needs."""
        return School()

    @pytest.fixture
    def events(self, school: School) -> Sequence[Mapping[str, Any]]:
        """Events that lead to effects. Default: `School.story` of the types that are consumed."""
        return school.story(self.connector.consumes)

    def told(self, event: Event) -> Any:
        """The part of a published event that is the same in each run. Default: type and data, without ids."""
        return event.type, _CHANGING.sub("<id>", json.dumps(event.data, sort_keys=True))

    @asynccontextmanager
    async def running(self, config: Mapping[str, Any], school: School) -> AsyncIterator[tuple[TestHub, str]]:
        """A hub that knows the school and runs the connector."""
        self._watch = watch = Watch()
        self._tested = watched(self.connector, watch, reconciles=self._reconciles)
        async with self.limited(), open_hub(self.start) as hub:
            name = await hub.add(self._tested, config)
            status = await hub.status(name)
            if status != "running":
                why = "\n".join([*map(str, watch.failures), hub.logs()])
                pytest.fail(broken("undisturbed", f"the connector did not start: {status}\n{why}"))
            await hub.post(school.directory(hub.clock.utc().isoformat()))
            await hub.settle()
            yield hub, name

    @asynccontextmanager
    async def limited(self) -> AsyncIterator[None]:
        """Fail where the block takes longer than `limit_s`."""
        going: list[str] = []
        limit_s = self.limit_s
        noting = asyncio.get_running_loop().call_later(limit_s, lambda: going.extend(self.watch.going))
        try:
            async with asyncio.timeout(limit_s + 0.01) as limit:
                yield
        except TimeoutError:
            if not limit.expired():
                raise
            what = ", ".join(f"{name}()" for name in going) or "no call"
            pytest.fail(broken("bounded", f"the run took longer than {limit_s:g} s (limit_s); under way: {what}"))
        finally:
            noting.cancel()

    def _hastened(self, config: Mapping[str, Any], fault: str) -> Mapping[str, Any]:
        """The configuration while the far side has a fault."""
        for path, value in (self.hasty if fault in TAKES_ITS_TIME_OUT else {}).items():
            config = with_setting(config, path, value)
        return config

    @asynccontextmanager
    async def _in_fault(
        self, hub: TestHub, peer: FaultyPeer, fault: str, config: Mapping[str, Any]
    ) -> AsyncIterator[None]:
        """The far side has a fault inside the block, with `hasty` settings where each call waits for its time-out."""
        hasty = self._hastened(config, fault)
        if hasty != config:
            await hub.add(self._tested, hasty)
        with failing(peer, fault, self.slow_s):
            yield
        if hasty != config:
            await hub.add(self._tested, config)

    async def play(self, hub: TestHub, events: Sequence[Mapping[str, Any]]) -> None:
        """Post the events, then go through `moments`, with a poll after each. Stops if the hub has crashed."""
        await hub.post(events)
        await hub.settle()
        await self.polled(hub)
        for moment in self.moments:
            if hub.crashed:
                return
            await hub.advance_to(moment)
            await self.polled(hub)

    async def play_over_a_crash(
        self, hub: TestHub, peer: Peer, events: Sequence[Mapping[str, Any]], *, change: int = 1
    ) -> None:
        """`play`, with a crash between an effect and its acknowledgement, and a restart that goes on.

        `change`: the number of the change at the far side that the crash hits (`Changes`).
        """
        changes = Changes(peer)
        hub.crash_after_effect(lambda: changes.count() >= change)
        await self.play(hub, events)
        if not hub.crashed and change > 1:
            return  # this run made fewer commits than the one before
        assert hub.crashed, "no effect came that a crash could have hit"
        with in_another_process(self.connector):
            await hub.restart()
            await self.polled(hub)
            for moment in self.moments:
                if hub.clock.resolve(moment) > hub.clock.school():
                    await hub.advance_to(moment)
                    await self.polled(hub)

    async def polled(self, hub: TestHub) -> None:
        """Let `poll` run, where the connector has one."""
        if self.connector.poll is not Connector.poll and not hub.crashed:
            await hub.poll(self.connector.name)

    async def retried(self, hub: TestHub) -> None:
        """Let what has failed be tried again until no call fails any more, a few times at most.

        Once is not enough on a busy machine, where a call to a far side that is well may run out of time.
        """
        await self._succeeds_again(hub)

    async def _succeeds_again(self, hub: TestHub) -> bool:
        for _ in range(_TRIES):
            failed = len(self.watch.failures)
            await hub.retry()
            if len(self.watch.failures) == failed:
                return True
        return False

    async def check_undisturbed(self, hub: TestHub, name: str) -> None:
        """Nothing has failed, since nothing was made to fail: no call, no event, no task.

        On a busy machine, calls that ran out of time do not count, if they succeed when they are tried again.
        """
        failures, forgiven = list(self.watch.failures), list[str]()
        if failures and _is_busy() and all(map(_ran_out_of_time, failures)):
            before = problems_of(hub, name)
            if await self._succeeds_again(hub):
                failures, forgiven = [], before
        failed = "\n".join(dict.fromkeys(map(str, failures)))
        assert not failed, broken("undisturbed", f"nothing disturbed the connector, and a call failed:\n{failed}")
        problems = [line for line in problems_of(hub, name) if line not in forgiven and not self._is_expected(line)]
        assert not problems, broken(
            "undisturbed", "nothing disturbed the connector, and it has problems:\n" + "\n".join(problems)
        )
        dead = [f"{letter.event}: {letter.reason}" for letter in await hub.dead_letters()]
        assert not dead, broken("undisturbed", f"nothing disturbed the connector, and it gave up events: {dead}")
        status = await hub.status(name)
        assert status == "running", broken("undisturbed", f"nothing disturbed the connector, and it is {status}")

    def _is_expected(self, line: str) -> bool:
        words = line.split()
        return any(code in words for code in self.expected_problems) or (
            _is_busy() and any(code in words for code in _OF_A_BUSY_MACHINE)
        )

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        if "fault" in metafunc.fixturenames:
            metafunc.parametrize("fault", self.faults)


def _is_busy() -> bool:
    """Whether the machine has more to do than it can: then an instance that does not run need not be at fault."""
    return os.getloadavg()[0] > (os.cpu_count() or 1)


def _ran_out_of_time(failure: Failure) -> bool:
    return isinstance(failure.error, TemporaryError) and failure.took_s >= _SHORTEST_TIME_OUT_S


class Changes:
    """Counts how often the effects differ from those at the last look, which comes before each commit of the hub."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._last = list(peer.effects())
        self.number = 0

    def count(self) -> int:
        found = list(self._peer.effects())
        if found != self._last:
            self._last = found
            self.number += 1
        return self.number


def with_setting(config: Mapping[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy of a configuration with another value at a dotted path (`kitchens.0.cutoff`)."""
    changed: Any = copy.deepcopy(dict(config))
    here = changed
    *way, last = path.split(".")
    for part in way:
        here = here[int(part)] if isinstance(here, list) else here.setdefault(part, {})
    if isinstance(here, list):
        here[int(last)] = value
    else:
        here[last] = value
    return changed  # type: ignore[no-any-return]


@contextmanager
def failing(peer: FaultyPeer, fault: str, slow_s: float) -> Iterator[None]:
    """Give the far side a fault inside the block: the name of one of its switches."""
    switch = getattr(peer, fault, None)
    assert switch is not None, f"the peer has no switch {fault}(): see FaultyPeer, or leave it out of `faults`"
    switch(slow_s if fault == "slow" else True)
    try:
        yield
    finally:
        switch(0 if fault == "slow" else False)


def problems_of(hub: TestHub, instance: str) -> list[str]:
    """The operator's problems of one instance, and of the school's directory none."""
    return [line for line in hub.problems() if line.partition(":")[0] == instance or instance in line.split()[0]]


def reported(hub: TestHub, instance: str) -> list[str]:
    """The operator's problems, and the log's lines about an instance."""
    return [*hub.problems(), *(line for line in hub.logs().splitlines() if instance in line)]


def no_effect(hub: TestHub) -> str:
    problems = "\n".join(hub.problems()) or "none"
    return broken(
        "undisturbed",
        "nothing to check: when all events had been handled and the timers of `moments` had run, the far side had no "
        "effect. Does a call return before its effect (a task that is not awaited), does a timer take every effect "
        "away again, are the events too old for the connector (it must ask `ctx.clock` for the time), or do `events` "
        f"not concern it? The operator's problems: {problems}",
    )
