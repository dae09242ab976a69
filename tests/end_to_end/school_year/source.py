"""The school system: it answers SS 12000 questions over HTTP with what is true, under a clock that may lie."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from tests import school
from tests.end_to_end.school_year.world import Absence, Changed, Group, Pupil, Span, World
from tests.peers.sis import Provider, Query, Reply

RESOURCES: Final = ("organisations", "persons", "groups", "absences")
Record = dict[str, Any]


class SchoolSystem(Provider):
    """`lies_by`: how far its clock is behind, in stamps and `Date` alike."""

    def __init__(self, world: World, now: Callable[[], datetime]) -> None:
        super().__init__()
        self.world = world
        self.lies_by = timedelta(0)
        self.clock: Callable[[], datetime] = lambda: now() - self.lies_by
        self.records: dict[str, dict[str, tuple[datetime, Record]]] = {name: {} for name in RESOURCES}
        self.deletions: list[tuple[datetime, str, str]] = []
        for unit, parent in world.parents.items():
            self._keep("organisations", school.organisation(parent, organisationType="Skola"))
            self._keep("organisations", school.organisation(unit, parentOrganisation={"id": parent}))

    def follow(self, changed: Changed) -> None:
        """Take over what has changed in the world. The stamps are those of now."""
        world = self.world
        with self.lock:
            for id in changed.pupils & world.pupils.keys():
                self._keep("persons", _person(world.pupils[id]))
            members = world.members() if changed.groups else {}
            for id in changed.groups & world.groups.keys():
                self._keep("groups", _group(world.groups[id], members.get(id, [])))
            for id in changed.absences & world.absences.keys():
                self._keep("absences", _absence(world.absences[id]))
            for resource, id in changed.gone:
                if self.records[resource].pop(id, None) is not None:
                    self.deletions.append((self.clock(), resource, id))

    def forget_absences(self) -> None:
        with self.lock:
            kept = self.records["absences"]
            self.records["absences"] = {id: kept[id] for id in kept if id in self.world.absences}

    def answer(self, path: str, query: Query) -> Reply:
        resource, _, id = path.removeprefix("/v2.0/").partition("/")
        if resource == "deletedEntities":
            after = datetime.fromisoformat(query["after"])
            gone: dict[str, list[str]] = {}
            for moment, what, which in self.deletions:
                if moment > after:
                    gone.setdefault(what, []).append(which)
            return Reply(200, {"data": gone, "pageToken": None})
        if resource not in self.records:
            return Reply(404, raw=b"")
        if id:
            found = self.records[resource].get(id)
            return Reply(404, raw=b"") if found is None else Reply(200, found[1])
        asked = (
            json.loads(bytes.fromhex(query["pageToken"])) if "pageToken" in query else {"at": 0, "query": dict(query)}
        )
        records = self._listed(resource, asked["query"])
        end = asked["at"] + int(asked["query"]["limit"])
        token = json.dumps({**asked, "at": end}).encode().hex() if end < len(records) else None
        return Reply(200, {"data": records[asked["at"] : end], "pageToken": token})

    def _listed(self, resource: str, query: Query) -> list[Record]:
        modified, ends = (query.get(name) for name in ("meta.modified.after", "endTime.onOrAfter"))
        after = datetime.fromisoformat(modified) if modified else datetime.min.replace(tzinfo=UTC)
        found = [record for stamp, record in self.records[resource].values() if stamp > after]
        if ends:
            since = datetime.fromisoformat(ends)
            found = [record for record in found if datetime.fromisoformat(record["endTime"]) >= since]
        return found

    def _keep(self, resource: str, record: Record) -> None:
        stamp = self.clock().astimezone(UTC)
        meta = {
            "created": stamp.isoformat(timespec="milliseconds"),
            "modified": stamp.isoformat(timespec="milliseconds"),
        }
        self.records[resource][record["id"]] = (stamp, {**record, "meta": meta})


def _person(pupil: Pupil) -> Record:
    enrolments = [school.enrolment(stay.where, **_dates(stay)) for stay in pupil.stays]
    names = {"givenName": "Aina", "familyName": pupil.name}
    return school.person(pupil.id, pupil.mark, enrolments=enrolments, **names)


def _group(group: Group, members: list[tuple[str, Span]]) -> Record:
    memberships = [{"person": {"id": id}, **_dates(span)} for id, span in members]
    return school.group(
        id=group.id, organisation={"id": group.unit}, displayName=f"Klass {group.id[:4]}", groupType="Klass",
        startDate=group.start.isoformat(), endDate=group.end.isoformat(), groupMemberships=memberships,
    )  # fmt: skip


def _absence(absence: Absence) -> Record:
    return school.absence(
        absence.pupil, id=absence.id, organisation={"id": absence.unit}, startTime=absence.start.isoformat(),
        endTime=absence.end.isoformat(), type="Beviljad ledighet" if absence.granted else "Anmäld frånvaro",
    )  # fmt: skip


def _dates(span: Span) -> Record:
    end = {} if span.end is None else {"endDate": span.end.isoformat()}
    return {"startDate": span.start.isoformat(), **end}
