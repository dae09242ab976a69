"""Lists of records into events: news in a page is published and kept, in a commit for every few hundred records.

The state and the event of a record go into one commit, so that a list that breaks off anywhere loses nothing, and
publishes nothing twice when it is read again.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from connectors.ss12000 import lessons, words
from connectors.ss12000.client import Client, ListExpired, Query
from connectors.ss12000.config import Ss12000Config
from connectors.ss12000.delta import has_offset, modified
from connectors.ss12000.growth import Growth, Room
from connectors.ss12000.holding import Holding
from connectors.ss12000.kinds import ABSENCES, DIRECTORY, GROUPS, LESSONS, PERSONS, PRESENCES, Kind
from connectors.ss12000.lessons import Window
from connectors.ss12000.mapping import bare, belongs_to, digest_kept, is_bare, news_of, to_keep
from connectors.ss12000.reader import digest, id_of, read
from connectors.ss12000.words import SUPPLIER
from plugins import Context, PermanentError, Transaction
from schemas.event import parse_timestamp

CHUNK: Final = 500  # records in one commit
_TRIES: Final = 3  # attempts to read a list in one pull when its pageToken runs out
_REMEMBERED: Final = 10_000  # records whose fault was reported already


@dataclass(slots=True)
class Listed:
    """Findings from reading a list."""

    seen: set[str] = field(default_factory=set)  # ids
    count: int = 0
    readable: int = 0  # records that were understood, now or before
    date: datetime | None = None  # the supplier's clock when it began
    offsets: bool | None = None  # whether times in `meta` have offsets; a single one without makes it False
    newest: datetime | None = None  # the newest `meta.modified`
    after: datetime | None = None  # a list of changes would have had no record stamped earlier than this
    missed: int = 0  # news that such a list had not brought
    missed_by: timedelta = timedelta()  # how far the oldest of them was stamped before `after`
    reasons: Counter[str] = field(default_factory=Counter)
    # Records that lose all they belonged to, by id; None: these are published like all others.
    emptied: dict[str, Any] | None = None
    room: Room | None = None  # for new records; None: these records were asked for by their ids


class Known:
    """The parts of activities and duties that lessons need, read from the state once for a list."""

    def __init__(self, state: Mapping[str, Any]) -> None:
        self._state = state
        self._activities: dict[str, tuple[Mapping[str, Any] | None, dict[str, str], str]] = {}

    def of(self, raw: Mapping[str, Any]) -> tuple[Mapping[str, Any] | None, dict[str, str], str]:
        """The activity of a calendarEvent, the person of each of its duties, and a stamp of both."""
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


class Lists:
    """Reads lists of one supplier into the hub. One call at a time."""

    def __init__(self, config: Ss12000Config, ctx: Context, client: Client) -> None:
        self.config = config
        self.ctx = ctx
        self.client = client
        self.holding = Holding(ctx)
        self.growth = Growth(ctx, config.max_new)
        self.came: set[str] = set()  # keys of the records that lists had in this lap; a new lap clears it
        self._complained: set[str] = set()

    async def read_list(self, kind: Kind, filters: Query, window: Window, *, after: datetime | None = None) -> Listed:
        """Read a list and publish its news. Raises NotOffered, NotAnswered, TemporaryError.

        `after`: for a whole list, from when on the last list of changes had them: older news counts as missed.
        """
        for _ in range(_TRIES):
            room = self.growth.room(kind)
            listed = Listed(room=room, after=after, emptied={} if kind in (PERSONS, GROUPS) else None)
            try:
                async for page in self.client.pages(kind.resource, filters):
                    listed.date = listed.date or page.date
                    await self.take(kind, page.data, window, listed)
                    if self.growth.is_endless(room):
                        break
                if listed.emptied is not None and not room.refused:
                    await self._take_emptied(kind, window, listed, whole="meta.modified.after" not in filters)
            except ListExpired:
                continue  # records read so far are known: reading them again publishes nothing
            finally:
                self.report(kind, listed)
            if room.refused:
                raise self.growth.too_many(kind)
            await self.growth.over(kind)
            return listed
        raise SUPPLIER.temporary(words.EXPIRED, resource=kind.resource, tries=_TRIES)

    async def _take_emptied(self, kind: Kind, window: Window, listed: Listed, *, whole: bool) -> None:
        """Publish the records that lost all they belonged to, unless that is every record, or every one of a school:
        this waits for a person.
        """
        emptied, listed.emptied = listed.emptied or {}, None
        if emptied:
            prefix = f"{kind.name}/"
            kept = self.ctx.state.under(prefix)
            known = {
                name[len(prefix) :]: value
                for name, value in kept.items()
                if self._belongs(kind, belongs_to(kind, value))
            }
            if not await self.holding.may_empty(kind, known.keys() & emptied.keys(), known):
                return
        records = list(emptied.values())
        for start in range(0, len(records), CHUNK):
            async with self.ctx.commit() as tx:
                for raw in records[start : start + CHUNK]:
                    listed.seen.discard(id_of(raw) or "")  # not a second time: the first was put aside
                    self._record(tx, kind, raw, window=window, listed=listed)
        if whole:
            await self.holding.over(kind, "emptied")

    def _belongs(self, kind: Kind, ids: Iterable[str]) -> bool:
        """Whether a school of a person, or a member of a group, is known. All are if that list is not pulled."""
        resource, name = ("organisations", "organisation") if kind is PERSONS else ("persons", "person")
        return any(resource not in self.config.resources or f"{name}/{id}" in self.ctx.state for id in ids)

    def _is_emptied(self, kind: Kind, record: Mapping[str, Any], before: Any) -> bool:
        if kind is PERSONS and record.get("securityMarking") != "Ingen":
            return False  # a mark, or its absence, waits for nothing
        now = belongs_to(kind, to_keep(kind, record, "", ""))
        return self._belongs(kind, belongs_to(kind, before)) and not self._belongs(kind, now)

    async def take(self, kind: Kind, records: Sequence[Any], window: Window, listed: Listed) -> None:
        """Publish and keep the news in these records, a chunk at a time."""
        known = Known(self.ctx.state) if kind is LESSONS else None
        for start in range(0, len(records), CHUNK):
            async with self.ctx.commit() as tx:
                for raw in records[start : start + CHUNK]:
                    listed.count += 1
                    if known is not None:
                        self._lesson(tx, raw, known=known, window=window, listed=listed)
                    else:
                        self._record(tx, kind, raw, window=window, listed=listed)
                if listed.room is not None:
                    self.growth.note(tx, kind, listed.room)
            await asyncio.sleep(0)

    def _record(self, tx: Transaction, kind: Kind, raw: Any, *, window: Window, listed: Listed) -> None:
        offsets = has_offset(raw)
        if offsets is not None:
            listed.offsets = offsets and listed.offsets is not False
        stamp = modified(raw)
        if stamp is not None:
            listed.newest = stamp if listed.newest is None else max(listed.newest, stamp)
        id = id_of(raw)
        if id is None:
            self._refused(listed, raw, read(kind, raw).reasons)
            return
        key, now = kind.key(id), digest(raw)
        before = tx.state.get(key)
        if not self._is_news(kind, id, raw, listed, unchanged=digest_kept(before) == now):
            listed.readable += not is_bare(kind, before)
            return
        record = self._read(kind, raw, listed)
        readable = record is not None and (kind not in DIRECTORY or _says_something(kind, raw, record))
        listed.readable += readable
        if listed.emptied is not None:
            listed.emptied.pop(id, None)
            if record is not None and readable and self._is_emptied(kind, record, before):
                listed.emptied[id] = raw
                return
        if listed.after is not None and stamp is not None and stamp <= listed.after:
            listed.missed += 1
            listed.missed_by = max(listed.missed_by, listed.after - stamp)
        if not readable:
            record = _bare(id, raw) if kind is PERSONS else None
        if record is None or (kind is ABSENCES and before is None and ends_before(record, window)):
            return
        if before is None and not _has_room(listed):
            return
        news = news_of(kind, record, before)
        if news is None and kind is PRESENCES:
            self._refused(listed, raw, ["eventType: is a value that the hub does not know"])
        if news is not None and not self._publish(tx, news, raw, listed):
            if kind is not PERSONS:
                return
            # The newest event about a person must have their newest mark, even if the rest is unreadable.
            tx.publish(PERSONS.model, _bare(id, raw))
            readable = False
        if readable:
            tx.state[key] = to_keep(kind, record, now, self.ctx.clock.school().date().isoformat())
        else:
            tx.state[key] = bare(now)

    def _lesson(self, tx: Transaction, raw: Any, *, known: Known, window: Window, listed: Listed) -> None:
        id = id_of(raw)
        if id is None:
            self._refused(listed, raw, read(LESSONS, raw).reasons)
            return
        activity, persons, stamp = known.of(raw)
        key, now = LESSONS.key(id), f"{digest(raw)}{stamp[:8]}"
        before = tx.state.get(key)
        if not self._is_news(LESSONS, id, raw, listed, unchanged=digest_kept(before) == now):
            return
        record = self._read(LESSONS, raw, listed)
        if record is None:
            return
        lesson = lessons.lesson(record, activity, persons)
        if before is None and (not window.has(lesson) or not _has_room(listed)):
            return
        news = lessons.compare(before["l"] if before is not None else None, lesson)
        if news is not None and not self._publish(tx, news, raw, listed):
            return
        tx.state[key] = {"d": now, "l": lessons.to_keep(lesson)}

    def _twice(self, kind: Kind, listed: Listed, id: str, raw: Any) -> bool:
        """Whether the list has had this id before, with other content.

        The first record counts: both would make two changes in each pull. If the record changed while the list was
        read, the next pull brings the change.
        """
        if id not in listed.seen:
            return False
        self._refused(listed, raw, ["the record: came twice, with different content"])
        # If a person comes twice, the record whose mark protects is never passed over.
        return kind is not PERSONS or raw.get("securityMarking") == "Ingen"

    def _is_news(self, kind: Kind, id: str, raw: Any, listed: Listed, *, unchanged: bool) -> bool:
        """Whether a record is news, and new in this list. In either case, notes that the list has the record."""
        news = not unchanged and not self._twice(kind, listed, id, raw)
        listed.seen.add(id)
        self.came.add(kind.key(id))
        return news

    def _read(self, kind: Kind, raw: Any, listed: Listed) -> dict[str, Any] | None:
        """The readable part of a record; notes the rest."""
        reading = read(kind, raw, self.config.dialect.times_without_offset)
        self._refused(listed, raw, reading.reasons)
        return reading.record

    def _publish(self, tx: Transaction, news: lessons.News, raw: Any, listed: Listed) -> bool:
        """False if the catalogue refuses an event that the reader accepted: one record must not stop the rest."""
        try:
            tx.publish(*news)
        except PermanentError:
            self._refused(listed, raw, ["the record: makes no valid event"])
            return False
        return True

    def _refused(self, listed: Listed, raw: Any, reasons: Iterable[str]) -> None:
        """Note why a record was refused, once for the same record with the same content."""
        reasons = list(reasons)
        if not reasons:
            return
        what = digest({"record": raw})
        if what not in self._complained:
            if len(self._complained) >= _REMEMBERED:
                self._complained.clear()
            self._complained.add(what)
            listed.reasons.update(reasons)

    def report(self, kind: Kind, listed: Listed) -> None:
        for reason, count in listed.reasons.most_common(20):
            self.ctx.problem("record-not-read", f"{kind.resource}: {reason} ({count} of {listed.count} read)")


def _has_room(listed: Listed) -> bool:
    return listed.room is None or listed.room.has_room()


def _says_something(kind: Kind, raw: Mapping[str, Any], record: Mapping[str, Any]) -> bool:
    """Whether a field of the standard is left of a record. A person may be a mark alone, if no other field was sent."""
    known = {name for name in kind.model.model_fields if _has_content(record.get(name))} - {"id", "meta"}
    return bool(known if raw.keys() <= {"id", "meta", "securityMarking"} else known - {"securityMarking"})


def _has_content(value: Any) -> bool:
    if isinstance(value, list):
        return any(map(_has_content, value))
    return value is not None and value != {}


def _bare(id: str, raw: Mapping[str, Any]) -> dict[str, Any]:
    """A person with nothing but the mark; without a readable mark the person counts as unknown."""
    mark = raw.get("securityMarking")
    return {"id": id, "securityMarking": mark} if isinstance(mark, str) else {"id": id}


def ends_before(absence: Mapping[str, Any], window: Window) -> bool:
    """Whether an absence ends before the window begins."""
    return parse_timestamp(absence["endTime"]) < window.start
