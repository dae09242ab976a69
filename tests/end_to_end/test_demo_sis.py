"""A recorded school system's two weeks, from its records to the kitchen's file, a webhook and a feed.

The hub is a process of its own; school time is moved by starting it anew with another `school_clock`, as after a
stop, so that nothing here depends on how fast the machine is.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from standardwebhooks.webhooks import Webhook

from tests.end_to_end.sis import (
    ABSENCES,
    ALL,
    DAY,
    DIET_CODES,
    DIETS,
    FEED_TYPES,
    HOOK_TYPES,
    SHARED,
    SIS,
    SIS_FOLDER,
    SITTINGS,
    STAFF,
    Morning,
    Record,
    School,
    current,
    directory,
    event,
    records,
)
from tests.peers.hub import SECRET, Answer, HubProcess, client, webhook
from tests.peers.sftp import Peer, sftp_peer
from tests.peers.webhook import Received, WebhookReceiver
from tests.until import until

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not SIS_FOLDER.is_dir(), reason="the reference material is not beside the repository"),
]


def configuration(school: School, sftp: Peer, hook: str, now: str) -> Record:
    groups = {name: school.groups[name]["id"] for name in ("7A", "8A")}
    return {
        "demo": True,
        "school_clock": {"start": now, "speed": 1},
        "log_level": "debug",
        "directory": {"sources": [SIS]},
        "clients": [
            client("sis", "publisher", publishes=["se.skolnav.*"], sources=["urn:skolnav:*"]),
            client("acme", "subscriber", contract={
                "purpose": "attendance", "legal_basis": "public task", "categories": ["identity", "attendance",
                                                                                     "aggregate"],
            }, exact=["se.skolnav.meals.*"]),
            client("archive", "subscriber", contract={
                "purpose": "archive", "legal_basis": "public task", "categories": list(ALL),
            }),
        ],
        "connectors": {
            "kitchen": {
                "use": "catering", "aggregates": True,
                "report_times": ["08:00", "09:30"],
                "kitchens": [{
                    "id": "K-1", "unit_code": "10000001", "staff_portions": STAFF, "diet_codes": DIET_CODES,
                    "units": ["52fd833f-630e-5fc0-8851-5a72f3668ed0"],
                    "sittings": [
                        {"id": id, "from": start, "to": end, "groups": [groups[group]]}
                        for id, (start, end, group) in SITTINGS.items()
                    ],
                    "cutoffs": [{"applies_to": "normal", "time": "08:30"}],
                }],
                "transport": {**sftp.transport(timeout_s=10, deadline_s=20), "password": "${env:SFTP_PASSWORD}"},
            }
        },
        "subscriptions": [
            {"client": "acme", **webhook("hook", hook, HOOK_TYPES)},
            {"client": "archive", "name": "all", "types": list(FEED_TYPES), "sink": {"kind": "feed"}, "from": "oldest"},
        ],
    }  # fmt: skip


def portions(file: bytes) -> dict[tuple[str, str], int]:
    header, *rows = file.decode("utf-8-sig").splitlines()
    names = header.split(";")
    cells = [dict(zip(names, row.split(";"), strict=True)) for row in rows]
    assert {(cell["kitchen"], cell["unit"], cell["date"]) for cell in cells} == {("K-1", "10000001", DAY)}
    assert len({(cell["sitting"], cell["diet"]) for cell in cells}) == len(cells)
    return {(cell["sitting"], cell["diet"]): int(cell["portions"]) for cell in cells}


def column(file: bytes, name: str) -> dict[str, str]:
    """A column that says the same for all rows of a sitting, by sitting."""
    header, *rows = file.decode("utf-8-sig").splitlines()
    names = header.split(";")
    cells = [dict(zip(names, row.split(";"), strict=True)) for row in rows]
    found = {cell["sitting"]: cell[name] for cell in cells}
    assert all(found[cell["sitting"]] == cell[name] for cell in cells)
    return found


def verified(request: Received) -> Record:
    """By the official library, which raises."""
    found: Record = Webhook(SECRET).verify(request.body, request.headers)
    return found


def appearances(canaries: Iterable[str], received: bytes) -> list[str]:
    """Which of these values are in the bytes, in any spelling that JSON, CSV or a log might use."""
    seen = received.lower()
    return [
        value
        for value in canaries
        if value.lower().encode() in seen or json.dumps(value)[1:-1].lower().encode() in seen
    ]


class Days:
    """One hub over the restarts of a test, with its recipients."""

    def __init__(self, folder: Path, school: School, sftp: Peer, hook: WebhookReceiver) -> None:
        self._folder, self._school, self._sftp, self._hook = folder, school, sftp, hook
        self.hub = HubProcess(folder, self._at("06:00"), env={"SFTP_PASSWORD": sftp.transport()["password"]})
        self.sis, self.archive, self.acme = (self.hub.caller(id) for id in ("sis", "archive", "acme"))

    def _at(self, now: str) -> Record:
        return configuration(self._school, self._sftp, self._hook.url, f"{DAY}T{now}:00")

    async def move_to(self, now: str) -> None:
        """Stop the hub, and start it at another school time of the day."""
        assert await self.hub.stop() == 0
        for caller in (self.sis, self.archive, self.acme):
            caller.close()
        self.hub.configure(self._at(now))
        await self.hub.start()

    async def post(self, events: list[Record]) -> None:
        answer = await self.sis.post_events(events)
        assert (answer.status, answer.json().get("accepted")) == (202, len(events)), answer.body

    async def file(self, time: str, revision: int) -> bytes:
        name = f"KOST_10000001_{DAY.replace('-', '')}_{time}_v{revision}.csv"
        await until(lambda: name in self._sftp.files(), name)
        return self._sftp.files()[name]

    def parts(self) -> list[bytes]:
        """All that has come to anybody outside, and what the hub has written about itself."""
        hook = b"".join(json.dumps([each.path, each.headers]).encode() + each.body for each in self._hook.received)
        files = b"".join(name.encode() + content for name, content in sorted(self._sftp.files().items()))
        return [hook, files, bytes(self.archive.received), bytes(self.acme.received), bytes(self.hub.output)]


@dataclass
class Played:
    """What was seen of the day."""

    school: School
    morning: Morning
    directory: dict[str, list[Record]]
    answers: dict[str, Answer] = field(default_factory=dict)  # to what was posted
    files: dict[str, bytes] = field(default_factory=dict)  # the kitchen's, in order
    hook: list[Received] = field(default_factory=list)
    feed: list[Record] = field(default_factory=list)  # read in the morning
    again: list[Record] = field(default_factory=list)  # read again from the beginning after the delta
    received: bytes = b""  # all that left the hub
    received_after: bytes = b""  # what left it after the delta


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Played:
    return asyncio.run(_play(tmp_path_factory.mktemp("day")))


async def _play(folder: Path) -> Played:
    school = School()
    seen = Played(school, Morning(school), directory())
    async with sftp_peer(folder / "sftp") as sftp, WebhookReceiver() as hook:
        days = Days(folder, school, sftp, hook)
        async with days.hub:
            for kind, events in seen.directory.items():
                seen.answers[kind] = await days.sis.post_events(events)
            await days.post([current(SIS, 1), *seen.morning.diet_events, current(DIETS, 1)])
            await days.post(seen.morning.absences)
            await hook.wait_for(len(seen.directory["lesson"]) + len(seen.morning.absences) - 2, 30)
            await days.hub.delivered()
            seen.feed = await days.archive.read_feed("all", limit=50)
            await days.move_to("08:00")
            seen.files["report"] = await days.file("0800", 1)
            await days.move_to("08:30")
            seen.files["cut-off"] = await days.file("0830", 2)
            back = seen.morning.absences[0]
            await days.post([event("back", "absence.withdrawn", back["data"], ABSENCES)])
            seen.files["late"] = await days.file("0830", 3)
            await days.hub.delivered()
            before = [len(part) for part in days.parts()]
            seen.answers["refused"] = await days.sis.post_events([_refused()])
            await days.post(_delta(school))
            later = next(e for e in seen.morning.absences if e["data"]["student"]["id"] == school.protected_later)
            await days.post([event("later", "absence.changed", later["data"], ABSENCES)])
            # An absence that changes after the cut-off has the kitchen told all that is new, the deleted pupil too.
            seen.files["gone"] = await days.file("0830", 4)
            await days.move_to("09:30")
            seen.files["second report"] = await days.file("0930", 5)
            await days.hub.delivered()
            seen.again = await days.archive.read_feed("all", limit=7)
            assert await days.hub.stop() == 0
        seen.hook = list(hook.received)
        parts = days.parts()
        assert all(parts[:3]), "there is something to look through"
        seen.received = b"\n".join(parts)
        seen.received_after = b"\n".join(part[start:] for part, start in zip(parts, before, strict=True))
    return seen


def _delta(school: School) -> list[Record]:
    """What the school system said had changed."""
    persons, groups = records("delta.persons.page1"), records("delta.groups.page1")
    (deleted,) = records("delta.deletedEntities.page1")
    return [
        *(event(f"delta-person-{n}", "directory.person.upserted", each) for n, each in enumerate(persons)),
        *(event(f"delta-group-{n}", "directory.group.upserted", each) for n, each in enumerate(groups)),
        event("delta-deleted", "directory.person.deleted", {"id": deleted["id"], "deletedAt": deleted["deletedAt"]}),
        current(SIS, 2),
    ]


def _refused() -> Record:
    """Another system's sample, whose id is no UUID."""
    return event("refused", "directory.person.upserted", json.loads((SHARED / "dnp/samples/person.json").read_text()))


def _by_type(events: Iterable[Record], part: str) -> list[Record]:
    return [each for each in events if f".{part}." in each["type"]]


def test_every_record_is_taken_or_refused_with_a_reason(day: Played) -> None:
    """Promise 8, and the issue's real input: counts per resource."""
    taken = {kind: answer.json()["accepted"] for kind, answer in day.answers.items() if answer.status == 202}
    assert taken == {"organisation": 3, "person": 136, "group": 9, "duty": 8, "activity": 7, "lesson": 30}
    refused = day.answers["refused"]
    assert refused.status == 422
    assert refused.json()["errors"][0]["where"].endswith("data.id")
    assert not appearances(["123456789", "Family Name Test", "200112240129"], refused.body)


def test_the_kitchen_gets_what_the_raw_records_add_up_to(day: Played) -> None:
    """Protected pupils are counted, absent or not; a withdrawn absence comes late, a deleted pupil is gone."""
    gone, back = {day.school.deleted_later}, {day.morning.back}
    expected = day.morning.eats(day.school)
    assert sum(expected.values()) == 45 - 5 + len(SITTINGS) * STAFF
    assert portions(day.files["report"]) == expected
    assert portions(day.files["cut-off"]) == expected
    assert portions(day.files["late"]) == day.morning.eats(day.school, withdrawn=back) != expected
    assert portions(day.files["gone"]) == portions(day.files["second report"])
    assert portions(day.files["second report"]) == day.morning.eats(day.school, withdrawn=back, gone=gone)


def test_the_kitchen_is_told_what_is_fixed_and_what_is_late(day: Played) -> None:
    """Never a silent rewrite after the cut-off: a revision of its own that says so."""
    assert {name: column(file, "status") for name, file in list(day.files.items())[:3]} == {
        "report": {"7": "preliminary", "8": "preliminary"},
        "cut-off": {"7": "fixed", "8": "fixed"},
        "late": {"7": "late_change", "8": "fixed"},
    }
    assert [set(column(file, "revision").values()) for file in day.files.values()] == [{n} for n in "12345"]
    assert all(set(column(file, "complete").values()) == {"yes"} for file in day.files.values())


def test_the_webhook_gets_exactly_what_it_may_and_can_verify_it(day: Played) -> None:
    """Promises 2, 4 and 6: each event once over three restarts, reduced to the contract, in order per key."""
    told = [verified(request) for request in day.hook]
    assert len({request.headers["webhook-id"] for request in day.hook}) == len(day.hook)
    absences = [*day.morning.absences, event("back", "absence.withdrawn", day.morning.absences[0]["data"], ABSENCES)]
    expected = {
        each["id"]: {name: value for name, value in each["data"].items() if name != "registeredBy"}
        for each in absences
        if each["data"]["student"]["id"] not in day.school.hidden
    }
    assert {each["id"]: each["data"] for each in _by_type(told, "absence")} == expected
    assert {each["id"]: each["data"] for each in _by_type(told, "lesson")} == {
        each["id"]: each["data"] for each in day.directory["lesson"]
    }
    assert len(told) == len(expected) + 30 + len(_by_type(told, "meals"))
    arrived: dict[str, list[str]] = {}
    for each in told:
        arrived.setdefault(each["partitionkey"], []).append(each["sequence"])
    assert all(sequence == sorted(sequence) for sequence in arrived.values())


def test_the_counts_that_the_webhook_gets_are_those_of_the_files(day: Played) -> None:
    """What the connector publishes and what it writes are one commit."""
    told = _by_type(map(verified, day.hook), "meals")
    files = {column(file, "revision")["7"]: portions(file) for file in day.files.values()}
    assert Counter(str(each["data"]["revision"]) for each in told) == {"1": 2, "2": 2, "3": 1, "4": 1, "5": 2}
    for each in told:
        data = each["data"]
        counts = {(data["sitting"], row["diet"]): row["portions"] for row in data["counts"]}
        counts[data["sitting"], "PERSONAL"] = data["staffPortions"]
        file = files[str(data["revision"])]
        assert counts == {cell: number for cell, number in file.items() if cell[0] == data["sitting"]}


def test_the_feed_gets_every_record_but_those_of_protected_pupils(day: Played) -> None:
    """Promises 4 and 5: with every category allowed. Memberships, guardians of protected pupils alone, and the family's
    home are withheld too.
    """
    school, hidden = day.school, day.school.hidden
    assert Counter(each["type"].split(".")[3] for each in _by_type(day.feed, "directory")) == {
        "organisation": 3, "person": 130, "group": 9, "duty": 8, "activity": 7, "current": 2, "diet": 5,
    }  # fmt: skip
    persons = {each["data"]["id"]: each["data"] for each in _by_type(day.feed, "person")}
    assert set(persons) == set(school.persons) - school.withheld(hidden)
    home = {"emails", "phoneNumbers", "addresses"}
    for id, seen in persons.items():
        raw = school.persons[id]
        assert seen["givenName"] == raw["givenName"]
        assert home & seen.keys() == (set() if id in school.near(hidden) else {name for name in home if raw.get(name)})
    for each in _by_type(day.feed, "group"):
        name = each["data"]["displayName"]
        assert [m["person"]["id"] for m in each["data"]["groupMemberships"]] == [
            member for member in school.members(name) if member not in hidden
        ]
    assert {each["id"] for each in _by_type(day.feed, "absence")} == {
        each["id"] for each in day.morning.absences if each["data"]["student"]["id"] not in hidden
    }
    assert len(_by_type(day.feed, "lesson")) == 30


def test_nothing_of_the_protected_pupils_is_in_any_byte_that_left(day: Played) -> None:
    """Promises 4, 5 and 8: webhook, feed, kitchen's files and the hub's own log, at its most talkative."""
    canaries = day.school.canaries(day.school.hidden)
    assert len(canaries) >= 10
    assert not appearances(canaries, day.received)
    assert appearances([day.morning.back], day.received), "the search finds what is there"


def test_a_pupil_who_becomes_protected_is_gone_from_what_is_read_again(day: Played) -> None:
    """Promises 4 and 5: decided anew at every read, also of what was delivered before. They leave as the deleted do."""
    hidden = {day.school.protected_later}
    assert appearances(hidden, day.received)
    assert not appearances(day.school.canaries(hidden) - hidden, day.received_after)
    ends = {each["data"]["id"] for each in _by_type(day.again, "person") if "deleted" in each["type"]}
    assert ends == day.school.left()
    lost = day.school.withheld({*day.school.hidden, *hidden}) | {day.school.deleted_later}
    persons = {each["data"]["id"] for each in _by_type(day.again, "person") if "upserted" in each["type"]}
    assert persons == set(day.school.persons) - lost


def test_no_person_class_or_reason_is_in_the_kitchen_s_files(day: Played) -> None:
    """Promise 4, aggregates: sums only."""
    files = b"".join(day.files.values())
    persons = [value for id, each in day.school.persons.items() for value in (id, each["familyName"])]
    assert not appearances([*persons, *day.school.groups, "Anmäld", "ledighet"], files)
