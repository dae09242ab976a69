"""The timers of all instances: due times are store rows, and each fires in school time, after the events before it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol, runtime_checkable

from hub.clock import Clock
from hub.hosting.daily_timers import DailyTimers
from hub.hosting.firing import Firing, TimerTrouble
from hub.hosting.hosts import Hosts
from hub.hosting.moment_timers import MomentTimers
from hub.store.base import Store
from schemas.school_time import SCHOOL_ZONE


@runtime_checkable
class Movable(Protocol):
    """A clock whose school time is moved by hand, as tests do."""

    def on_move(self, callback: Callable[[], None]) -> None:
        """Call `callback` at each move, on the event loop of the caller of `on_move`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Timed:
    """The timers of one instance, and what runs them."""

    daily: DailyTimers
    moments: MomentTimers
    tasks: tuple[asyncio.Task[None], ...]

    def look(self) -> None:
        self.daily.look()
        self.moments.look()


class Timers:
    """Fires from `start` to `stop`.

    `caught_up(instance, moment)` returns once the instance has handled all events accepted before a moment of school
    time; False if some of them wait for a retry. `on_problem` as in `Hosts`.
    """

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        hosts: Hosts,
        caught_up: Callable[[str, datetime], Awaitable[bool]],
        on_problem: Callable[[str, str, str], None],
    ) -> None:
        self._store = store
        self._clock = clock
        self._hosts = hosts
        self._caught_up = caught_up
        self._on_problem = on_problem
        self._timed: dict[str, _Timed] = {}

    async def start(self) -> None:
        """Start the timers of all instances that `hosts` has. Raises StoreUnavailable."""
        if isinstance(self._clock, Movable):
            self._clock.on_move(self.wake)
        self._hosts.on_moments(self._look)
        self._hosts.timer_troubles = self.troubles
        await asyncio.gather(*(self.add(name, was_down=True) for name in self._hosts.names()))

    async def stop(self) -> None:
        """Fire nothing more. A run that is under way is cancelled, and repeated with the same due time later."""
        for name in list(self._timed):
            await self.remove(name)

    async def add(self, name: str, *, was_down: bool = False) -> None:
        """Start an instance's timers. `was_down`: the hub was down until now, so a due time before now was missed.

        Raises StoreUnavailable.
        """
        firing = Firing(instance=name, clock=self._clock, caught_up=self._caught_up, on_problem=self._on_problem)
        moments = MomentTimers(firing, hosts=self._hosts, was_down=was_down)
        daily = DailyTimers(firing, hosts=self._hosts, store=self._store)
        await daily.load(was_down=was_down)
        tasks = (asyncio.create_task(daily.run()), asyncio.create_task(moments.run()))
        self._timed[name] = _Timed(daily=daily, moments=moments, tasks=tasks)

    async def remove(self, name: str) -> None:
        """Stop an instance's timers. Their rows stay in the store."""
        timed = self._timed.pop(name, None)
        if timed is not None:
            for task in timed.tasks:
                task.cancel()
            await asyncio.gather(*timed.tasks, return_exceptions=True)

    def wake(self) -> None:
        """School time was moved: look again which timers are due."""
        for timed in self._timed.values():
            timed.look()

    def quiet(self) -> bool:
        """Nothing is due that could run now."""
        return all(timed.daily.quiet() and timed.moments.quiet() for timed in self._timed.values())

    def next(self, name: str) -> datetime | None:
        """When an instance's next timer is due, in school time; None if it has none."""
        timed = self._timed.get(name)
        if timed is None:
            return None
        found = [due.astimezone(UTC) for due in (timed.daily.next(), timed.moments.next()) if due is not None]
        return min(found).astimezone(SCHOOL_ZONE) if found else None

    def troubles(self, name: str) -> Sequence[TimerTrouble]:
        """The runs of an instance's timers that should have happened and did not."""
        timed = self._timed.get(name)
        return [] if timed is None else [*timed.daily.troubles(), *timed.moments.troubles()]

    def _look(self, name: str) -> None:
        """The instance knows its times of day now, or began, or its next moment is due earlier than before."""
        timed = self._timed.get(name)
        if timed is not None:
            timed.look()
