"""Dates and times of day follow school time, which only the context's clock knows."""

import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Final

import pytest

from plugins.connector import Connector
from plugins.testing.rules import broken
from plugins.testing.school import School
from plugins.testing.suites.effect import Outcome, outcome_of
from plugins.testing.suites.subject import Peer, Subject, no_effect
from plugins.testing.surroundings import package_of

# Functions of the machine's clock, by name and the class or module that they belong to.
_CLOCKS: Final = {
    ("now", "datetime"),
    ("utcnow", "datetime"),
    ("today", "datetime"),
    ("today", "date"),
    ("time", "time"),
    ("time_ns", "time"),
    ("localtime", "time"),
    ("gmtime", "time"),
}


class SchoolTimeSuite(Subject):
    """School time rules, also when UTC has another date, and nothing asks the machine for the time."""

    @pytest.mark.asyncio
    async def test_an_hour_in_which_utc_has_another_date_is_like_the_next(
        self,
        peer: Peer,
        config: Mapping[str, Any],
        school: School,
        events: Sequence[Mapping[str, Any]],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """The events come at 00:15, and in another run at 02:15 of the same day."""
        outcomes = []
        for time_of_day in ("02:15", "00:15"):
            peer.reset()
            monkeypatch.setattr(self, "start", f"{type(self).start.partition('T')[0]}T{time_of_day}", raising=False)
            outcomes.append(await self._outcome(peer, config, school, events))
        assert outcomes[0] == outcomes[1], broken(
            "school-time",
            "what came at 00:15 school time, when UTC has the date of the day before, had another outcome than at "
            "02:15: take dates from ctx.clock.school(), or convert to Europe/Stockholm first",
        )

    @pytest.mark.asyncio
    async def test_nothing_asks_the_machine_for_the_time(
        self, peer: Peer, config: Mapping[str, Any], school: School, events: Sequence[Mapping[str, Any]]
    ) -> None:
        """The lines that do are named. Tests and the demo move school time; the machine's clock stays behind."""
        with _reading_clocks(self.connector) as lines:
            await self._outcome(peer, config, school, events)
        assert not lines, broken(
            "school-time", f"asks the machine for the time instead of ctx.clock: {', '.join(sorted(lines))}"
        )

    async def _outcome(
        self, peer: Peer, config: Mapping[str, Any], school: School, events: Sequence[Mapping[str, Any]]
    ) -> Outcome:
        async with self.running(config, school) as (hub, _):
            await self.play(hub, events)
            outcome = await outcome_of(self, hub, peer)
            assert any(outcome), no_effect(hub)
            return outcome


@contextmanager
def _reading_clocks(connector: type[Connector[Any]]) -> Iterator[set[str]]:
    """The lines of the connector's package that read a clock of the machine, in threads that begin in the block."""
    found: set[str] = set()
    packages = {package_of(cls) for cls in connector.__mro__} - {"plugins", "builtins", "typing"}
    thread_name = f"skolnav-{connector.name}"

    def noting(frame: FrameType, event: str, called: Any) -> None:
        if event != "c_call" or called.__name__ not in _NAMES:
            return
        owner = getattr(called, "__self__", None)
        if (called.__name__, getattr(owner, "__name__", "")) not in _CLOCKS:
            return
        module = frame.f_globals.get("__name__", "")
        if any(module == package or module.startswith(f"{package}.") for package in packages):
            found.add(f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno} {called.__name__}()")

    def begin(frame: FrameType, event: str, called: Any) -> None:
        # Only in the instance's own threads: the far side may run in this process too.
        sys.setprofile(noting if threading.current_thread().name.startswith(thread_name) else None)

    threading.setprofile(begin)
    try:
        yield found
    finally:
        threading.setprofile(None)


_NAMES: Final = {name for name, _ in _CLOCKS}
