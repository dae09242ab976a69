"""The standard's objects from what a client sees: `meta`, expansions (`_embedded`), names of references."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from hub.clock import from_us
from hub.ss12000 import shapes
from hub.ss12000.index import Row
from hub.ss12000.resources import BY_KIND
from hub.ss12000.shapes import Shape, Shaper
from hub.ss12000.sight import SLICE, Seen, Sight
from schemas import Category

Out = dict[str, Any]
_NAMED: Final = frozenset({"organisation", "group", "activity", "room"})


def rfc3339(at: datetime) -> str:
    """A time in UTC as text, to the microsecond: clients use the largest one they have seen as a bound."""
    return at.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


class Rendering:
    """Makes the objects of one answer. It reports every entity that it shows to the answer's `sight`."""

    def __init__(self, sight: Sight, *, names: bool, expand: Sequence[str]) -> None:
        self._sight = sight
        self._expand = frozenset(expand)
        self._shaper = Shaper(named=names)

    async def objects(self, kind: str, seen: Sequence[Seen]) -> list[Out]:
        """The objects of a list, in the list's order."""
        out: list[Out] = []
        for number, each in enumerate(seen):
            out.append(self._object(kind, each))
            if number % SLICE == SLICE - 1:
                await asyncio.sleep(0)
        if self._expand:
            await _EXPANSIONS[kind](self, seen, out)
        if self._shaper.named:
            await self._name()
        return out

    def _object(self, kind: str, seen: Seen, shape: Shape | None = None) -> Out:
        self._sight.use(seen)
        resource = BY_KIND[kind]
        data = seen.data
        if kind == "activity":
            data = self._placed(self._by_duty(data, seen.row), seen.row)
        self._shaper.received_us = seen.row.modified_us
        shaped = (shape or resource.shape)(data, self._shaper) or {}
        out: Out = {"id": shaped.pop("id")} if "id" in shaped else {}
        if self._sight.may(resource.meta):
            out["meta"] = {
                "created": rfc3339(from_us(seen.row.created_us)),
                "modified": rfc3339(from_us(seen.row.modified_us)),
            }
        out.update(shaped)
        if kind == "lesson" and seen.decision.stored.type.endswith(".cancelled.v1"):
            out["cancelled"] = True
        return out

    def _by_duty(self, data: Mapping[str, Any], row: Row) -> Mapping[str, Any]:
        """An activity with its teachers by duty.

        If the source names persons, these are their duties at the activity's organisation, else all their duties.
        """
        teachers = data.get("teachers")
        if not teachers or all(each.get("duty") for each in teachers):
            return data
        directory = self._sight.services.directory
        at = directory.owner_of(row.id)[0]
        named = []
        for each in teachers:
            if each.get("duty") or not each.get("person"):
                named.append(each)
                continue
            person = self._sight.services.gate.person_of(self._sight.recipient, each["person"]["id"])
            duties = directory.duties_at(person, at)
            named += [{**each, "duty": {"id": duty}} for duty in duties]
        return {**data, "teachers": named}

    def _placed(self, data: Mapping[str, Any], row: Row) -> Mapping[str, Any]:
        """An activity with its organisation: without one of its own, that of its groups, as for scopes."""
        if data.get("organisation"):
            return data
        at = self._sight.services.directory.owner_of(row.id)[0]
        return data if at is None else {**data, "organisation": {"id": at}}

    # -- names of references ------------------------------------------------------------------------------------

    async def _name(self) -> None:
        """Fill in `displayName`: the name of the entity if the client may see that, else the name in the reference."""
        refs, self._shaper.refs = self._shaper.refs, []
        for kind in _NAMED:
            ids = {out["id"] for each, out in refs if each == kind}
            found = await self._sight.see_ids(kind, sorted(ids)) if ids else {}
            for each, out in refs:
                if each == kind and (seen := found.get(out["id"])) is not None and seen.data.get("displayName"):
                    self._sight.use(seen)
                    out["displayName"] = seen.data["displayName"]
        if self._sight.may((Category.NAME,)):
            await self._name_people(refs)

    async def _name_people(self, refs: Sequence[tuple[str, Out]]) -> None:
        directory = self._sight.services.directory
        person_of, recipient = self._sight.services.gate.person_of, self._sight.recipient
        wanted: list[tuple[str, Out]] = []
        duties = await self._sight.see_ids("duty", sorted({out["id"] for kind, out in refs if kind == "duty"}))
        for kind, out in refs:
            if kind == "person":
                wanted.append((person_of(recipient, out["id"]), out))
            elif (duty := duties.get(out["id"])) is not None and kind == "duty":
                person = directory.duty_person(duty.row.id)
                if person is not None:
                    self._sight.use(duty)
                    wanted.append((person, out))
        found = await self._sight.see_ids("person", sorted({person for person, _ in wanted})) if wanted else {}
        for person, out in wanted:
            seen = found.get(person)
            name = None if seen is None else _full_name(seen.data)
            if seen is not None and name:
                self._sight.use(seen)
                out["displayName"] = name

    # -- expansions ---------------------------------------------------------------------------------------------

    def _embed(self, out: Out, name: str, value: Any) -> None:
        if name in self._expand:
            out.setdefault("_embedded", {})[name] = value

    async def _some(self, kind: str, ids: Iterable[str], shape: Shape | None = None) -> dict[str, Out]:
        found = await self._sight.see_ids(kind, sorted(set(ids)))
        return {id: self._object(kind, seen, shape) for id, seen in found.items()}

    async def persons(self, seen: Sequence[Seen], out: Sequence[Out]) -> None:
        directory = self._sight.services.directory
        ids = [each.row.id for each in seen]
        duties: dict[str, Out] = {}
        groups: dict[str, Seen] = {}
        fragments: dict[str, Out] = {}
        children: dict[str, Seen] = {}
        if "duties" in self._expand:
            duties = await self._some("duty", (duty for id in ids for duty in directory.duties_of(id)))
        if "groupMemberships" in self._expand:
            groups = await self._sight.see_ids(
                "group", sorted({each for id in ids for each in directory.groups_of(id)})
            )
        if "responsibleFor" in self._expand:
            wanted = sorted({each for id in ids for each in directory.children_of(id)})
            children = await self._sight.see_ids("person", wanted)
        for id, each in zip(ids, out, strict=True):
            called = self._sight.called(id)
            self._embed(each, "duties", [duties[duty] for duty in directory.duties_of(id) if duty in duties])
            self._embed(each, "placements", [])  # the hub has no placements
            self._embed(each, "ownedPlacements", [])
            self._embed(each, "groupMemberships", self._memberships(called, directory.groups_of(id), groups, fragments))
            self._embed(each, "responsibleFor", self._children(called, directory.children_of(id), children))

    def _memberships(
        self, called: str, groups: Sequence[str], known: Mapping[str, Seen], fragments: dict[str, Out]
    ) -> list[Out]:
        found: list[Out] = []
        for group in sorted(groups):
            seen = known.get(group)
            for member in (seen.data.get("groupMemberships") or ()) if seen is not None else ():
                if member["person"]["id"].lower() == called and seen is not None:
                    dates = {name: member[name][:10] for name in ("startDate", "endDate") if member.get(name)}
                    if group not in fragments:
                        fragments[group] = self._object("group", seen, shapes.GROUP_FRAGMENT)
                    found.append({"group": fragments[group], **dates})
        return found

    def _children(self, called: str, children: Sequence[str], known: Mapping[str, Seen]) -> list[Out]:
        found: list[Out] = []
        for child in sorted(children):
            seen = known.get(child)
            for tie in (seen.data.get("responsibles") or ()) if seen is not None else ():
                person = tie.get("person")
                if seen is not None and isinstance(person, dict) and person["id"].lower() == called:
                    self._sight.use(seen)
                    shaped = shapes.RESPONSIBLE({**tie, "person": {"id": self._sight.called(child)}}, self._shaper)
                    found.append(shaped or {})
        return found

    async def duties(self, seen: Sequence[Seen], out: Sequence[Out]) -> None:
        persons = await self._people(out, "person")
        for each in out:
            self._embed_person(each, "person", persons)

    async def groups(self, seen: Sequence[Seen], out: Sequence[Out]) -> None:
        table = await self._sight.index.table("duty")
        ids = {each.row.id for each in seen}
        rows = [row for row in table.rows.values() if not row.ended and not ids.isdisjoint(row.facts.groups)]
        roles: dict[str, list[Out]] = {}
        for duty in await self._sight.see(table, sorted(rows, key=lambda row: row.key)):
            shaped = self._object("duty", duty)
            for role in shaped.get("assignmentRole", ()):
                kept = {name: value for name, value in role.items() if name != "group"}
                roles.setdefault(role["group"]["id"], []).append({"duty": {"id": shaped["id"]}, **kept})
        for group, each in zip(seen, out, strict=True):
            self._embed(each, "assignmentRoles", roles.get(group.row.id, []))

    async def activities(self, seen: Sequence[Seen], out: Sequence[Out]) -> None:
        groups: dict[str, Out] = {}
        duties: dict[str, Out] = {}
        if "groups" in self._expand:
            groups = await self._some("group", (ref["id"] for each in out for ref in each.get("groups", ())))
        if "teachers" in self._expand:
            duties = await self._some("duty", (ref["duty"]["id"] for each in out for ref in each.get("teachers", ())))
        for each in out:
            self._embed(each, "groups", [groups[ref["id"]] for ref in each.get("groups", ()) if ref["id"] in groups])
            wanted = dict.fromkeys(ref["duty"]["id"] for ref in each.get("teachers", ()))
            self._embed(each, "teachers", [duties[duty] for duty in wanted if duty in duties])

    async def lessons(self, seen: Sequence[Seen], out: Sequence[Out]) -> None:
        if "activity" in self._expand:
            activities = await self._some("activity", (each["activity"]["id"] for each in out if "activity" in each))
            for each in out:
                if "activity" in each and each["activity"]["id"] in activities:
                    self._embed(each, "activity", activities[each["activity"]["id"]])
        if "attendance" in self._expand:
            table = await self._sight.index.table("attendance")
            ids = {each.row.id for each in seen}
            holds = self._sight.index.holds
            rows = [
                row for row in table.rows.values() if not row.ended and row.facts.lesson in ids and holds(table, row)
            ]
            found: dict[str, list[Out]] = {}
            for attendance in await self._sight.see(table, sorted(rows, key=lambda row: row.key)):
                if attendance.data.get("calendarEvent"):
                    shaped = self._object("attendance", attendance)
                    found.setdefault(attendance.row.facts.lesson, []).append(shaped)
            for lesson, each in zip(seen, out, strict=True):
                self._embed(each, "attendance", found.get(lesson.row.id, []))

    async def presences(self, seen: Sequence[Seen], out: Sequence[Out]) -> None:
        persons = await self._people(out, "person", "registeredBy")
        groups: dict[str, Out] = {}
        if "group" in self._expand:
            ids = (each["group"]["id"] for each in out if "group" in each)
            groups = await self._some("group", ids, shapes.GROUP_FRAGMENT)
        for each in out:
            self._embed_person(each, "person", persons)
            self._embed_person(each, "registeredBy", persons)
            if "group" in each and each["group"]["id"] in groups:
                self._embed(each, "group", groups[each["group"]["id"]])

    async def _people(self, out: Sequence[Out], *names: str) -> dict[str, Out]:
        """The persons that these references name, by the client's ids for them."""
        person_of, recipient = self._sight.services.gate.person_of, self._sight.recipient
        called = {each[name]["id"] for each in out for name in names if name in self._expand and name in each}
        found = await self._some("person", (person_of(recipient, each) for each in called))
        return {self._sight.called(id): person for id, person in found.items()}

    def _embed_person(self, out: Out, name: str, persons: Mapping[str, Out]) -> None:
        if name in out and out[name]["id"] in persons:
            self._embed(out, name, persons[out[name]["id"]])


async def _nothing(rendering: Rendering, seen: Sequence[Seen], out: Sequence[Out]) -> None:
    """A list without expansions."""


_EXPANSIONS: Final[Mapping[str, Callable[[Rendering, Sequence[Seen], Sequence[Out]], Any]]] = {
    "person": Rendering.persons,
    "duty": Rendering.duties,
    "group": Rendering.groups,
    "activity": Rendering.activities,
    "lesson": Rendering.lessons,
    "presence": Rendering.presences,
    **dict.fromkeys(("organisation", "room", "absence", "attendance"), _nothing),
}


def _full_name(data: Mapping[str, Any]) -> str:
    return " ".join(part for name in ("givenName", "familyName") if (part := data.get(name)))
