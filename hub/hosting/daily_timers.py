"""The `@daily` timers of one instance, and its nightly `reconcile`.

Each declared time of day is a timer of its own (`report@08:30:00`), and its due time is a store row. After downtime a
timer fires once, with the last due time that the hub missed: the report of an older run would be out of date. Such a
run is not `complete`: the events that sources could not publish during the downtime have yet to arrive.
"""

import asyncio
import logging
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Final

from hub.hosting.connector_errors import code_of
from hub.hosting.firing import LATE_S, Firing, TimerTrouble
from hub.hosting.hosts import Hosts
from hub.hosting.times_of_day import last_due, next_due
from hub.pauses import until_it_works
from hub.store import timers as rows
from hub.store.base import Operation, Store, StoreUnavailable
from plugins.connector import Connector
from plugins.errors import PermanentError, PrivacyError

RECONCILE: Final = "reconcile"
RECONCILE_AT: Final = time(3, 40)  # nightly, past the hour that daylight saving repeats or skips

log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False, kw_only=True)
class _Entry:
    """One timer of one instance. `retry_at` is machine time, None unless the last run failed.

    `missed`: the due time that passed while the hub was down; None if none did. A run that was given up leaves `error`
    and `failed` until a later run succeeds.
    """

    method: str
    at: time
    due: datetime
    missed: datetime | None = None
    failures: int = 0
    retry_at: float | None = None
    error: str = ""  # the code of the last failure since the last run that succeeded
    failed: datetime | None = None  # the first failure since then, machine time

    @property
    def name(self) -> str:
        return f"{self.method}@{self.at.isoformat('seconds')}"


def _missed(entry: _Entry, now: datetime) -> datetime | None:
    """The due time that the hub has missed if it started at `now`; None if it has missed none."""
    last = last_due(entry.at, now)
    late_s = (now.astimezone(UTC) - last.astimezone(UTC)).total_seconds()
    return last if last.astimezone(UTC) >= entry.due.astimezone(UTC) and late_s > LATE_S else None


class DailyTimers:
    """The daily timers of one instance of `hosts`."""

    def __init__(self, firing: Firing, *, hosts: Hosts, store: Store) -> None:
        self._firing = firing
        self._name = firing.instance
        self._clock = firing.clock
        self._hosts = hosts
        self._store = store
        self._entries: list[_Entry] = []
        self._loaded = False
        self._changed = asyncio.Event()

    async def load(self, *, was_down: bool) -> None:
        """Load the timers that the class and its configuration declare.

        A timer that the store knows keeps its due time, a new timer is due at its next time of day, and the rows of
        other timers are deleted. `was_down`: the hub was down until now, so a due time before now was missed. Raises
        StoreUnavailable.

        While the instance does not know its times (its function of the configuration hangs, say), nothing is loaded,
        and `run` loads the timers later.
        """
        self._was_down, self._began = was_down, self._clock.school()
        await self._load_known()

    async def _load_known(self) -> None:
        instance = self._hosts.instance(self._name)
        if instance.times is None:
            return
        tenant, now = self._store.tenant, self._began
        declared = list(instance.times)
        if instance.cls.reconcile is not Connector.reconcile:
            declared.append((RECONCILE, RECONCILE_AT))
        stored = {row.name: row.due for row in await self._store.read(rows.load(tenant)) if row.connector == self._name}
        entries: list[_Entry] = []
        for method, at in declared:
            due = next_due([at], now)
            assert due is not None
            entry = _Entry(method=method, at=at, due=due)
            entry.due = stored.get(entry.name, due)
            entry.missed = _missed(entry, now) if self._was_down else None
            entries.append(entry)
        operations: list[Operation] = [rows.forget(tenant, self._name)]
        operations += [rows.set_due(tenant, rows.Timer(self._name, entry.name, entry.due)) for entry in entries]
        if stored or entries:
            await self._store.commit(*operations)
        self._entries, self._loaded = entries, True

    async def run(self) -> None:
        """Fire each timer at its time, until cancelled. Returns at once where there is none."""
        while not self._loaded:
            await self._changed.wait()
            self._changed.clear()
            await until_it_works(
                self._load_known, clock=self._clock, failed=self._load_waits, retry_on=(StoreUnavailable,)
            )
        while self._entries:
            entry = self._ready()
            if entry is not None:
                await self._fire(entry)
            else:
                await self._firing.wait(self._changed, min(map(self._seconds_to, self._entries)))

    def _load_waits(self, error: Exception, pause_s: float) -> None:
        log.error("%s: no timers (%s); next try in %.1f s", self._name, type(error).__name__, pause_s)

    def look(self) -> None:
        """School time was moved, or the instance began: look again which timer is due."""
        self._changed.set()

    def quiet(self) -> bool:
        """Nothing is due that could run now."""
        return self._ready() is None

    def troubles(self) -> list[TimerTrouble]:
        """The timers whose last run failed, was given up, or has not happened although it was due."""
        return [trouble for entry in self._entries if (trouble := self._trouble(entry)) is not None]

    def _trouble(self, entry: _Entry) -> TimerTrouble | None:
        if entry.failed is None:
            return self._firing.late(entry.name, entry.due)
        retry_at = entry.retry_at
        return TimerTrouble(
            name=entry.name, state="given-up" if retry_at is None else "failing", since=entry.failed,
            error=entry.error, failures=entry.failures,
            next_try=None if retry_at is None else self._firing.at(retry_at), runs=1,
        )  # fmt: skip

    def next(self) -> datetime | None:
        """When the next timer is due; None if there is none."""
        return min((entry.due for entry in self._entries), default=None)

    def _ready(self) -> _Entry | None:
        now, machine = self._clock.school().astimezone(UTC), self._clock.monotonic()
        due = [
            entry
            for entry in self._entries
            if entry.due.astimezone(UTC) <= now and (entry.retry_at is None or entry.retry_at <= machine)
        ]
        return min(due, key=lambda entry: entry.due.astimezone(UTC), default=None)

    def _seconds_to(self, entry: _Entry) -> float:
        until_due = self._clock.machine_seconds_until(entry.due)
        return until_due if entry.retry_at is None else max(until_due, entry.retry_at - self._clock.monotonic())

    async def _fire(self, entry: _Entry) -> None:
        due = last_due(entry.at, self._clock.school())
        instance = self._hosts.instance(self._name)
        try:
            if entry.method == RECONCILE:
                await self._hosts.reconcile(self._name)
            else:
                complete = await self._firing.handled_before(due) and due != entry.missed
                await instance.call(entry.method, due, complete, limit_s=instance.cls.timeout_s)
        except (PermanentError, PrivacyError) as error:
            self._failed(entry, error)
            self._firing.given_up(f"{entry.name} due {due.isoformat()}", error)
        except Exception as error:
            self._failed(entry, error)
            pause_s = self._firing.pause_s(error, entry.failures)
            entry.retry_at = self._clock.monotonic() + pause_s
            self._firing.failed(f"{entry.name} due {due.isoformat()}", error, pause_s)
            return
        else:
            entry.error, entry.failed, entry.failures = "", None, 0
        following = next_due([entry.at], due)
        assert following is not None
        try:
            await self._store.commit(rows.set_due(self._store.tenant, rows.Timer(self._name, entry.name, following)))
        except Exception as error:
            # The store still has the old due time: after a restart the timer runs once more, with that due time.
            log.error(
                "%s: timer %s could not be advanced in the store: %s", self._name, entry.name, type(error).__name__
            )
        entry.due, entry.retry_at = following, None

    def _failed(self, entry: _Entry, error: Exception) -> None:
        entry.failures += 1
        entry.error, entry.failed = code_of(error), entry.failed or self._clock.utc()
