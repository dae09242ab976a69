"""Alerts: each condition that lasts is raised once, may change, and is cleared when it is over.

One background task looks every LOOK_S seconds. What it finds is valid at once, in memory: an alert must reach operators
also while nothing can be stored. An alert's row and its event `se.skolnav.operator.*` are one store commit, which is
tried again at each look; the relay appends the event to the log, and subscribers get it like any other event. What is
raised outlives a restart, so that a restart raises nothing again.
"""

import asyncio
import logging
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from importlib.metadata import version
from typing import Any, Final

from hub.alerts.condition import Condition, Severity
from hub.alerts.conditions import Conditions
from hub.alerts.wording import says, todo
from hub.alerts.writable import Writable
from hub.alerts.wrong_tokens import WrongTokens
from hub.bus.base import Log
from hub.clock import Clock
from hub.config import HubConfig
from hub.hosting.hosts import Hosts
from hub.store import alerts as rows
from hub.store import audit, notes, outbox
from hub.store.alerts import AlertRow
from hub.store.base import Operation, Store
from hub.tasks import Tasks
from plugins.texts import Text
from schemas import Event
from schemas.operator import AlertChanged, AlertCleared, AlertRaised
from schemas.payload import Payload

LOOK_S: Final = 10.0
CLEARED_KEPT: Final = timedelta(days=1)  # how long what is over is kept at most for a mail that can't be sent
NEW_VERSION: Final = timedelta(days=7)  # how long a new version shows unless a person acknowledges it
WRONG_TOKENS: Final = 20  # within an hour
MOST_EVENTS: Final = 1000  # that wait until the store can be written; the oldest are dropped

log = logging.getLogger(__name__)

Key = tuple[str, str, str]


class NoSuchAlert(LookupError):
    """No alert with this id is raised."""


@dataclass(slots=True, eq=False)
class Alert:
    """One alert that is raised, or is over while the mail that says so has not been sent."""

    row: AlertRow
    condition: Condition
    shown: bool = True  # its condition has been found since the hub's start
    counted: int | None = None  # its count when operators heard of it last; None until it is found after a restart
    grown: bool = False  # far more waits behind it than in the last mail

    @property
    def key(self) -> Key:
        return self.row.code, self.row.place, self.row.what


class Alerts:
    """What is raised. `wake` is called after a commit with events."""

    def __init__(
        self,
        conditions: Conditions,
        *,
        config: Callable[[], HubConfig],
        store: Store,
        event_log: Log,
        clock: Clock,
        hosts: Hosts,
        wake: Callable[[], None],
    ) -> None:
        self._conditions = conditions
        self._config = config
        self._store = store
        self._clock = clock
        self._hosts = hosts
        self._wake = wake
        self._alerts: dict[Key, Alert] = {}
        self._unsaved: set[Key] = set()
        self._events: list[bytes] = []  # that no commit holds yet
        self._in_mail: set[str] = set()  # ids of alerts whose mail is being sent
        self._notes: Mapping[str, notes.Note] = {}
        self._wrong = WrongTokens()
        self._writable = Writable(store, event_log, clock)
        self._tasks = Tasks()
        self._looking = asyncio.Lock()
        self._saving = asyncio.Lock()
        self.changed: list[Callable[[], None]] = []  # called after each look

    async def start(self) -> None:
        """Load what is raised, and begin to look. Raises StoreUnavailable."""
        tenant, now = self._store.tenant, self._clock.utc()
        for row in await self._store.read(rows.load(tenant)):
            condition = Condition(
                code=row.code, place=row.place, what=row.what, since=row.since, error=row.error, recalled=True
            )  # fmt: skip
            self._alerts[row.code, row.place, row.what] = Alert(row, condition, shown=False)
        self._notes = dict(await self._store.read(notes.load(tenant)))
        fresh: dict[str, notes.Note] = {}
        if notes.FIRST_START not in self._notes:
            fresh[notes.FIRST_START] = notes.Note(now, "")
        running, before = version("skolnav"), self._notes.get(notes.VERSION)
        if before is None or before.value.partition(" ")[0] != running:
            # After the version, the one that it replaces: empty at the first start.
            value = running if before is None else f"{running} {before.value.partition(' ')[0]}"
            fresh[notes.VERSION] = notes.Note(now, value)
        if fresh:
            await self._store.commit(*(notes.put(tenant, name, each.at, each.value) for name, each in fresh.items()))
            self._notes = {**self._notes, **fresh}
        self._conditions.add(self._own)
        self._tasks.start(self._run(), name="alerts")

    async def stop(self) -> None:
        await self._tasks.stop()
        try:
            async with asyncio.timeout(LOOK_S / 2):
                if self._unsaved or self._events:
                    await self.save()
                await self._hosts.far_sides.save()
        except Exception:
            log.warning("the last times of the far sides could not be stored")

    def count_wrong_tokens(self, total: Callable[[], int]) -> None:
        """`total()` is how many wrong tokens and secrets have come since the start."""
        self._wrong = WrongTokens(total)

    async def note_backup(self) -> None:
        """A backup has been made. Raises StoreUnavailable."""
        made = notes.Note(self._clock.utc(), "")
        await self._store.commit(notes.put(self._store.tenant, notes.BACKUP, made.at))
        self._notes = {**self._notes, notes.BACKUP: made}

    def all(self) -> Sequence[Alert]:
        """What is raised now: what no person has acknowledged first, the most severe and then the oldest first."""
        order = list(Severity)

        def urgency(each: Alert) -> tuple[bool, int, datetime]:
            return each.row.acknowledged is not None, order.index(Severity(each.row.severity)), each.row.since

        return sorted((each for each in self._alerts.values() if each.row.cleared is None), key=urgency)

    def to_mail(self) -> Sequence[Alert]:
        """All that are raised, and those that are over while the mail that says so has not been sent."""
        return list(self._alerts.values())

    async def acknowledge(self, id: str, *, name: str, actor: str) -> AlertRow:
        """A person sees to it, under this name: no reminders any more. Raises NoSuchAlert, StoreUnavailable."""
        alert = next((each for each in self.all() if each.row.id == id), None)
        if alert is None:
            raise NoSuchAlert(id)
        now, tenant = self._clock.utc(), self._store.tenant
        acknowledged: dict[str, Any] = {"acknowledged": now, "acknowledged_by": name}
        target = f"{id} {alert.row.code} {name}"
        operations: list[Operation] = [
            rows.put(tenant, replace(alert.row, **acknowledged)),
            audit.add(tenant, now, actor=actor, action="alert.acknowledged", target=target),
        ]
        note = self._notes.get(notes.VERSION) if alert.row.code == "new-version" else None
        if note is not None:  # a person has read it: it shows no longer
            note = notes.Note(note.at, note.value.partition(" ")[0])
            operations.append(notes.put(tenant, notes.VERSION, note.at, note.value))
        await self._store.commit(*operations)
        if note is not None:
            self._notes = {**self._notes, notes.VERSION: note}
        alert.row = replace(alert.row, **acknowledged)  # of now: a look may have changed it during the commit
        alert.counted, alert.grown = alert.condition.count, False
        self._unsaved.add(alert.key)
        return alert.row

    @contextmanager
    def being_mailed(self, alerts: Iterable[Alert]) -> Iterator[None]:
        """While this lasts, none of these is forgotten if it is over: a recipient may have got the mail already."""
        ids = {each.row.id for each in alerts}
        self._in_mail |= ids
        try:
            yield
        finally:
            self._in_mail -= ids

    async def mailed(self, *, raised: Iterable[Alert], reminded: Iterable[Alert], over: Iterable[Alert]) -> None:
        """A mail has gone out: that these were raised, are raised still, and are over. The last are forgotten."""
        now = self._clock.utc()
        for each in over:
            if self._alerts.get(each.key) is each:
                self._forget(each.key)
        for alerts, reminders in ((raised, 0), (reminded, 1)):
            for each in alerts:
                if self._alerts.get(each.key) is each:
                    each.row = replace(each.row, told=now, reminders=each.row.reminders + reminders)
                    each.grown = False
                    self._unsaved.add(each.key)
        await self.save()

    def words(self, place: str) -> Mapping[str, Text]:
        """What a connector's class says of its codes; empty for another place."""
        kind, _, name = place.partition(".")
        if kind != "connectors":
            return {}
        try:
            return self._hosts.instance(name).cls.problems
        except KeyError:
            return {}

    # -- looking ------------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        while True:
            await self._clock.sleep(LOOK_S)
            try:
                await self.look()
            except Exception as error:  # a fault: the next look tries again
                log.error("looking for alerts failed: %s", type(error).__name__)
            try:
                await self._hosts.far_sides.save()
            except Exception as error:
                log.warning("the last times of the far sides could not be stored: %s", type(error).__name__)

    async def look(self) -> None:
        """Raise, change and clear by the conditions of this moment, then store that (`save`)."""
        async with self._looking:
            await self._writable.try_log()
            found = {each.key: each for each in await self._conditions.now()}
            now = self._clock.utc()
            for key, condition in found.items():
                alert = self._alerts.get(key)
                if alert is not None and alert.row.cleared is None:
                    self._change(alert, condition, now)
                elif (now - condition.since).total_seconds() >= condition.kind.grace_s:
                    self._raise(condition, now)
            for key, alert in list(self._alerts.items()):
                if key in found:
                    continue
                if alert.row.cleared is None and (alert.shown or not self._conditions.unsure(key)):
                    self._clear(alert, now)
                cleared = alert.row.cleared
                if cleared is not None and (now - cleared > CLEARED_KEPT or not self._is_mailed(alert.row)):
                    self._forget(key)
        for changed in self.changed:
            changed()
        await self.save()

    async def save(self) -> None:
        """Store what has changed. If that fails, it is logged and a condition, and the next call stores the same."""
        async with self._saving:
            tenant = self._store.tenant
            unsaved, self._unsaved = self._unsaved, set()
            events, self._events = self._events, []
            operations: list[Operation] = []
            for key in sorted(unsaved):
                alert = self._alerts.get(key)
                operations.append(rows.forget(tenant, key) if alert is None else rows.put(tenant, alert.row))
            if events:
                operations.append(outbox.add(tenant, "", events))
            stored = False
            try:
                stored = await self._writable.commit(*operations)
            finally:
                if not stored:
                    self._unsaved |= unsaved
                    self._events = [*events, *self._events][-MOST_EVENTS:]
            if stored and events:
                self._wake()

    def _raise(self, condition: Condition, now: datetime) -> None:
        row = AlertRow(
            code=condition.code, place=condition.place, what=condition.what, id=str(uuid.uuid4()),
            severity=condition.kind.severity, error=condition.error, since=min(condition.since, now), raised=now,
            changed=now,
        )  # fmt: skip
        alert = self._alerts[condition.key] = Alert(row, condition, counted=condition.count)
        self._tell(AlertRaised, alert)

    def _change(self, alert: Alert, condition: Condition, now: datetime) -> None:
        kind, count = condition.kind, condition.count
        alert.shown, alert.condition = True, replace(condition, since=min(alert.row.since, condition.since))
        alert.counted = count if alert.counted is None else min(alert.counted, count)
        grown = kind.grows > 0 and count >= max(2 * alert.counted, alert.counted + kind.grows)
        if not grown and (alert.row.error, alert.row.severity) == (condition.error, kind.severity):
            return
        alert.row = replace(alert.row, error=condition.error, severity=kind.severity, changed=now)
        if grown:
            # A person who has acknowledged a few does not know of these, and the reminders may be used up.
            alert.row = replace(alert.row, acknowledged=None, acknowledged_by="", reminders=0)
            alert.counted, alert.grown = count, True
        self._tell(AlertChanged, alert)

    def _clear(self, alert: Alert, now: datetime) -> None:
        alert.row = replace(alert.row, cleared=now)
        self._tell(AlertCleared, alert)

    def _forget(self, key: Key) -> None:
        del self._alerts[key]
        self._unsaved.add(key)

    def _tell(self, model: type[Payload], alert: Alert) -> None:
        self._unsaved.add(alert.key)
        self._events.append(self._event(model, alert))

    def _is_mailed(self, row: AlertRow) -> bool:
        """Whether a mail has reported it, or does so at this moment, so that another must say that it is over."""
        settings = self._config().alerts
        mails = settings is not None and settings.mail is not None
        return mails and (row.told is not None or row.id in self._in_mail)

    def _event(self, model: type[Payload], alert: Alert) -> bytes:
        row, condition = alert.row, alert.condition
        words = self.words(row.place)
        data: dict[str, Any] = {
            "id": row.id,
            "severity": row.severity,
            "code": row.code,
            "place": row.place[:200],
            "what": row.what[:200],
            "since": row.since.isoformat(),
            "error": row.error[:200],
            "attempts": min(condition.attempts, 1_000_000),
            "count": min(condition.count, 1_000_000),
            "says": {language: says(condition, language, words)[:1000] for language in ("sv", "en")},
            "todo": {language: todo(condition, language)[:1000] for language in ("sv", "en")},
        }
        if condition.next_try is not None and row.cleared is None:
            data["nextTry"] = condition.next_try.isoformat()
        attributes = {
            "specversion": "1.0",
            "id": str(uuid.uuid4()),
            "source": f"urn:skolnav:{self._store.tenant}",
            "type": model.spec.type,
            "time": self._clock.utc().isoformat(),
            "datacontenttype": "application/json",
        }
        return Event(attributes, data).to_json()

    def _own(self, now: datetime) -> Sequence[Condition]:
        """What this module alone sees: backups, a new version, wrong tokens, and what can't be written."""
        found = self._writable.conditions()
        settings, config = self._config().alerts, self._config()
        made = self._notes.get(notes.BACKUP) or self._notes.get(notes.FIRST_START)
        if settings is not None and not config.demo and made is not None and now - made.at > settings.backup_age:
            found.append(Condition(code="backup-old", place="hub", since=made.at + settings.backup_age))
        new = self._notes.get(notes.VERSION)
        if new is not None and " " in new.value and now - new.at < NEW_VERSION:
            found.append(Condition(code="new-version", place="hub", what=" <- ".join(new.value.split()), since=new.at))
        if (wrong := self._wrong.of_the_hour(now)) >= WRONG_TOKENS:
            found.append(Condition(code="log-ins-failed", place="hub", since=self._wrong.since, count=wrong))
        return found
