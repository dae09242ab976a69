"""What is tested, and the far side that it is tested against."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, ClassVar, Protocol

import pytest

from plugins.connector import Connector
from plugins.testing.hub import START, TestHub, open_hub
from plugins.testing.school import School


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
    """A far side that can be made to fail. Each switch may be called from the test while the connector works."""

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
    slow_s: ClassVar[float] = 3  # seconds for an answer of a slow far side: more than the time-outs in `config`
    patience_s: ClassVar[float] = 30  # seconds for which a slow far side may hold the connector up

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
        """Events that lead to effects. Default: each type that is consumed, about each pupil."""
        return [school.about(model, pupil) for model in self.connector.consumes for pupil in school.pupils]

    @asynccontextmanager
    async def running(self, config: Mapping[str, Any], school: School) -> AsyncIterator[tuple[TestHub, str]]:
        """A hub that knows the school and runs the connector."""
        async with open_hub(self.start) as hub:
            name = await hub.add(self.connector, config)
            status = await hub.status(name)
            assert status == "running", f"the connector did not start: {status}\n{hub.logs()}"
            await hub.post(school.directory(hub.clock.utc().isoformat()))
            await hub.settle()
            yield hub, name

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

    async def play_over_a_crash(self, hub: TestHub, peer: Peer, events: Sequence[Mapping[str, Any]]) -> None:
        """`play`, with a crash between the first effect and its acknowledgement, and a restart that goes on."""
        hub.crash_after_effect(lambda: list(peer.effects()))
        await self.play(hub, events)
        assert hub.crashed, "no effect came that a crash could have hit"
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

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        if "fault" in metafunc.fixturenames:
            metafunc.parametrize("fault", self.faults)


@contextmanager
def failing(peer: FaultyPeer, fault: str, slow_s: float) -> Iterator[None]:
    """Give the far side a fault inside the block: `down`, `slow` or `wrong`."""
    switch = getattr(peer, fault, None)
    assert switch is not None, f"the peer has no switch {fault}(): see FaultyPeer, or leave it out of `faults`"
    switch(slow_s if fault == "slow" else True)
    try:
        yield
    finally:
        switch(0 if fault == "slow" else False)


def reported(hub: TestHub, instance: str) -> list[str]:
    """The operator's problems, and the log's lines about an instance."""
    return [*hub.problems(), *(line for line in hub.logs().splitlines() if instance in line)]


def no_effect(hub: TestHub) -> str:
    problems = "\n".join(hub.problems()) or "none"
    return f"nothing to check: the events had no effect at the far side. The operator's problems: {problems}"
