"""A source that is pulled: what the far side has becomes events once, through repeats, restarts and crashes."""

import json
import os
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, ClassVar, Final, Protocol

import pytest

from plugins.connector import Connector
from plugins.testing.hub import ISOLATION, TestHub, open_hub
from plugins.testing.rules import broken
from plugins.testing.suites.configuration import secrets_in
from plugins.testing.suites.subject import FaultyPeer, Subject, reported
from plugins.testing.tracing import CLOCKS, lines_that_call
from plugins.testing.watching import Watch, watched
from plugins.testing.writing import files_written, printed, spelled
from schemas import Event
from schemas.directory import DirectoryCurrent

# A crash is tried after each page, or after this many pages, spread out, if there are more.
_CRASHES: Final = 8


class PulledPeer(FaultyPeer, Protocol):
    """A far side with pages to pull. `effects` and `bytes` are the requests that it got, where a suite needs them."""

    def served(self) -> int:
        """The number of pages that the far side has sent since the last `reset`."""

    def change(self) -> None:
        """Change one record, as its users do, so that a pull must see it. `reset` undoes the change."""


class PullSuite(Subject):
    """What a source has is published once: nothing repeated, nothing lost, nothing invented.

    `config` makes the connector ask for several pages: what a crash in the middle breaks can't be seen in one.
    """

    signals: ClassVar[Sequence[str]] = (DirectoryCurrent.spec.type,)
    """Types that are published after each pull, also without news, and report only that the pull is complete."""

    def told(self, event: Event) -> Any:
        """The part of an event that is the same in each run. Default: type, subject and data."""
        return event.type, event.subject, json.dumps(event.data, sort_keys=True)

    async def pull(self, hub: TestHub) -> None:
        """One whole pull. Override it where something other than `poll` starts one."""
        await hub.poll(self.connector.name)

    @pytest.mark.asyncio
    async def test_a_pull_tells_what_is_there(self, peer: PulledPeer, config: Mapping[str, Any]) -> None:
        await self._undisturbed(peer, config)

    @pytest.mark.asyncio
    async def test_a_second_identical_pull_tells_nothing(self, peer: PulledPeer, config: Mapping[str, Any]) -> None:
        async with self.pulling(config) as (hub, gate):
            first, pages = await self._pulled(hub, gate), peer.served()
            assert first, _nothing(hub)
            second = await self._pulled(hub, gate)
            assert peer.served() > pages, "the second pull made no request"
            _same(second, first, "a second identical pull")

    @pytest.mark.asyncio
    async def test_a_change_is_told_once(self, peer: PulledPeer, config: Mapping[str, Any]) -> None:
        async with self.pulling(config) as (hub, gate):
            first = await self._pulled(hub, gate)
            peer.change()
            second = await self._pulled(hub, gate)
            assert second - first, "the change at the far side was not published"
            assert not first - second, "what was published is gone"
            _same(await self._pulled(hub, gate), second, "the pull after that with the change")
            news = second - first
            subjects = [{event.subject for event in await hub.published() if (self.told(event) in group)}
                        for group in (first, news)]  # fmt: skip
            assert subjects[0] & subjects[1], broken(
                "pulled",
                "what was published of a changed record is about none of the subjects that were published before: "
                "derive the id from the record, or keep it, and never draw a new one",
            )

    @pytest.mark.asyncio
    async def test_a_restart_tells_nothing_of_its_own(self, peer: PulledPeer, config: Mapping[str, Any]) -> None:
        async with self.pulling(config) as (hub, gate):
            first = await self._pulled(hub, gate)
            assert first, _nothing(hub)
            await hub.restart()
            _same(await self._pulled(hub, gate), first, "the pull after a restart")

    @pytest.mark.asyncio
    async def test_a_crash_between_pages_repeats_nothing_and_loses_nothing(
        self, peer: PulledPeer, config: Mapping[str, Any]
    ) -> None:
        wanted, pages = await self._undisturbed(peer, config)
        assert pages > 1, "the whole pull was one page: make pages smaller, or there is no middle to crash in"
        crashed = 0
        for page in sorted({1 + n * (pages - 1) // (_CRASHES - 1) for n in range(_CRASHES)}):
            peer.reset()
            async with self.pulling(config) as (hub, gate):
                hub.crash_after_effect(lambda page=page: peer.served() >= page)  # type: ignore[misc]
                with gate:
                    await self.pull(hub)
                crashed += hub.crashed
                await hub.restart()
                _same(await self._pulled(hub, gate), wanted, f"a crash after page {page} of {pages}")
                await self._complete_when_said(hub)
        assert crashed, "no crash came: does the connector keep anything?"

    @pytest.mark.asyncio
    async def test_a_far_side_that_fails_takes_nothing_away(
        self, peer: PulledPeer, config: Mapping[str, Any], fault: str
    ) -> None:
        """What cannot be read now has not been deleted: the last known state stays."""
        async with self.pulling(config) as (hub, gate):
            first = await self._pulled(hub, gate)
            assert first, _nothing(hub)
            before = len(reported(hub, self.connector.name))
            async with self._in_fault(hub, peer, fault, config):
                begun = time.monotonic()
                meanwhile = await self._pulled(hub, gate)
                took = time.monotonic() - begun
            assert took < self.patience_s, broken(
                "time-out", f"a far side that is {fault} held the connector up for {took:.0f} s"
            )
            _same(meanwhile, first, f"a pull while the far side is {fault}")
            if fault != "slow":
                assert len(reported(hub, self.connector.name)) > before, (
                    f"no problem and no log line while it is {fault}"
                )
            await self.retried(hub)
            _same(await self._pulled(hub, gate), first, f"the pull after the far side was {fault}")
            peer.change()
            assert await self._pulled(hub, gate) - first, "a later change was not published"

    @pytest.mark.asyncio
    async def test_a_pull_follows_school_time(
        self, peer: PulledPeer, config: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """At 00:15, when UTC has the date of the day before, a pull publishes what it does at 02:15."""
        found = []
        with lines_that_call(self.connector, CLOCKS) as lines:
            for time_of_day in ("02:15", "00:15"):
                peer.reset()
                monkeypatch.setattr(self, "start", f"{type(self).start.partition('T')[0]}T{time_of_day}", raising=False)
                async with self.pulling(config) as (hub, gate):
                    found.append(await self._pulled(hub, gate))
                    await self.check_undisturbed(hub, self.connector.name)
                    assert found[-1], _nothing(hub)
        assert not lines, broken(
            "school-time", f"asks the machine for the time instead of ctx.clock: {', '.join(sorted(lines))}"
        )
        _same(found[1], found[0], "a pull at 00:15 school time, when UTC has another date,", rule="school-time")

    @pytest.mark.asyncio
    async def test_a_pull_keeps_secrets(self, peer: PulledPeer, config: Mapping[str, Any]) -> None:
        """Also while the far side fails: errors often quote a request with its login."""
        known = [each for each in secrets_in(self.connector.config_model, config) if each]
        secrets = [spelling.decode() for each in known for spelling in spelled(each)]
        with printed() as lines, files_written(self.connector.name) as files:
            async with self.pulling(config) as (hub, gate):
                await self._pulled(hub, gate)
                for fault in self.faults:
                    async with self._in_fault(hub, peer, fault, config):
                        await self._pulled(hub, gate)
                places = {
                    "in what it published": json.dumps([event.to_dict() for event in await hub.published()]),
                    "in its state": json.dumps(await hub.state(self.connector.name)),
                    "in the logs": hub.logs(),
                    "in the operator's problems": "\n".join(hub.problems()),
                    "in the text of an error": "\n".join(map(str, self.watch.failures)),
                    "in what it prints or warns of": lines(),
                    "in files that it wrote": files().decode(errors="replace"),
                }
        leaks = [where for where, text in places.items() if any(each in text for each in secrets)]
        assert not leaks, broken("no-leaks", f"a secret of the configuration got out: {', '.join(leaks)}")

    @asynccontextmanager
    async def pulling(self, config: Mapping[str, Any]) -> AsyncIterator[tuple[TestHub, "Gate"]]:
        """A hub with the connector. Its polls do nothing unless the gate is open."""
        if os.environ.get(ISOLATION) == "process":
            pytest.skip(f"PullSuite holds poll() up from inside: it runs without {ISOLATION}=process")
        gate = Gate()
        self._watch = watch = Watch()
        self._tested = watched(_gated(self.connector, gate), watch)
        async with self.limited(), open_hub(self.start) as hub:
            name = await hub.add(self._tested, config)
            status = await hub.status(name)
            assert status == "running", f"the connector did not start: {status}\n{hub.logs()}"
            yield hub, gate

    async def _pulled(self, hub: TestHub, gate: "Gate") -> Counter[Any]:
        """All that has been published when one more pull has ended."""
        with gate:
            await self.pull(hub)
        return Counter(self.told(event) for event in await hub.published() if event.type not in self.signals)

    async def _undisturbed(self, peer: PulledPeer, config: Mapping[str, Any]) -> tuple[Counter[Any], int]:
        """All that is published, and the number of pages that it took."""
        async with self.pulling(config) as (hub, gate):
            before = peer.served()
            found = await self._pulled(hub, gate)
            await self.check_undisturbed(hub, self.connector.name)
            assert found, _nothing(hub)
            await self._complete_when_said(hub)
            return found, peer.served() - before

    async def _complete_when_said(self, hub: TestHub) -> None:
        """Check that all directory events of a pull come before its `directory.current`."""
        types = [event.type for event in await hub.published()]
        current = DirectoryCurrent.spec.type
        if DirectoryCurrent not in self.connector.produces or not any(_of_directory(type) for type in types):
            return
        assert current in types, "directory.current was not published after a complete pull"
        after = [type for type in types[types.index(current) :] if _of_directory(type)]
        assert not after, f"directory.current was published before {len(after)} directory events of the same pull"


class Gate:
    """Open inside its `with` block. Usable from any thread."""

    def __init__(self) -> None:
        self._open = threading.Event()

    def __enter__(self) -> None:
        self._open.set()

    def __exit__(self, *error: object) -> None:
        self._open.clear()

    def is_open(self) -> bool:
        return self._open.is_set()


def _gated(connector: type[Connector[Any]], gate: Gate) -> type[Connector[Any]]:
    async def poll(self: Connector[Any]) -> None:
        if gate.is_open():
            await connector.poll(self)

    return type(connector.__name__, (connector,), {"poll": poll, "__module__": connector.__module__})


def _of_directory(type: str) -> bool:
    return type.startswith("se.skolnav.directory.") and type != DirectoryCurrent.spec.type


def _same(found: Counter[Any], wanted: Counter[Any], what: str, *, rule: str = "pulled") -> None:
    """Compare what was published. The messages hold counts and types only: the events may hold data about people."""
    more, less = found - wanted, wanted - found
    types = sorted({str(each[0]) if isinstance(each, tuple) else "event" for each in (*more, *less)})
    assert not more, broken(rule, f"{what} published {more.total()} events too many ({', '.join(types)})")
    assert not less, broken(rule, f"{what} lost {less.total()} events ({', '.join(types)})")


def _nothing(hub: TestHub) -> str:
    return f"nothing to check: the pull published nothing\n{hub.logs()}"
