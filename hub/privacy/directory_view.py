"""The directory as one connector's contract lets it be seen: every answer passes the gate as events do.

The gate decides on each entity's last event for the recipient, the intents are durable before the answer, and the
decisions are checked again in the turn in which the answer is returned. Runs on the hub's loop.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any, Final

import orjson

from hub.bus.base import Log, Place
from hub.directory import questions
from hub.directory.directory import Directory, Protection
from hub.privacy.base import Decision, Recipient, Rule
from hub.privacy.before import refused, unread
from hub.privacy.telling import Telling, Unsettled, settled
from hub.store.base import Store
from plugins.errors import TemporaryError
from schemas import Category
from schemas.event import parse_timestamp
from schemas.schedule import LessonCancelled

SUBSCRIPTION: Final = "directory"  # the name for questions in the log of disclosures
_PAGE: Final = 500  # bodies read at a time: the event loop is shared
_TRIES: Final = 5

Asked = Sequence[Place | Decision]
"""Places of states to read, and denials of states that are not read."""


class GuardedDirectory:
    """Implements `plugins.connector.DirectoryView` for one recipient. Raises TemporaryError, LogUnavailable,
    StoreUnavailable.
    """

    def __init__(
        self,
        *,
        directory: Directory,
        telling: Telling,
        store: Store,
        log: Log,
        recipient: Recipient,
        person_of: Callable[[Recipient, str], str],
    ) -> None:
        """`person_of(recipient, name)`: the SS 12000 id behind the recipient's name for a person, or ValueError."""
        self._directory = directory
        self._store = store
        self._log = log
        self._recipient = recipient
        self._person_of = person_of
        self._categories = telling.categories(recipient)
        self._telling = telling
        self._teller = telling.to(recipient, SUBSCRIPTION)
        # Entities left out of their last answer, since deciding on them failed -> the persons that each is about.
        self._undecided: dict[str | None, tuple[str, ...]] = {}
        self._reduced: dict[Place, Decision] = {}  # states that were reduced before (`_keep`)

    async def persons(
        self, *, organisations: Sequence[str] = (), groups: Sequence[str] = (), on: date
    ) -> Sequence[Mapping[str, Any]]:
        """See `DirectoryView.persons`. Persons have `groups` and `diet` if the contract has the category."""
        directory, allowed = self._directory, self._categories

        def places() -> Asked:
            return [self._person(id) for id in questions.pupils(directory, organisations, groups, on)]

        answer = []
        decisions = await self._decisions(places)
        members = questions.Members(directory, on)
        for decision in decisions:
            person = decision.stored.about[0]
            seen = dict(self._data(decision))
            if Category.GROUP in allowed:
                seen["groups"] = members.groups_of(person)
            if Category.DIET in allowed:
                seen["diet"] = questions.diet_of(directory, person, on)
            answer.append(seen)
        return sorted(answer, key=_shown_id)

    async def staff(self, *, organisations: Sequence[str] = (), on: date) -> Sequence[Mapping[str, Any]]:
        """See `DirectoryView.staff`. That a person is staff is data of their duty: the contract needs its category."""
        directory = self._directory
        if Category.STAFF not in self._categories:
            return []

        def places() -> Asked:
            found = questions.staff(directory, organisations, on)
            duties = [(directory.duties[id].at, id, person) for person, ids in found.items() for id in ids]
            return [
                *(self._person(id) for id in found),
                *(self._unless_closed(at, f"duty/{id}", person) for at, id, person in duties),
            ]

        seen = self._by_kind(await self._decisions(places))
        answer: dict[str, dict[str, Any]] = {}
        for duty in seen["duty"].values():
            id = duty["person"]["id"]
            person = seen["person"].get(id.lower(), {"id": id})
            answer.setdefault(id.lower(), {**person, "duties": []})["duties"].append(duty)
        return sorted(answer.values(), key=_shown_id)

    async def groups(self, *, organisations: Sequence[str] = ()) -> Sequence[Mapping[str, Any]]:
        """Reduced SS 12000 groups of these organisations and their parts (none given: all)."""
        directory = self._directory
        return await self._all(lambda: questions.owned(directory, directory.groups, organisations))

    async def rooms(self, *, organisations: Sequence[str] = ()) -> Sequence[Mapping[str, Any]]:
        """Reduced SS 12000 rooms of these organisations and their parts (none given: all)."""
        directory = self._directory
        return await self._all(lambda: questions.owned(directory, directory.rooms, organisations))

    async def organisations(self) -> Sequence[Mapping[str, Any]]:
        """Reduced SS 12000 organisations."""
        known = self._directory.organisations
        return await self._all(lambda: [each.at for each in known.values()])

    async def activity(self, id: str) -> Mapping[str, Any] | None:
        """A reduced SS 12000 activity; None if it is unknown or not to be seen."""
        known = self._directory.activities
        answer = await self._all(lambda: [known[id.lower()].at] if id.lower() in known else [])
        return answer[0] if answer else None

    async def lessons(
        self,
        *,
        on: date,
        room: str | None = None,
        teacher: str | None = None,
        group: str | None = None,
        organisations: Sequence[str] = (),
    ) -> Sequence[Mapping[str, Any]]:
        """See `DirectoryView.lessons`.

        The index finds candidates in the whole data. Whether a candidate is in the answer depends only on data that the
        recipient may see: a filter on hidden data would reveal that data.
        """
        directory = self._directory
        await directory.schedule.loaded(self._log)
        question = questions.LessonQuestion(
            on=on,
            room=None if room is None else room.lower(),
            group=None if group is None else group.lower(),
            organisations=frozenset(organisations),
        )
        by_activity = group is not None or teacher is not None

        def places() -> Sequence[Place]:
            names = None if teacher is None else self._teacher(teacher)
            rows = questions.lessons(directory, question, names)
            activities = {id for row in rows for id in row.found_by.activities} if by_activity else set()
            duties = () if names is None else (duty for id in names if (duty := directory.duties.get(id)) is not None)
            return [
                *(row.at for row in rows),
                *(directory.activities[id].at for id in activities if id in directory.activities),
                *(duty.at for duty in duties),
            ]

        seen = self._by_kind(await self._decisions(places, changing=True))
        # The recipient knows the teacher by the id in its question, and by those duties that it may see.
        names = None if teacher is None else frozenset({teacher.lower(), *seen["duty"]})
        found = []
        for lesson in seen["lesson"].values():
            activity = seen["activity"].get(lesson["activity"]["id"].lower(), {})
            if questions.answers(directory, question, names, lesson, activity):
                found.append(lesson)
        return sorted(found, key=lambda each: (parse_timestamp(each["startTime"]), each["id"]))

    def _teacher(self, name: str) -> frozenset[str]:
        """The ids in the log of the teacher or duty to which the recipient gives this name.

        Empty if the contract shows no staff, and for a person who is not open. The filter would remove all lessons
        then, but the time for reading them first would reveal that there are some.
        """
        directory = self._directory
        if Category.STAFF not in self._categories:
            return frozenset()
        if name.lower() in directory.duties:
            person, found = directory.duty_person(name.lower()), {name.lower()}
        else:
            try:
                person = self._person_of(self._recipient, name)
            except ValueError:
                return frozenset()
            found = {person, *directory.duties_of(person)}
        open_ = person is not None and directory.protection(person, directory.clock.utc()) is Protection.OPEN
        return frozenset(found) if open_ else frozenset()

    async def complete(self, organisations: Sequence[str], on: date) -> bool:
        """Whether every person there is known and all their sources are fresh.

        A recipient that does not make sums learns of freshness only: it must not learn that a person is not known yet.
        """
        directory = self._directory
        now = directory.clock.utc()
        if self._recipient.aggregates:
            left_out = {person for about in self._undecided.values() for person in about}
            missing = left_out.intersection(questions.pupils(directory, organisations, (), on))
            return not missing and questions.complete(directory, organisations, on, now)
        sources = {directory.persons[id].owner.source for id in questions.pupils(directory, organisations, (), on)}
        return questions.has_latest(directory, sources, now)

    def _person(self, id: str) -> Place | Decision:
        owner = self._directory.persons[id].owner
        return self._unless_closed(owner.at, f"person/{id}/{owner.source}", id)

    def _unless_closed(self, at: Place, entity: str, person: str) -> Place | Decision:
        """The place to read; or the denial, if nothing about this person may be told: then nothing is read."""
        now_us = self._directory.clock.utc_us()
        return refused(self._directory, self._recipient, unread("", at, entity, (person,)), now_us) or at

    # -- the way of every answer --------------------------------------------------------------------------------

    async def _all(self, places: Callable[[], Asked]) -> Sequence[Mapping[str, Any]]:
        """The reduced data of the entities whose states are at these places, as far as they may be seen."""
        return [self._data(decision) for decision in await self._decisions(places)]

    async def _decisions(
        self, places: Callable[[], Asked], *, changing: bool = False
    ) -> Sequence[Decision]:  # fmt: skip
        """The decisions that allow, in a turn in which all of them hold, with durable intents.

        `places` is called for each attempt. `changing`: these types have events that list what changed, so the
        recipient may get an entity as it was before its last change.
        """
        found: list[Decision] | None = None

        async def decide() -> None:
            nonlocal found
            found = await self._decide(places(), changing=changing)

        try:
            await decide()
            return await settled(
                lambda: found if found is not None and self._telling.holds(found) else None, decide, _TRIES
            )
        except Unsettled:
            raise self._unsettled() from None

    def _by_kind(self, decisions: Sequence[Decision]) -> Mapping[str, Mapping[str, dict[str, Any]]]:
        """The reduced data by kind of entity, then by the id that the recipient sees (lower case)."""
        found: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
        for decision in decisions:
            data = dict(self._data(decision))
            kind = (decision.stored.entity or "").partition("/")[0]
            if kind == "lesson":
                data["cancelled"] = data.get("cancelled") is True or decision.stored.type == LessonCancelled.spec.type
            found[kind][data["id"].lower()] = data
        return found

    async def _decide(self, asked: Asked, *, changing: bool) -> list[Decision] | None:
        """Decide on these states and make the decisions durable. None if a state was replaced and trimmed meanwhile."""
        ledger = self._teller.ledger()
        allowed: list[Decision] = []
        places: list[Place] = []
        for each in asked:
            if isinstance(each, Decision):
                ledger.refuse(each)
            else:
                places.append(each)
        for start in range(0, len(places), _PAGE):
            page = places[start : start + _PAGE]
            again = {} if changing else self._kept(page)
            allowed += again.values()
            unread = [place for place in page if place not in again]
            if not unread:
                continue
            # One read, whatever is there: a second one for changes would take time and reveal a change that is hidden.
            found = await self._log.get(unread, state=changing)
            if len(found) != len(unread):
                return None
            for stored in found:
                decision = ledger.judge(stored, state=True)
                self._undecided.pop(stored.entity, None)
                if decision.allowed:
                    allowed.append(decision)
                    if self._recipient.aggregates and not changing:
                        self._keep(decision)
                elif decision.rule is Rule.UNDECIDED:
                    ledger.withhold(decision)
                    self._undecided[stored.entity] = stored.about
        ledger.disclose(allowed)
        if not allowed:
            ledger.store_beside()  # an answer with nothing waits for no commit, whether something was withheld or not
        if operations := ledger.operations():
            await self._store.commit(*operations)
        return allowed

    def _kept(self, places: Sequence[Place]) -> Mapping[Place, Decision]:
        """Those kept decisions on these states that hold now."""
        found = ((place, self._reduced.get(place)) for place in places)
        return {place: decision for place, decision in found if decision and self._telling.holds((decision,))}

    def _keep(self, decision: Decision) -> None:
        """Keep what was left of a state, so that the next sum over the same pupils need not read and reduce it again.

        Only for a recipient that makes sums. Another one could tell by the time of an answer whether it lacks persons:
        nothing is kept of a state that is withheld.
        """
        if len(self._reduced) > 2 * len(self._directory.persons) + _PAGE:
            self._reduced.clear()  # most are of states that were replaced
        left = replace(decision.stored, body=orjson.dumps(decision.content), earlier=(), _parsed=None)
        self._reduced[left.at] = replace(decision, stored=left, reduced=None, unchanged=True)

    @staticmethod
    def _data(decision: Decision) -> Mapping[str, Any]:
        # A connector may modify its answer, so the answer shares no object with a stored event.
        content: Any = orjson.loads(decision.stored.body) if decision.unchanged else decision.content
        data: Mapping[str, Any] = content["data"]
        return data

    def _unsettled(self) -> TemporaryError:
        return TemporaryError(
            "the directory could not be read",
            why="it changed each time between the decision and the answer",
            fix="The hub tries again; if this lasts, look for a source that sends the same persons over and over",
            code="directory-unsettled",
        )


def _shown_id(seen: Mapping[str, Any]) -> str:
    """The order of persons in an answer. The order of their real ids would let two recipients match pseudonyms."""
    id: str = seen["id"]
    return id
