"""One school system being pulled: lists into events, a commit for every few hundred records.

What is kept and what is told of a record go into one commit, so a pull that breaks off anywhere repeats nothing when
it begins again, and loses nothing. Only what was read as a whole and is then not found by id counts as gone.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from connectors.ss12000 import lessons
from connectors.ss12000.client import Client, ListExpired, NotAnswered, NotOffered, Query
from connectors.ss12000.config import Ss12000Config
from connectors.ss12000.delta import Held, Watermark, believed, has_offset, stands_for, too_many, went_back
from connectors.ss12000.kinds import ABSENCES, ATTENDANCES, DIRECTORY, GROUPS, LESSONS, PERSONS, PRESENCES, Kind
from connectors.ss12000.lessons import Window
from connectors.ss12000.mapping import digest_kept, tell, tell_gone, to_keep
from connectors.ss12000.reader import digest, id_of, read
from plugins import Context, PermanentError, TemporaryError, Transaction
from schemas.event import parse_timestamp

CHUNK: Final = 500  # records in one commit
_TRIES: Final = 3  # how often a list is begun in one pull when its pageToken runs out
_AT_A_TIME: Final = 8  # records asked for by id
_REMEMBERED: Final = 10_000  # complaints about records that were made already
_NO_SUCH_FILTER: Final = frozenset({400, 422, 501})
_REQUIRED: Final = frozenset({PERSONS.resource})


@dataclass(slots=True)
class Listed:
    """What reading a list has shown."""

    seen: set[str] = field(default_factory=set)  # ids
    count: int = 0
    date: datetime | None = None  # the supplier's clock when it began
    offsets: bool | None = None  # whether `meta` has them; one without counts for all
    reasons: Counter[str] = field(default_factory=Counter)


class Known:
    """What lessons need of activities and duties, read from the state once for a list."""

    def __init__(self, state: Mapping[str, Any]) -> None:
        self._state = state
        self._activities: dict[str, tuple[Mapping[str, Any] | None, dict[str, str], str]] = {}

    def of(self, raw: Mapping[str, Any]) -> tuple[Mapping[str, Any] | None, dict[str, str], str]:
        """The activity of a calendarEvent, whose duties its teachers' are, and a stamp of both."""
        id = id_of(raw.get("activity")) or ""
        found = self._activities.get(id)
        if found is None:
            kept = self._state.get(f"activity/{id}")
            activity = kept[1] if kept is not None else None
            persons = self._persons((activity or {}).get("teachers"))
            found = activity, persons, digest({"activity": activity, "persons": persons})
            self._activities[id] = found
        exceptions = raw.get("teacherExceptions")
        if not exceptions:
            return found
        persons = found[1] | self._persons(exceptions)
        return found[0], persons, digest({"activity": found[0], "persons": persons})

    def _persons(self, teachers: Any) -> dict[str, str]:
        found: dict[str, str] = {}
        for item in teachers if isinstance(teachers, list) else ():
            duty = id_of(item.get("duty")) if isinstance(item, Mapping) else None
            kept = self._state.get(f"duty/{duty}") if duty else None
            if duty and kept is not None and kept[1]:
                found[duty] = kept[1]
        return found


class Source:
    """Reads resources of one supplier into the hub. One call at a time."""

    def __init__(self, config: Ss12000Config, ctx: Context, client: Client) -> None:
        self.config = config
        self.ctx = ctx
        self.client = client
        self._complained: set[str] = set()
        self._whole: set[str] = set()  # resources that can't be asked for changes

    # -- whole resources ----------------------------------------------------------------------------------------

    def watermark(self, name: str) -> Watermark | None:
        return Watermark.kept(self.ctx.state.get(f"mark/{name}"))

    async def pull(self, kind: Kind, window: Window, *, full: bool) -> None:
        """Bring a resource up to date: all of it, or what has changed since. Not for lessons. Raises TemporaryError."""
        mark = self.watermark(kind.resource)
        if self.ctx.state.get(f"absent/{kind.resource}") and not full:
            return
        try:
            if mark is None or full or self._due_again(kind):
                await self._all(kind, window)
            else:
                await self._changes(kind, window, mark)
        except NotOffered:
            await self.not_offered(kind)
        except NotAnswered as error:
            raise _not_answered(kind, error) from None

    def held(self, kind: Kind) -> Held | None:
        """Removals of this resource that are held back now."""
        return Held.kept(self.ctx.state.get(f"held/{kind.resource}"))

    def _due_again(self, kind: Kind) -> bool:
        """Removals were held back, and a person has confirmed them or it is time to see whether they still stand."""
        held = self.held(kind)
        confirmed = held is not None and f"{kind.resource}:{held.what}" in self.config.confirm
        return held is not None and believed(held, held.what, self.ctx.clock.utc(), confirmed)

    async def not_offered(self, kind: Kind) -> None:
        """The list is a 404. Said once; what was read from it before stays."""
        if kind.resource in _REQUIRED or self.watermark(kind.resource) is not None:
            raise TemporaryError(
                f"ss12000: {kind.resource} is not there (404)",
                why="the supplier has no such list under this address",
                fix="Check base_url, path and all",
                code="not-there",
            )
        if not self.ctx.state.get(f"absent/{kind.resource}"):
            async with self.ctx.commit() as tx:
                tx.state[f"absent/{kind.resource}"] = True
            self.ctx.problem("not-offered", f"{kind.resource}: the supplier does not offer it (404)")

    async def _all(self, kind: Kind, window: Window) -> None:
        began = self.ctx.clock.utc()
        filters = self._first_filters(kind, window)
        try:
            listed = await self.read_list(kind, filters, window)
        except NotAnswered:
            if not filters:
                raise
            listed = await self.read_list(kind, {}, window)
        if kind not in (ATTENDANCES, PRESENCES):
            await self.removals(kind, listed.seen, window)
        await self.keep_mark(kind.resource, listed, began)

    async def _changes(self, kind: Kind, window: Window, mark: Watermark) -> None:
        began = self.ctx.clock.utc()
        filters = {"meta.modified.after": mark.after(self.config.dialect.overlap)}
        try:
            listed = await self.read_list(kind, filters, window)
        except NotAnswered as error:
            if error.status not in _NO_SUCH_FILTER:
                raise
            if kind.resource not in self._whole:
                self._whole.add(kind.resource)
                self.ctx.problem("no-changes", f"{kind.resource}: meta.modified.after is not taken; all of it is read")
            await self._all(kind, window)
            return
        if went_back(mark, listed.date):
            self.ctx.problem("clock-went-back", f"{kind.resource}: the supplier's clock is behind what it was")
            await self._all(kind, window)
            return
        if listed.offsets is None:
            listed.offsets = mark.offsets
        await self.keep_mark(kind.resource, listed, began)

    def _first_filters(self, kind: Kind, window: Window) -> Query:
        if kind is ABSENCES:
            return {"endTime.onOrAfter": window.start.isoformat()}
        if kind in (ATTENDANCES, PRESENCES):  # no filter on when it was: what was registered in the window
            return {"meta.modified.after": Watermark(window.start).after(timedelta(0))}
        return {}

    async def keep_mark(self, name: str, listed: Listed, began: datetime) -> None:
        """Kept when the list has been read to its end. `began`: machine time, where the supplier tells none."""
        mark = Watermark(listed.date or began, listed.offsets is not False)
        async with self.ctx.commit() as tx:
            tx.state[f"mark/{name}"] = mark.to_keep()
            if f"absent/{name}" in tx.state:
                del tx.state[f"absent/{name}"]

    # -- lists --------------------------------------------------------------------------------------------------

    async def read_list(self, kind: Kind, filters: Query, window: Window) -> Listed:
        """Read a list and tell what is new in it. Raises NotOffered, NotAnswered, TemporaryError."""
        for _ in range(_TRIES):
            listed = Listed()
            try:
                async for page in self.client.pages(kind.resource, filters):
                    listed.date = listed.date or page.date
                    await self.take(kind, page.data, window, listed)
            except ListExpired:
                continue  # what was taken is known: reading it again tells nothing
            finally:
                self._report(kind, listed)
            return listed
        raise TemporaryError(
            f"ss12000: {kind.resource} could not be read to its end",
            why=f"its pageToken ran out {_TRIES} times",
            fix="Set a larger limit, or ask the supplier how long a pageToken lasts",
            code="expired",
        )

    async def take(self, kind: Kind, records: Sequence[Any], window: Window, listed: Listed) -> None:
        """Tell what is new in these records, and keep it, a chunk at a time."""
        known = Known(self.ctx.state) if kind is LESSONS else None
        for start in range(0, len(records), CHUNK):
            async with self.ctx.commit() as tx:
                for raw in records[start : start + CHUNK]:
                    listed.count += 1
                    if known is not None:
                        self._lesson(tx, raw, known, window, listed)
                    else:
                        self._record(tx, kind, raw, window, listed)
            await asyncio.sleep(0)

    def _record(self, tx: Transaction, kind: Kind, raw: Any, window: Window, listed: Listed) -> None:
        offsets = has_offset(raw)
        if offsets is not None:
            listed.offsets = offsets and listed.offsets is not False
        id = id_of(raw)
        if id is None:
            self._refused(listed, raw, read(kind, raw).reasons)
            return
        listed.seen.add(id)
        key, now = kind.key(id), digest(raw)
        before = tx.state.get(key)
        if digest_kept(before) == now:
            return
        reading = read(kind, raw, self.config.dialect.times_without_offset)
        self._refused(listed, raw, reading.reasons)
        record = reading.record
        if record is None and kind is PERSONS:
            record = _bare(id, raw)
        if record is None or (kind is ABSENCES and before is None and _ends_before(record, window)):
            return
        told = tell(kind, record, before)
        if told is None and kind is PRESENCES:
            self._refused(listed, raw, ["eventType: is a value that the hub does not know"])
        if told is not None and not self._publish(tx, told, raw, listed):
            if kind is not PERSONS:
                return
            # The last word about a person must never be an older one: their mark may have changed.
            tx.publish(PERSONS.model, _bare(id, raw))
        tx.state[key] = to_keep(kind, record, now, self.ctx.clock.school().date().isoformat())

    def _lesson(self, tx: Transaction, raw: Any, known: Known, window: Window, listed: Listed) -> None:
        id = id_of(raw)
        if id is None:
            self._refused(listed, raw, read(LESSONS, raw).reasons)
            return
        listed.seen.add(id)
        activity, persons, stamp = known.of(raw)
        key, now = LESSONS.key(id), f"{digest(raw)}{stamp[:8]}"
        before = tx.state.get(key)
        if digest_kept(before) == now:
            return
        reading = read(LESSONS, raw, self.config.dialect.times_without_offset)
        self._refused(listed, raw, reading.reasons)
        if reading.record is None:
            return
        lesson = lessons.lesson(reading.record, activity, persons)
        if before is None and not window.has(lesson):
            return
        told = lessons.compare(before["l"] if before is not None else None, lesson)
        if told is not None and not self._publish(tx, told, raw, listed):
            return
        tx.state[key] = {"d": now, "l": lessons.to_keep(lesson)}

    def _publish(self, tx: Transaction, told: lessons.Told, raw: Any, listed: Listed) -> bool:
        """False where the catalogue refuses what the reader let through: one record must not stop the rest."""
        try:
            tx.publish(*told)
        except PermanentError:
            self._refused(listed, raw, ["the record: makes no valid event"])
            return False
        return True

    def _refused(self, listed: Listed, raw: Any, reasons: Iterable[str]) -> None:
        """Note what could not be read, once for the same record with the same content."""
        reasons = list(reasons)
        if not reasons:
            return
        what = digest({"record": raw})
        if what not in self._complained:
            if len(self._complained) >= _REMEMBERED:
                self._complained.clear()
            self._complained.add(what)
            listed.reasons.update(reasons)

    def _report(self, kind: Kind, listed: Listed) -> None:
        for reason, count in listed.reasons.most_common(20):
            self.ctx.problem("record-not-read", f"{kind.resource}: {reason} ({count} of {listed.count} read)")

    # -- what is gone -------------------------------------------------------------------------------------------

    async def removals(self, kind: Kind, seen: set[str], window: Window) -> None:
        """After a whole list: what is kept, in scope, and was not in it, is gone if asking by id says so too."""
        state, prefix = self.ctx.state, f"{kind.name}/"
        missing: list[str] = []
        past: list[str] = []
        known = 0
        for name in state:
            if not name.startswith(prefix):
                continue
            id = name[len(prefix) :]
            if id in seen:
                known += 1
                continue
            place = _placed(kind, state[name], window)
            if place == 0:
                known += 1
                missing.append(id)
            elif place < 0:
                past.append(id)
        await self._forget(kind, past)
        if await self.believable(kind, missing, known):
            await self.gone(kind, missing, window, announced=False)
            if self.held(kind) is not None:
                async with self.ctx.commit() as tx:
                    del tx.state[f"held/{kind.resource}"]

    async def believable(self, kind: Kind, ids: Sequence[str], known: int) -> bool:
        """Whether so many of the `known` records may go. If not, they are held back and the operator is told once."""
        if not too_many(len(ids), known, whole=kind in DIRECTORY):
            return True
        held, what, now = self.held(kind), stands_for(ids), self.ctx.clock.utc()
        if believed(held, what, now, f"{kind.resource}:{what}" in self.config.confirm):
            return True
        if held is None or held.what != what:
            async with self.ctx.commit() as tx:
                tx.state[f"held/{kind.resource}"] = Held(now, what).to_keep()
            self.ctx.problem(
                "removals-held",
                f"{len(ids)} of {known} {kind.resource} would go at once; nothing is told of them. "
                f"If that is true: confirm: [{kind.resource}:{what}]; an equal pull in an hour counts too",
            )
        return False

    def count(self, kind: Kind) -> int:
        """How many records of this resource are known."""
        prefix = f"{kind.name}/"
        return sum(1 for name in self.ctx.state if name.startswith(prefix))

    async def gone(self, kind: Kind, ids: Sequence[str], window: Window, *, announced: bool) -> list[str]:
        """Tell the end of records that asking by id does not find; returns their ids. One that is found stays.

        `announced`: /deletedEntities named them, so a supplier that does not answer by id is believed.
        """
        ended: list[str] = []
        for start in range(0, len(ids), _AT_A_TIME * 8):
            part = ids[start : start + _AT_A_TIME * 8]
            answers = await self._by_id(kind, part)
            found = [raw for raw in answers.values() if raw is not None and not isinstance(raw, NotAnswered)]
            unsure = [id for id, raw in answers.items() if isinstance(raw, NotAnswered)]
            over = [id for id, raw in answers.items() if raw is None or (announced and isinstance(raw, NotAnswered))]
            if unsure and not announced:
                self.ctx.problem(
                    "not-confirmed", f"{len(unsure)} {kind.resource} are not listed, and asking by id is not answered"
                )
            # By id some suppliers leave out what their lists have (enrolments, responsibles): only what has no such
            # parts is taken from there. The rest comes with a list.
            if kind in (LESSONS, ABSENCES):
                listed = Listed()
                await self.take(kind, found, window, listed)
                self._report(kind, listed)
            elif found and not announced:
                self.ctx.problem("not-listed", f"{len(found)} {kind.resource} are there, but not in the list")
            async with self.ctx.commit() as tx:
                for id in over:
                    key = kind.key(id)
                    before = tx.state.get(key)
                    if before is None:
                        continue
                    told = tell_gone(kind, id, before)
                    if told is not None:
                        tx.publish(*told)
                    del tx.state[key]
            ended += over
        return ended

    async def reread_groups(self, ids: Sequence[str], window: Window) -> None:
        """Tell these groups as they are now. Where asking by id does not give members, the whole list is read."""
        answers = (await self._by_id(GROUPS, ids)).values()
        found = [raw for raw in answers if isinstance(raw, Mapping) and isinstance(raw.get("groupMemberships"), list)]
        if len(found) < len(ids):
            await self._all(GROUPS, window)
            return
        listed = Listed()
        await self.take(GROUPS, found, window, listed)
        self._report(GROUPS, listed)

    def groups_of(self, persons: set[str]) -> list[str]:
        """Ids of the groups that have one of these as a member, as far as was told."""
        state, prefix = self.ctx.state, f"{GROUPS.name}/"
        return [
            name[len(prefix) :] for name in state if name.startswith(prefix) and not persons.isdisjoint(state[name][1])
        ]

    async def _by_id(self, kind: Kind, ids: Sequence[str]) -> dict[str, Any]:
        """The record of each id, None where there is none, NotAnswered where such a question is not answered."""
        turn = asyncio.Semaphore(_AT_A_TIME)

        async def ask(id: str) -> Any:
            async with turn:
                try:
                    raw, _ = await self.client.one(kind.resource, id)
                except NotAnswered as error:
                    return error
                # An answer about something else says nothing about this one.
                return raw if raw is None or id_of(raw) == id else NotAnswered(200)

        answers = await asyncio.gather(*map(ask, ids), return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException) and not isinstance(answer, NotAnswered):
                raise answer
        return dict(zip(ids, answers, strict=True))

    async def _forget(self, kind: Kind, ids: Sequence[str]) -> None:
        for start in range(0, len(ids), 5 * CHUNK):
            async with self.ctx.commit() as tx:
                for id in ids[start : start + 5 * CHUNK]:
                    del tx.state[kind.key(id)]

    async def forget_registered(self, window: Window) -> None:
        """Drop what was registered before the window."""
        state, first = self.ctx.state, window.first.isoformat()
        for kind in (ATTENDANCES, PRESENCES):
            prefix = f"{kind.name}/"
            old = [name[len(prefix) :] for name in state if name.startswith(prefix) and state[name][1] < first]
            await self._forget(kind, old)


def _bare(id: str, raw: Mapping[str, Any]) -> dict[str, Any]:
    """A person of whom nothing but the mark could be read; without a readable mark they count as unknown."""
    mark = raw.get("securityMarking")
    return {"id": id, "securityMarking": mark} if isinstance(mark, str) else {"id": id}


def _placed(kind: Kind, kept: Any, window: Window) -> int:
    """Where a kept record lies: 0 in what a whole list shows, below 0 before it (to be forgotten), above 0 after."""
    if kind is LESSONS:
        lesson = kept["l"]
        return 0 if window.has(lesson) else -1 if window.is_past(lesson) else 1
    if kind is ABSENCES:
        return -1 if _ends_before(kept["a"], window) else 0
    return 0


def _ends_before(absence: Mapping[str, Any], window: Window) -> bool:
    return parse_timestamp(absence["endTime"]) < window.start


def _not_answered(kind: Kind, error: NotAnswered) -> TemporaryError:
    return TemporaryError(
        f"ss12000: {kind.resource} could not be read",
        why=f"the supplier answered {error.status}",
        fix="See what the hub's account may read, and base_url",
        code="refused",
    )
