"""An instance begins and ends in bounded time, and leaves nothing behind."""

import asyncio
import contextlib
import gc
import itertools
import os
import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, ClassVar, Final

import pytest

from plugins.connector import Connector
from plugins.testing.rules import broken
from plugins.testing.school import School
from plugins.testing.suites.subject import Peer, Subject, failing
from plugins.testing.surroundings import Surroundings

_FDS: Final = Path("/proc/self/fd")
_WAIT_S: Final = 2.0  # for the far side to notice that a connection has ended


class LifeSuite(Subject):
    """start() and stop() end, calls that are cancelled end, and nothing is left when an instance has ended."""

    life_s: ClassVar[float] = 4  # seconds that start(), and the end of an instance, may take
    shared_state: ClassVar[Mapping[str, str]] = {}
    """What instances share on purpose, as the failure names it (`module.name`) -> the reason."""

    @pytest.mark.asyncio
    async def test_an_instance_leaves_nothing_behind(
        self, peer: Peer, config: Mapping[str, Any], school: School, events: Sequence[Mapping[str, Any]]
    ) -> None:
        """The far side fails while the events come: what a failure leaves open is found too."""
        fault = next((each for each in ("refuse", "down") if hasattr(peer, each)), None)
        before, processes = Surroundings.now(self.connector), _children()
        kept: list[list[Connector[Any]]] = []
        open_: list[int] = []
        threads: list[int] = []
        for _ in range(3):
            peer.reset()
            async with self.running(config, school) as (hub, _):
                with nullcontext() if fault is None else failing(peer, fault, self.slow_s):  # type: ignore[arg-type]
                    await hub.post(events)
                    await hub.settle()
                    await self.polled(hub)
                await hub.retry()
                await self.play(hub, ())
            kept.append(self.watch.instances)  # what an instance holds open is counted, not closed by the way
            left = sorted(set(self.watch.left_tasks))
            assert not left, broken("leaves-nothing", f"tasks still ran after stop(): {', '.join(left)}")
            gc.collect()  # a file in a cycle is closed by the collector, and not by stop()
            open_.append(await _least(lambda: len(os.listdir(_FDS)) if _FDS.exists() else 0, open_))
            children = sorted(_children() - processes)
            assert not children, broken(
                "leaves-nothing", f"processes still ran after stop(): {', '.join(map(_program, children))}"
            )
            threads.append(await _least(threading.active_count, threads))
        assert not _grows(open_), broken(
            "leaves-nothing", f"each run leaves files or connections open ({open_}): close them in stop()"
        )
        names = sorted(thread.name for thread in threading.enumerate())
        assert not _grows(threads), broken(
            "leaves-nothing", f"each run leaves threads behind ({threads}). There are now: {', '.join(names)}"
        )
        changed = [each for each in before.changes(self.connector) if each.partition(" ")[0] not in self.shared_state]
        assert not changed, broken(
            "leaves-nothing", f"the connector changed what all instances share: {'; '.join(changed)}"
        )
        ended = [weakref.ref(each) for instances in kept for each in instances]
        kept.clear()
        self._watch = None
        gc.collect()
        alive = sum(each() is not None for each in ended)
        assert alive < len(ended) - 1, broken(
            "leaves-nothing",
            f"{alive} of {len(ended)} ended instances are still in memory: take back in stop() what was registered in "
            "a module or a library (a callback, a handler, a signal)",
        )

    @pytest.mark.asyncio
    async def test_it_starts_and_ends_in_bounded_time(
        self, peer: Peer, config: Mapping[str, Any], school: School, events: Sequence[Mapping[str, Any]]
    ) -> None:
        """It ends also while the far side does not answer: stop() must not need it."""
        fault = next((each for each in ("never", "down") if hasattr(peer, each)), None)
        usual, self.limit_s = self.limit_s, min(self.limit_s, 15 + self.life_s)  # type: ignore[misc]
        async with self.running(config, school) as (hub, _):
            self.limit_s = usual  # type: ignore[misc]
            assert self.watch.longest("start") < self.life_s, broken(
                "bounded", f"start() took {self.watch.longest('start'):.1f} s"
            )
            await self.play(hub, events)
            if (hasty := self._hastened(config, fault or "")) != config:
                await hub.add(self._tested, hasty)
            begun = time.monotonic()
            with nullcontext() if fault is None else failing(peer, fault, self.slow_s):  # type: ignore[arg-type]
                await hub.stop()
            took = time.monotonic() - begun
            late = ", ".join(f"{name}()" for name in self.watch.going) or "stop()"
            assert took < self.life_s, broken(
                "bounded",
                f"the end of the instance took {took:.1f} s: {late} waits for what does not come, or goes on after it "
                "has been cancelled",
            )
            failed = [str(each) for each in self.watch.failures if each.call == "stop"]
            assert not failed, broken("bounded", f"stop() must not need the far side: {failed}")

    @pytest.mark.asyncio
    async def test_a_call_that_is_cancelled_ends(
        self, peer: Peer, config: Mapping[str, Any], school: School, events: Sequence[Mapping[str, Any]]
    ) -> None:
        """The time of the call runs out, while the far side does not answer, if the peer has `never(on)`."""
        async with self.running(config, school) as (hub, name):
            silent = failing(peer, "never", self.slow_s) if hasattr(peer, "never") else nullcontext()  # type: ignore[arg-type]
            with silent:
                await hub.post(events[:1])
                settling = asyncio.ensure_future(hub.settle())
                try:
                    for _ in range(3):
                        await asyncio.sleep(0.1)
                        hub.clock.pass_machine(self.connector.timeout_s + 1)
                    await asyncio.wait([settling], timeout=self.life_s)
                    going = ", ".join(f"{each}()" for each in self.watch.going)
                    assert settling.done(), broken("cancellation", f"{going} went on after it had been cancelled")
                finally:
                    settling.cancel()
            status = await hub.status(name)
            assert not status.startswith("stuck"), broken("cancellation", f"after a call was cancelled: {status}")
        swallowed = ", ".join(f"{each}()" for each in sorted(set(self.watch.swallowed)))
        assert not swallowed, broken(
            "cancellation", f"{swallowed} was cancelled and returned as if all were done: let CancelledError pass"
        )


async def _least(count: Any, before: Sequence[int]) -> int:
    """The count as soon as it is not above the last one, or after some seconds."""
    until = time.monotonic() + _WAIT_S
    # The system announces no count.
    while before and count() > before[-1] and time.monotonic() < until:  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    return int(count())


def _children() -> set[int]:
    """The processes that this one has started and that run, where the system lists them."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, parent = path.read_text().rpartition(")")[2].split()[:2]
            if int(parent) == os.getpid() and state != "Z":
                found.add(int(path.parent.name))
    return found


def _program(process: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/comm").read_text().strip()
    return "one that has ended"


def _grows(counts: Sequence[int]) -> bool:
    return all(later > earlier for earlier, later in itertools.pairwise(counts))
