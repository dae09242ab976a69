"""Timers that belong to the engine: due times in school time, kept as store rows, fired after the events before them.

Each declared time of day is a timer of its own (`report@08:30:00`). After downtime it fires once, with the last due
time that was missed: what an older one would have told is out of date by then. It is not `complete` then: what would
have been published meanwhile has not come yet.
"""

import asyncio
import contextlib
import logging
import random
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final, Protocol, runtime_checkable

from hub.clock import SCHOOL_ZONE, Clock
from hub.hosting.failures import MAX_BACKOFF_S, backoff_s, code_of, jittered
from hub.hosting.hosts import Hosts
from hub.store import timers as rows
from hub.store.base import Operation, Store
from plugins.connector import Connector, ConnectorConfig, timers_of
from plugins.errors import ConfigurationError, PermanentError, PrivacyError

CAUGHT_UP_S: Final = 60.0  # machine time that a timer waits for the events before it (docs/architecture.md, Time)
RECONCILE: Final = "reconcile"
RECONCILE_AT: Final = time(3, 40)  # nightly, past the hour that daylight saving repeats or skips
LONGEST_SLEEP_S: Final = 60.0  # the wall clock may be set while we sleep by the monotonic one

log = logging.getLogger(__name__)


@runtime_checkable
class Movable(Protocol):
    """A clock whose school time is moved by hand, as tests do: it tells when that happens."""

    def on_move(self, callback: Callable[[], None]) -> None:
        """Call back in each move, on the event loop of the caller of `on_move`."""


def occurrence(day: date, at: time) -> datetime:
    """A local time of day in school time: the first of a repeated one, the next valid minute for a missing one."""
    local = datetime.combine(day, at.replace(tzinfo=None, fold=0), SCHOOL_ZONE)
    while local.astimezone(UTC).astimezone(SCHOOL_ZONE).replace(tzinfo=None) != local.replace(tzinfo=None):
        local = local.replace(second=0, microsecond=0) + timedelta(minutes=1)  # on the wall: the zone is not asked
    return local


def next_due(times: Iterable[time], after: datetime) -> datetime | None:
    """The first moment after `after` (aware) at which one of the local times comes; None without times."""
    # Compared in UTC: two times of one zone are compared by their wall clocks, and one of those repeats.
    today = after.astimezone(SCHOOL_ZONE).date()
    found = [occurrence(today + timedelta(days=ahead), at) for at in times for ahead in (0, 1, 2)]
    later = [due for due in found if due.astimezone(UTC) > after.astimezone(UTC)]
    return min(later, key=lambda due: due.astimezone(UTC), default=None)


def last_due(at: time, now: datetime) -> datetime:
    """The last moment up to and including `now` at which a local time came."""
    today = now.astimezone(SCHOOL_ZONE).date()
    found = (occurrence(today - timedelta(days=back), at) for back in (0, 1, 2))
    return next(due for due in found if due.astimezone(UTC) <= now.astimezone(UTC))


@dataclass(slots=True, eq=False)
class _Entry:
    """One timer of one instance. `retry_at` is machine time, None unless the last run failed.

    `missed`: the due time that passed while the hub was down; None if none did.
    """

    method: str
    at: time
    due: datetime
    missed: datetime | None = None
    failures: int = 0
    retry_at: float | None = None

    @property
    def name(self) -> str:
        return f"{self.method}@{self.at.isoformat('seconds')}"


def _missed(entry: _Entry, now: datetime) -> datetime | None:
    """What a start at `now` is too late for: its own due time, by more than a timer may be late."""
    last = last_due(entry.at, now)
    late_s = (now.astimezone(UTC) - last.astimezone(UTC)).total_seconds()
    return last if last.astimezone(UTC) >= entry.due.astimezone(UTC) and late_s > CAUGHT_UP_S else None


def declared(cls: type[Connector[Any]], config: ConnectorConfig) -> list[tuple[str, time]]:
    """(method, local time of day) of each timer that an instance has; a time that is given twice counts once."""
    found = [(name, at) for name, timer in timers_of(cls).items() for at in timer.times(config)]
    if cls.reconcile is not Connector.reconcile:
        found.append((RECONCILE, RECONCILE_AT))
    return list(dict.fromkeys(found))


class Timers:
    """The timers of all instances of `hosts`.

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
        self._entries: dict[str, list[_Entry]] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._moved: dict[str, asyncio.Event] = {}
        self._dice = random.Random()  # noqa: S311 - jitter

    async def start(self) -> None:
        """Begin with all instances that `hosts` has."""
        if isinstance(self._clock, Movable):
            self._clock.on_move(self.wake)
        await asyncio.gather(*(self.add(name, was_down=True) for name in self._hosts.names()))

    async def stop(self) -> None:
        """Fire nothing more. A run that is under way is cancelled, and repeated with the same due time later."""
        for name in list(self._tasks):
            await self.remove(name)

    async def add(self, name: str, *, was_down: bool = False) -> None:
        """Take up an instance's timers: those known keep their due times, new ones begin now, others are forgotten.

        `was_down`: the hub was, so that what was due before now was missed.
        """
        tenant, now = self._store.tenant, self._clock.school()
        instance = self._hosts.instance(name)
        known = {row.name: row.due for row in await self._store.read(rows.load(tenant)) if row.connector == name}
        entries: list[_Entry] = []
        for method, at in declared(instance.cls, instance.config):
            due = next_due([at], now)
            assert due is not None
            entry = _Entry(method, at, due)
            entry.due = known.get(entry.name, due)
            entry.missed = _missed(entry, now) if was_down else None
            entries.append(entry)
        operations: list[Operation] = [rows.forget(tenant, name)]
        operations += [rows.set_due(tenant, rows.Timer(name, entry.name, entry.due)) for entry in entries]
        if known or entries:
            await self._store.commit(*operations)
        if entries:
            self._entries[name] = entries
            self._moved[name] = asyncio.Event()
            self._tasks[name] = asyncio.create_task(self._run(name))

    async def remove(self, name: str) -> None:
        """Stop an instance's timers. Their rows stay."""
        task = self._tasks.pop(name, None)
        self._entries.pop(name, None)
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def wake(self) -> None:
        """School time was moved: look again."""
        for moved in self._moved.values():
            moved.set()

    def quiet(self) -> bool:
        """Nothing is due that could run now."""
        return not any(self._ready(entries) for entries in self._entries.values())

    def next(self, name: str) -> datetime | None:
        """When an instance's next timer is due, in school time; None if it has none."""
        due = min((entry.due for entry in self._entries.get(name, ())), default=None)
        return None if due is None else due.astimezone(SCHOOL_ZONE)

    def _ready(self, entries: list[_Entry]) -> _Entry | None:
        now, machine = self._clock.school().astimezone(UTC), self._clock.monotonic()
        due = [
            entry
            for entry in entries
            if entry.due.astimezone(UTC) <= now and (entry.retry_at is None or entry.retry_at <= machine)
        ]
        return min(due, key=lambda entry: entry.due.astimezone(UTC), default=None)

    async def _run(self, name: str) -> None:
        entries = self._entries[name]
        while True:
            entry = self._ready(entries)
            if entry is not None:
                await self._fire(name, entry)
            else:
                await self._sleep(name, min(self._seconds_to(entry) for entry in entries))

    def _seconds_to(self, entry: _Entry) -> float:
        until_due = self._clock.machine_seconds_until(entry.due)
        return until_due if entry.retry_at is None else max(until_due, entry.retry_at - self._clock.monotonic())

    async def _sleep(self, name: str, seconds: float) -> None:
        moved = self._moved[name]
        waits = [
            asyncio.create_task(self._clock.sleep(min(max(seconds, 0.001), LONGEST_SLEEP_S))),
            asyncio.create_task(moved.wait()),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        moved.clear()

    async def _fire(self, name: str, entry: _Entry) -> None:
        due = last_due(entry.at, self._clock.school())
        instance = self._hosts.instance(name)
        try:
            if entry.method == RECONCILE:
                await self._hosts.reconcile(name)
            else:
                complete = await self._wait_for_events(name, due) and due != entry.missed
                await instance.call(entry.method, due, complete, limit_s=instance.cls.timeout_s)
        except (PermanentError, PrivacyError) as error:
            log.error("%s: timer %s due %s is given up: %s", name, entry.name, due.isoformat(), code_of(error))
            self._on_problem(name, code_of(error), f"timer {entry.name} due {due.isoformat()} is given up")
        except Exception as error:
            entry.failures += 1
            # Only a person can mend a configuration: asked for again now and then, in case somebody did.
            delay = MAX_BACKOFF_S if isinstance(error, ConfigurationError) else backoff_s(entry.failures, error)
            delay = jittered(delay, self._dice)
            entry.retry_at = self._clock.monotonic() + delay
            log.warning(
                "%s: timer %s due %s failed: %s; next try in %.0f s",
                name, entry.name, due.isoformat(), code_of(error), delay,
            )  # fmt: skip
            return
        following = next_due([entry.at], due)
        assert following is not None
        try:
            await self._store.commit(rows.set_due(self._store.tenant, rows.Timer(name, entry.name, following)))
        except Exception as error:
            # It stays due in the store: after a restart it is run once more, with the same due time.
            log.error("%s: timer %s could not be advanced in the store: %s", name, entry.name, type(error).__name__)
        entry.due, entry.failures, entry.retry_at = following, 0, None

    async def _wait_for_events(self, name: str, due: datetime) -> bool:
        """Whether all that was accepted before `due` has been handled, within CAUGHT_UP_S."""
        caught_up = asyncio.ensure_future(self._caught_up(name, due))
        limit = asyncio.create_task(self._clock.sleep(CAUGHT_UP_S))
        try:
            await asyncio.wait([caught_up, limit], return_when=asyncio.FIRST_COMPLETED)
            return caught_up.result() if caught_up.done() else False
        finally:
            caught_up.cancel()
            limit.cancel()
