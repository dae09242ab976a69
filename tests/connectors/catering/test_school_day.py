"""Recorded from an independent school system (136 persons, the end of daylight saving time), the whole way through the
hub to the kitchen's server: the numbers equal a computation from the raw records.
"""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from connectors.catering.connector import Catering
from plugins.testing import TestHub, open_hub
from schemas.absence import AbsenceReported, AbsenceWithdrawn, LeaveGranted
from schemas.directory import (
    DietUpserted,
    DirectoryCurrent,
    GroupUpserted,
    OrganisationUpserted,
    PersonUpserted,
)
from schemas.payload import Payload
from tests.connectors.catering.desk import rows_of
from tests.peers.sftp import Peer, sftp_peer
from tests.school import envelope

RECORDED = Path(__file__).parents[4] / "shared" / "reference" / "ss12000" / "demo-sis"
pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not RECORDED.is_dir(), reason="the reference material is not beside this repository"),
]
DIETS = {"GLUTEN": "GLUTENFRI", "LAKTOS": "LAKTOSFRI"}


def recorded(kind: str) -> list[dict[str, Any]]:
    return [
        entity
        for path in sorted(RECORDED.glob(f"{kind}.page*.json"))
        for entity in json.loads(path.read_text())["data"]
    ]


def event(model: type[Payload], data: dict[str, Any], source: str = "urn:demo-sis") -> dict[str, Any]:
    return envelope(model.spec.type, data, source=source)


class School:
    """The records, and who eats by them: nothing of the connector is used."""

    def __init__(self) -> None:
        self.persons, self.groups = recorded("persons"), recorded("groups")
        self.organisations = recorded("organisations")
        self.school = next(o["id"] for o in self.organisations if o["organisationType"] == "Skola")
        self.unit = next(o["id"] for o in self.organisations if o["organisationType"] == "Skolenhet")
        self.pupils = [p["id"] for p in self.persons if p.get("enrolments")]
        self.protected = [p["id"] for p in self.persons if p["securityMarking"] != "Ingen"]
        self.classes = {g["displayName"]: g for g in self.groups if g["groupType"] == "Klass"}
        self.diets = {pupil: list(DIETS)[n % 2] for n, pupil in enumerate(self.pupils[::5])}
        self.away: dict[str, tuple[str, str]] = {}

    def directory(self, as_of: str) -> list[dict[str, Any]]:
        diets = [{"id": str(uuid4()), "person": {"id": who}, "codes": [code]} for who, code in self.diets.items()]
        return [
            *(event(OrganisationUpserted, o) for o in self.organisations),
            *(event(PersonUpserted, p) for p in self.persons),
            *(event(GroupUpserted, g) for g in self.groups),
            *(event(DietUpserted, d, "urn:diets") for d in diets),
            event(DirectoryCurrent, {"asOf": as_of}),
            event(DirectoryCurrent, {"asOf": as_of}, "urn:diets"),
        ]

    def absence(self, pupil: str, start: str, end: str, model: type[Payload] = AbsenceReported) -> dict[str, Any]:
        if model is AbsenceWithdrawn:
            del self.away[pupil]
        else:
            self.away[pupil] = (start, end)
        kind = "Beviljad ledighet" if model is LeaveGranted else "Anmäld frånvaro"
        id = f"00000000-0000-4000-8000-{self.pupils.index(pupil):012}"
        return event(model, {"id": id, "student": {"id": pupil}, "startTime": start, "endTime": end, "type": kind})

    def eat(self, group: str, start: str, end: str) -> dict[str, str]:
        """Portions of one class between two instants, as the file writes them."""
        begin, over = datetime.fromisoformat(start), datetime.fromisoformat(end)
        found = {"NORMAL": 0, "GLUTENFRI": 0, "LAKTOSFRI": 0, "ÖVRIG": 0}
        for member in self.classes[group]["groupMemberships"]:
            who = member["person"]["id"]
            times = self.away.get(who)
            if times and datetime.fromisoformat(times[0]) < over and datetime.fromisoformat(times[1]) > begin:
                continue
            found[DIETS.get(self.diets.get(who, ""), "NORMAL")] += 1
        return {name: str(number) for name, number in found.items()}

    def secrets(self) -> Iterator[str]:
        """What no kitchen may see: every name, id, number, address and class."""
        for person in self.persons:
            yield from (person["id"], person["givenName"], person["familyName"])
            yield from (each["value"] for key in ("emails", "phoneNumbers") for each in person.get(key, ()))
            if "civicNo" in person:
                yield person["civicNo"]["value"]
        yield from (text for group in self.groups for text in (group["id"], group["displayName"]))


def config(school: School, peer: Peer) -> dict[str, Any]:
    sittings = [
        {"id": "A", "from": "10:50", "to": "11:20", "groups": [school.classes["7A"]["id"]]},
        {"id": "B", "from": "11:20", "to": "11:50", "groups": [school.classes["8A"]["id"]]},
    ]
    return {
        "kitchens": [
            {
                "id": "K-1",
                "units": [school.school],  # the pupils are enrolled at a part of it
                "unit_code": "12345678",
                "sittings": sittings,
                "diet_codes": DIETS,
            }
        ],
        "transport": peer.transport(),
    }


def assert_told(peer: Peer, name: str, school: School, day: str, offset: str) -> None:
    rows = rows_of(peer.root / "in", name)
    for sitting, group, start, end in (("A", "7A", "10:50", "11:20"), ("B", "8A", "11:20", "11:50")):
        told = {r["diet"]: r["portions"] for r in rows if r["sitting"] == sitting and r["diet"] != "PERSONAL"}
        assert told == school.eat(group, f"{day}T{start}:00{offset}", f"{day}T{end}:00{offset}")
    assert {row["complete"] for row in rows} == {"yes"}


async def run(hub: TestHub, peer: Peer, school: School) -> None:
    await hub.add(Catering, config(school, peer), "kitchen")
    await hub.post(school.directory(hub.clock.utc().isoformat()))
    away = [*school.protected, *school.pupils[3::7]]
    long = ("2026-10-23T08:00:00+02:00", "2026-10-26T11:20:00+01:00")  # over the change, until sitting B begins
    await hub.post([school.absence(pupil, *long) for pupil in dict.fromkeys(away)])
    await hub.post([school.absence(school.pupils[1], "2026-10-22T00:00:00+02:00", long[0], LeaveGranted)])


async def test_the_counts_equal_a_computation_from_the_records(tmp_path: Path) -> None:
    school = School()
    assert (len(school.persons), len(school.pupils), len(school.protected)) == (136, 45, 2)
    async with sftp_peer(tmp_path / "peer") as peer, open_hub("2026-10-23T07:00") as hub:
        await run(hub, peer, school)
        await hub.advance_to("08:00")
        assert_told(peer, "KOST_12345678_20261023_0800_v1.csv", school, "2026-10-23", "+02:00")
        await hub.advance_to("08:30")
        withdrawn = school.protected[0]
        await hub.post([school.absence(withdrawn, *school.away[withdrawn], AbsenceWithdrawn)])
        await hub.settle()
        assert_told(peer, "KOST_12345678_20261023_0830_v3.csv", school, "2026-10-23", "+02:00")
        for moment in ("2026-10-26T08:00", "08:30", "09:30"):
            await hub.advance_to(moment)
        assert sorted(peer.files())[-1] == "KOST_12345678_20261026_0930_v3.csv"
        assert_told(peer, "KOST_12345678_20261026_0930_v3.csv", school, "2026-10-26", "+01:00")
        statuses = [(e.data["date"], e.data["revision"], e.data["status"]) for e in await hub.published()]
        assert statuses[4:5] == [("2026-10-23", 3, "late_change")]
        assert hub.problems() == []


async def test_no_name_id_class_or_number_is_in_what_leaves_the_hub(tmp_path: Path) -> None:
    """Promise 4, on the bytes at the kitchen's server and in the events: two protected pupils are counted, and nobody
    is named.
    """
    school = School()
    secrets = {secret.lower() for secret in school.secrets() if len(secret) > 2}
    assert len(secrets) > 400
    async with sftp_peer(tmp_path / "peer") as peer, open_hub("2026-10-23T07:00") as hub:
        await run(hub, peer, school)
        await hub.advance_to("08:30")
        await hub.post([school.absence(school.pupils[0], "2026-10-23T08:00:00+02:00", "2026-10-23T16:00:00+02:00")])
        await hub.settle()
        files = peer.files()
        state = await hub.state("kitchen")
        published = [e.to_json() for e in await hub.published()]
    assert len(files) == 3
    assert published
    left = "\n".join([*files, *(body.decode() for body in (*files.values(), *published))]).lower()
    assert [secret for secret in secrets if secret in left] == []
    persons = {person["id"] for person in school.persons}
    assert not any(person in json.dumps(state) for person in persons)
