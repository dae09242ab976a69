"""Pulling one school system: whole resources, the changes in them, and removals.

A record counts as gone only if it is missing in a list that was read as a whole, and a query by id does not find it.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

from connectors.ss12000 import words
from connectors.ss12000.client import Client, NotAnswered, NotOffered, Query
from connectors.ss12000.config import Ss12000Config
from connectors.ss12000.delta import DEEP_OVERLAP, MOST_OVERLAP, OVERLAP, Watermark, stands_for, went_back
from connectors.ss12000.kinds import (
    ABSENCES,
    ATTENDANCES,
    DIRECTORY,
    GROUPS,
    LESSONS,
    ORGANISATIONS,
    PERSONS,
    PRESENCES,
    Kind,
)
from connectors.ss12000.lessons import Window
from connectors.ss12000.lists import CHUNK, Listed, Lists, ends_before
from connectors.ss12000.mapping import end_of
from connectors.ss12000.reader import id_of
from connectors.ss12000.words import SUPPLIER
from plugins import Context

WINDOW: Final = f"window/{LESSONS.resource}"  # state: the days that the last whole reading of lessons covered
_BACK: Final = "back"  # state: keys of records that a list had while /deletedEntities named them
_MISSED: Final = "missed/"  # state: the overlap in seconds of a resource whose changes were missed
_AT_A_TIME: Final = 8  # queries by id that wait for an answer
_NO_SUCH_FILTER: Final = frozenset({400, 422, 501})
_FEW_CHANGES: Final = 20  # changes; that many may all be records that the hub can't read
_CHECKED_EVERY: Final = timedelta(minutes=5)
_DEEP_EVERY: Final = timedelta(minutes=5)  # a morning's absences are too many to be read again at every poll
_FEW_ABSENCES: Final = 3  # fewer may all have been withdrawn since
_REQUIRED: Final = frozenset({PERSONS.resource})


class Source(Lists):
    """Reads resources of one supplier into the hub. One call at a time."""

    def __init__(self, config: Ss12000Config, ctx: Context, client: Client) -> None:
        super().__init__(config, ctx, client)
        self._whole: set[str] = set()  # resources whose changes the supplier can't give
        self._absences_seen: datetime | None = None  # when the whole list was last seen to have a record
        self._looked_deep: datetime | None = None  # when changes of absences were last asked for by `DEEP_OVERLAP`
        self._doubted: dict[str, str] = {}  # digest of the reported records whose removal is unconfirmed, by resource

    # -- whole resources ----------------------------------------------------------------------------------------

    def watermark(self, name: str) -> Watermark | None:
        return Watermark.kept(self.ctx.state.get(f"mark/{name}"))

    async def pull(self, kind: Kind, window: Window, *, full: bool) -> None:
        """Bring a resource up to date: all of it, or what has changed since. Not for lessons. Raises TemporaryError."""
        mark = self.watermark(kind.resource)
        if self.ctx.state.get(f"absent/{kind.resource}") and not full:
            return
        try:
            # A list that was always empty is read whole: once the account may see records, they need not have changed.
            # So are organisations, which are few: no change and no rights any more look the same in a list of changes.
            whole = kind is ORGANISATIONS or (kind is PERSONS and self._ever_missed())
            if mark is None or full or whole or self.holding.due(kind) or not self.knows(kind):
                ended = await self._all(kind, window)
                if kind is PERSONS and ended and not full:  # a full pull reads all groups in a moment
                    await self.reread_groups(self.groups_of(set(ended)), window)
            else:
                await self._changes(kind, window, mark)
        except NotOffered:
            await self.not_offered(kind)
        except NotAnswered as error:
            raise SUPPLIER.temporary(words.REFUSED, resource=kind.resource, status=error.status) from None

    async def not_offered(self, kind: Kind) -> None:
        """The list is a 404: report it once. Records read from it before stay."""
        if kind.resource in _REQUIRED or self.watermark(kind.resource) is not None:
            raise SUPPLIER.temporary(words.NOT_THERE, resource=kind.resource)
        if not self.ctx.state.get(f"absent/{kind.resource}"):
            async with self.ctx.commit() as tx:
                tx.state[f"absent/{kind.resource}"] = True
            self.ctx.problem("not-offered", f"{kind.resource}: the supplier does not offer it (404)")

    async def _all(self, kind: Kind, window: Window) -> list[str]:
        """Read the whole list; returns the ids of records that are gone."""
        began = self.ctx.clock.utc()
        filters = self._first_filters(kind, window)
        mark = self.watermark(kind.resource)
        after = None if mark is None or kind.resource in self._whole else mark.begins(self.overlap(kind.resource, mark))
        try:
            listed = await self.read_list(kind, filters, window, after=after)
        except NotAnswered:
            if not filters:
                raise
            listed = await self.read_list(kind, {}, window, after=after)
        _must_be_read(kind, listed, at_most=0)
        ended = [] if kind in (ATTENDANCES, PRESENCES) else await self.removals(kind, listed.seen, window)
        await self._note_missed(kind, listed, mark)
        await self.keep_mark(kind.resource, listed, began)
        return ended

    async def _note_missed(self, kind: Kind, listed: Listed, mark: Watermark | None) -> None:
        """Report changes that no list of changes had brought, and ask further back from now on."""
        if mark is None or not listed.missed:
            return
        overlap = self.overlap(kind.resource, mark)
        grown = min(overlap + listed.missed_by + OVERLAP, MOST_OVERLAP)
        async with self.ctx.commit() as tx:
            tx.state[f"{_MISSED}{kind.resource}"] = grown.total_seconds()
        minutes = f"{listed.missed_by.total_seconds() / 60:.0f} min"
        self.ctx.problem(
            "changes-missed",
            f"{kind.resource}: {listed.missed} changes were found later than by a poll, stamped up to {minutes} "
            "too early for the polls: the supplier's clock or its meta.modified is wrong; ask it to mend that. Polls "
            f"now ask {grown.total_seconds() / 60:.0f} min back, and read all persons each time",
        )

    def _ever_missed(self) -> bool:
        """Whether changes of any list were missed. It stays so: a supplier that mends its clock is not noticed."""
        return bool(self.ctx.state.under(_MISSED))

    def overlap(self, name: str, mark: Watermark) -> timedelta:
        """How far before the watermark changes are asked for: more where changes were missed."""
        wish = self.config.dialect.overlap
        usual = mark.usual_overlap() if wish is None else wish
        if name == PERSONS.resource:  # they are few, and a mark whose stamp is hours off must not wait
            usual = max(usual, DEEP_OVERLAP)
        return max(usual, timedelta(seconds=self.ctx.state.get(f"{_MISSED}{name}", 0)))

    async def _changes(self, kind: Kind, window: Window, mark: Watermark) -> None:
        began = self.ctx.clock.utc()
        overlap = self.overlap(kind.resource, mark)
        # Kitchens rest on absences: a clock that begins to lie in the morning must not wait for the night.
        deep = kind is ABSENCES and (self._looked_deep is None or began - self._looked_deep >= _DEEP_EVERY)
        filters = {"meta.modified.after": mark.after(max(overlap, DEEP_OVERLAP) if deep else overlap)}
        try:
            listed = await self.read_list(kind, filters, window, after=mark.begins(overlap) if deep else None)
        except NotAnswered as error:
            if error.status not in _NO_SUCH_FILTER:
                raise
            if kind.resource not in self._whole:
                self._whole.add(kind.resource)
                self.ctx.problem("no-changes", f"{kind.resource}: meta.modified.after is refused; all of it is read")
            await self._all(kind, window)
            return
        _must_be_read(kind, listed, at_most=_FEW_CHANGES)
        if went_back(mark, listed.date):
            self.ctx.problem("clock-went-back", f"{kind.resource}: the supplier's clock is behind what it was")
            await self._all(kind, window)
            return
        if kind is ABSENCES and not listed.count:
            await self._check_absences(window)
        if deep:
            self._looked_deep = began
            await self._note_missed(kind, listed, mark)
        if listed.offsets is None:
            listed.offsets = mark.offsets
        listed.newest = max(listed.newest or mark.at, mark.at)
        await self.keep_mark(kind.resource, listed, began)

    async def _check_absences(self, window: Window) -> None:
        """Raises TemporaryError if the whole list is empty although absences are known.

        A list of changes is empty too where the account may read absences no more. Only the first record is asked for.
        """
        now = self.ctx.clock.utc()
        if self._absences_seen is not None and now - self._absences_seen < _CHECKED_EVERY:
            return
        kept = self.ctx.state.under(f"{ABSENCES.name}/")
        known = sum(not ends_before(each["a"], window) for each in kept.values())
        if known < _FEW_ABSENCES:
            return
        try:
            if not await self.client.has_any(ABSENCES.resource):
                raise SUPPLIER.temporary(words.EMPTIED, resource=ABSENCES.resource, count=known)
        except NotAnswered:  # some suppliers want a filter: then the nightly reading finds it
            pass
        self._absences_seen = now

    def _first_filters(self, kind: Kind, window: Window) -> Query:
        if kind is ABSENCES:
            return {"endTime.onOrAfter": window.start.isoformat()}
        # They have no filter on their own time, so read those that were registered in the window.
        if kind in (ATTENDANCES, PRESENCES):
            return {"meta.modified.after": Watermark(window.start).after(timedelta(0))}
        return {}

    async def keep_mark(self, name: str, listed: Listed, began: datetime) -> None:
        """Store how far a list was read, after its end. `began`: machine time."""
        known = (each for each in (listed.date, listed.newest) if each is not None)
        mark = Watermark(min((began, *known)), listed.offsets is not False)
        async with self.ctx.commit() as tx:
            tx.state[f"mark/{name}"] = mark.to_keep()
            if f"absent/{name}" in tx.state:
                del tx.state[f"absent/{name}"]

    # -- removals ----------------------------------------------------------------------------------------------

    async def removals(self, kind: Kind, seen: set[str], window: Window) -> list[str]:
        """Publish the end of known records in scope that a whole list lacked and that a query by id does not find.

        `seen`: the ids that the list had. Returns the ids of records that are gone.
        """
        state, prefix = self.ctx.state, f"{kind.name}/"
        before = state.get(WINDOW)
        old = window if before is None else Window(*map(date.fromisoformat, before))
        missing: list[str] = []
        past: list[str] = []
        known = 0
        kept = state.under(prefix)
        for name in kept:
            id = name[len(prefix) :]
            if id in seen:
                known += 1
                continue
            place = _placed(kind, kept[name], window, old)
            if place == 0:
                known += 1
                missing.append(id)
            elif place < 0:
                past.append(id)
        await self._forget(kind, past)
        if not await self.holding.believable(kind, "missing", missing, known):
            return []
        ended = await self.gone(kind, missing, window, announced=False)
        await self.holding.over(kind, "missing")
        return ended

    def knows(self, *kinds: Kind) -> bool:
        """Whether the connector knows a record of one of these resources."""
        return any(self.count(kind) for kind in kinds)

    def count(self, kind: Kind) -> int:
        """The number of records of this resource that the connector knows."""
        return len(self.ctx.state.under(f"{kind.name}/"))

    async def gone(self, kind: Kind, ids: Sequence[str], window: Window, *, announced: bool) -> list[str]:
        """Publish the end of records that a query by id does not find; returns their ids. A record that is found stays.

        `announced`: /deletedEntities named them and no list has had them since, so they are gone even if the supplier
        does not answer by id.
        """
        back = self.back()
        ended: list[str] = []
        unsure: list[str] = []
        for start in range(0, len(ids), _AT_A_TIME * 8):
            part = ids[start : start + _AT_A_TIME * 8]
            answers = await self._by_id(kind, part)
            found = [raw for raw in answers.values() if raw is not None and not isinstance(raw, NotAnswered)]
            over = [
                id
                for id, raw in answers.items()
                if raw is None or (isinstance(raw, NotAnswered) and (announced or kind.key(id) in back))
            ]
            unsure += [id for id, raw in answers.items() if isinstance(raw, NotAnswered) and id not in over]
            # By id, some suppliers leave out parts that their lists have (enrolments, responsibles). So only records
            # of kinds without such parts are read by id; the other kinds come with a list.
            if kind in (LESSONS, ABSENCES):
                listed = Listed()
                await self.take(kind, found, window, listed)
                self.report(kind, listed)
            elif found and not announced:
                self.ctx.problem("not-listed", f"{len(found)} {kind.resource} are there, but not in the list")
            async with self.ctx.commit() as tx:
                for id in over:
                    key = kind.key(id)
                    before = tx.state.get(key)
                    if before is None:
                        continue
                    news = end_of(kind, id, before)
                    if news is not None:
                        tx.publish(*news)
                    del tx.state[key]
            ended += over
        if not announced:
            self._doubt(kind, unsure)
        return ended

    def back(self) -> set[str]:
        """Keys of the records that a list had while /deletedEntities named them: the announcement is not believed."""
        return set(self.ctx.state.get(_BACK, ()))

    async def keep_back(self, named: set[str]) -> None:
        """Store which of all the records that /deletedEntities names (by key) a list had since."""
        before = self.back()
        back = {key for key in named & (before | self.came) if key in self.ctx.state}
        if back != before:
            async with self.ctx.commit() as tx:
                tx.state[_BACK] = sorted(back)

    def _doubt(self, kind: Kind, unsure: Sequence[str]) -> None:
        """Report once that these records are in no list and can't be queried by id; again for other records."""
        if not unsure:
            self._doubted.pop(kind.resource, None)
        elif self._doubted.get(kind.resource) != (which := stands_for(unsure)):
            self._doubted[kind.resource] = which
            self.ctx.problem(
                "not-confirmed", f"{len(unsure)} {kind.resource} are not listed, and asking by id is not answered"
            )

    async def reread_groups(self, ids: Sequence[str], window: Window) -> None:
        """Publish these groups as they are now. If a query by id does not give members, read the whole list."""
        answers = (await self._by_id(GROUPS, ids)).values()
        found = [raw for raw in answers if isinstance(raw, Mapping) and isinstance(raw.get("groupMemberships"), list)]
        if len(found) < len(ids):
            await self._all(GROUPS, window)
            return
        listed = Listed()
        await self.take(GROUPS, found, window, listed)
        self.report(GROUPS, listed)

    def groups_of(self, persons: set[str]) -> list[str]:
        """Ids of the groups that have one of these persons as a member, as last published."""
        prefix = f"{GROUPS.name}/"
        kept = self.ctx.state.under(prefix)
        return [name[len(prefix) :] for name, value in kept.items() if not persons.isdisjoint(value[1])]

    async def _by_id(self, kind: Kind, ids: Sequence[str]) -> dict[str, Any]:
        """The record of each id, None if there is none, NotAnswered if the supplier does not answer such a query."""
        turn = asyncio.Semaphore(_AT_A_TIME)

        async def ask(id: str) -> Any:
            async with turn:
                try:
                    raw, _ = await self.client.one(kind.resource, id)
                except NotAnswered as error:
                    return error
                # An answer about another record says nothing about this one.
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
        """Forget attendance that was registered before the window."""
        state, first = self.ctx.state, window.first.isoformat()
        for kind in (ATTENDANCES, PRESENCES):
            prefix = f"{kind.name}/"
            kept = state.under(prefix)
            old = [name[len(prefix) :] for name, value in kept.items() if value[1] < first]
            await self._forget(kind, old)


def _must_be_read(kind: Kind, listed: Listed, *, at_most: int) -> None:
    """Raises TemporaryError for a list of the directory or of absences with more than `at_most` records, of which none
    can be read.
    """
    if kind in (*DIRECTORY, ABSENCES) and listed.count > at_most and not listed.readable:
        raise SUPPLIER.temporary(words.UNREADABLE, resource=kind.resource, count=listed.count)


def _placed(kind: Kind, kept: Any, window: Window, old: Window) -> int:
    """Where a known record lies: 0 within the days that this list and the list before it cover, below 0 before those
    days (to be forgotten), above 0 after them.
    """
    if kind is LESSONS:
        lesson = kept["l"]
        return -1 if window.is_past(lesson) else 0 if window.has(lesson) and old.has(lesson) else 1
    if kind is ABSENCES:
        return -1 if ends_before(kept["a"], window) else 0
    return 0
