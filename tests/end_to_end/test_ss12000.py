"""A recorded school system, pulled over HTTP by a hub process, all the way to everybody who gets something of it.

Out of it come the kitchen's file, a signed webhook, a feed and the provider API; guardians report to that API. Then the
system is edited (`edits.json`) while the hub runs. School time is moved by starting the hub anew.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

import pytest

from tests.end_to_end.sis import (
    ALL,
    DAY,
    DIET_CODES,
    DIETS,
    FEED_TYPES,
    SIS_FOLDER,
    SITTINGS,
    STAFF,
    Record,
    School,
    current,
    event,
)
from tests.end_to_end.test_demo_sis import appearances, column, portions, verified
from tests.peers.hub import Caller, HubProcess, client, webhook
from tests.peers.sftp import Peer, sftp_peer
from tests.peers.sis import TOKEN, Recorded, serving
from tests.peers.webhook import WebhookReceiver
from tests.until import until

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not SIS_FOLDER.is_dir(), reason="the reference material is not beside the repository"),
]

LISTS: Final = ("organisations", "persons", "groups", "duties", "activities", "calendarEvents")
EDITED_LISTS: Final = ("persons", "groups", "calendarEvents", "deletedEntities")
WINDOW: Final = {
    "startTime.onOrAfter": "2026-10-19T00:00:00+02:00", "startTime.onOrBefore": "2026-11-02T00:00:00+01:00",
}  # fmt: skip
HOME: Final = {"emails", "phoneNumbers", "addresses"}
REPORTED: Final = "Anmäld frånvaro"


def configuration(school: School, sis: Recorded, sftp: Peer, hook: str, now: str) -> Record:
    groups = {name: school.groups[name]["id"] for name in ("7A", "8A")}
    everything = {"purpose": "test", "legal_basis": "public task", "categories": list(ALL)}
    return {
        "demo": True,
        "school_clock": {"start": f"{DAY}T{now}:00", "speed": 1},
        "log_level": "debug",
        "directory": {"sources": ["urn:skolnav:exempelkommun:sis"]},
        "clients": [
            client("kost", "publisher", publishes=["se.skolnav.directory.*"], sources=[DIETS]),
            client("guardians", "publisher", publishes=["se.skolnav.absence.*"],
                   sources=["urn:skolnav:exempelkommun:ss12000:guardians"]),
            client("acme", "subscriber", contract=everything),
            client("archive", "subscriber", contract=everything),
            client("vendor", "subscriber", contract=everything),
        ],
        "connectors": {
            "sis": {
                "use": "ss12000", "base_url": f"{sis.url}/v2", "auth": {"token": "${env:SIS_TOKEN}"}, "poll": "1s",
                "window": {"back": "7d", "ahead": "7d"},
            },
            "kitchen": {
                "use": "catering", "aggregates": True,
                "report_times": ["08:00"],
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
            },
        },
        "subscriptions": [
            {"client": "acme", **webhook("hook", hook, FEED_TYPES), "from": "oldest"},
            {"client": "archive", "name": "all", "types": list(FEED_TYPES), "sink": {"kind": "feed"}, "from": "oldest"},
        ],
    }  # fmt: skip


async def listed(caller: Caller, resource: str, **filters: str) -> list[Record]:
    """A whole list of the provider API, page by page."""
    query = {**(WINDOW if resource == "calendarEvents" else {}), **filters, "limit": "25"}
    found: list[Record] = []
    while True:
        answer = await caller.request("GET", f"/ss12000/v2.0/{resource}?{urlencode(query)}")
        assert answer.status == 200, answer.body
        page = answer.json()
        found += page["data"]
        if page["pageToken"] is None:
            return found
        query = {"pageToken": page["pageToken"], "limit": "25"}


@dataclass
class Reports:
    """What the guardians' client reports, as (pupil, start, end)."""

    caller: Caller
    sent: list[tuple[str, str, str]] = field(default_factory=list)

    async def post(self, *pupils: str, start: str = "08:00", end: str = "16:00") -> None:
        for pupil in pupils:
            times = (f"{DAY}T{start}:00+01:00", f"{DAY}T{end}:00+01:00")
            body = {"student": {"id": pupil}, "startTime": times[0], "endTime": times[1], "type": REPORTED}
            answer = await self.caller.request(
                "POST", "/ss12000/v2.0/absences", json.dumps(body).encode(), "application/json"
            )
            assert answer.status == 200, answer.body
            self.sent.append((pupil, *times))


@dataclass
class Lists:
    """The provider API's lists and what the school system itself had then, by resource."""

    ours: dict[str, list[Record]]
    theirs: dict[str, list[Record]]
    absences: list[Record]

    @classmethod
    async def read(cls, caller: Caller, sis: Recorded) -> "Lists":
        ours = {resource: await listed(caller, resource) for resource in LISTS}
        return cls(ours, {name: sis.records(name) for name in LISTS}, await listed(caller, "absences"))


@dataclass
class Played:
    """What was seen of the day."""

    school: School
    diets: dict[str, str]
    early: list[str] = field(default_factory=list)  # whose absence over lunch was reported at 06:00
    late: list[str] = field(default_factory=list)  # and after the cut-off
    reports: list[tuple[str, str, str]] = field(default_factory=list)
    files: list[bytes] = field(default_factory=list)
    hook: list[Record] = field(default_factory=list)
    hook_before: int = 0  # how many of them came before the edits
    feed: list[Record] = field(default_factory=list)  # read before the edits
    edited: list[Record] = field(default_factory=list)  # read from the beginning after the edits
    again: list[Record] = field(default_factory=list)  # and at the end, after one more restart
    before: Lists | None = None
    after: Lists | None = None
    delta: dict[str, list[Record]] = field(default_factory=dict)  # the provider API's own, over the edits
    deleted: Record = field(default_factory=dict)  # what the provider API says is gone
    deleted_at_last: Record = field(default_factory=dict)  # after one more restart
    received: bytes = b""
    received_after: bytes = b""

    def eats(self, away: Iterable[str], gone: Iterable[str] = ()) -> dict[tuple[str, str], int]:
        """Portions by sitting and diet."""
        counts: Counter[tuple[str, str]] = Counter()
        for sitting, (_, _, group) in SITTINGS.items():
            counts.update({(sitting, diet): 0 for diet in ("NORMAL", *DIET_CODES.values(), "ÖVRIG")})
            counts[sitting, "PERSONAL"] = STAFF
            for pupil in self.school.members(group):
                if pupil not in away and pupil not in gone:
                    code = self.diets.get(pupil)
                    counts[sitting, "NORMAL" if code is None else DIET_CODES[code]] += 1
        return dict(counts)


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Played:
    with serving(Recorded()) as sis:
        assert isinstance(sis, Recorded)
        return asyncio.run(_play(tmp_path_factory.mktemp("day"), sis))


async def _play(folder: Path, sis: Recorded) -> Played:
    school = School()
    first, second = sorted(school.hidden)
    apart = {*school.hidden, school.protected_later, school.deleted_later}
    open7, open8 = ([each for each in school.members(name) if each not in apart] for name in ("7A", "8A"))
    diets = {first: "GLUTEN", open7[3]: "GLUTEN", open8[3]: "LAKTOS", school.deleted_later: "LAKTOS"}
    seen = Played(school, diets)
    async with sftp_peer(folder / "sftp") as sftp, WebhookReceiver() as hook:

        def at(now: str) -> Record:
            return configuration(school, sis, sftp, hook.url, now)

        env = {"SFTP_PASSWORD": sftp.transport()["password"], "SIS_TOKEN": TOKEN}
        hub = HubProcess(folder, at("06:00"), env=env)
        callers = {id: hub.caller(id) for id in ("kost", "guardians", "acme", "archive", "vendor")}
        vendor, archive, reports = callers["vendor"], callers["archive"], Reports(callers["guardians"])

        async def move_to(now: str) -> None:
            assert await hub.stop() == 0
            for caller in callers.values():
                caller.close()
            hub.configure(at(now))
            await hub.start()

        async def file(time: str, revision: int) -> None:
            name = f"KOST_10000001_{DAY.replace('-', '')}_{time}_v{revision}.csv"
            await until(lambda: name in sftp.files(), name)
            seen.files.append(sftp.files()[name])

        async def pulled_again(times: int = 2) -> None:
            """Whole pulls have begun and ended after this was called: absences are asked for last."""
            so_far = sis.paths().count("/v2/deletedEntities")
            wanted = so_far + times + 1
            await until(lambda: sis.paths().count("/v2/deletedEntities") >= wanted, "a pull")

        def parts() -> list[bytes]:
            came = b"".join(json.dumps([each.path, each.headers]).encode() + each.body for each in hook.received)
            files = b"".join(name.encode() + content for name, content in sorted(sftp.files().items()))
            return [came, files, bytes(archive.received), bytes(vendor.received), bytes(hub.output)]

        async with hub:
            # 06:00: the first pull; who eats what; the guardians report.
            async def lessons_known() -> bool:
                return len(await listed(vendor, "calendarEvents")) == len(sis.records("calendarEvents"))

            await until(lessons_known, "the first pull")
            posted = [
                event(f"diet-{n}", "directory.diet.upserted",
                      {"id": f"00000000-0000-5000-8000-{n:012}", "person": {"id": id}, "codes": [code]}, DIETS)
                for n, (id, code) in enumerate(diets.items())
            ]  # fmt: skip
            answer = await callers["kost"].post_events([*posted, current(DIETS, 1)])
            assert answer.status == 202, answer.body
            seen.early = [open7[0], first, second, open8[0], school.protected_later]
            await reports.post(*seen.early)
            await reports.post(open7[1], end="11:10")  # over as the sitting begins
            await hub.delivered()
            seen.before = await Lists.read(vendor, sis)
            seen.feed = await archive.read_feed("all")
            # 08:00: the kitchen's first report; then the school system is edited under the running hub.
            await move_to("08:00")
            await file("0800", 1)
            await pulled_again(1)
            await hub.delivered()
            seen.hook_before = len(hook.received)
            marks = {
                name: max(each["meta"]["modified"] for each in seen.before.ours[name])
                for name in ("persons", "groups", "calendarEvents")
            }
            lengths = [len(part) for part in parts()]
            with sis.lock:
                sis.edited = True
            moved = {each["id"]: each["startTime"] for each in sis.records("calendarEvents")}

            async def lessons_moved() -> bool:
                return {each["id"]: each["startTime"] for each in await listed(vendor, "calendarEvents")} == moved

            # What is asked for while the change is on its way may still be as it was before.
            await until(lessons_moved, "the moved lessons")
            await pulled_again()
            await hub.delivered()
            found = await vendor.request("GET", "/ss12000/v2.0/deletedEntities?limit=100")
            assert found.status == 200, found.body
            seen.deleted = found.json()["data"]
            seen.edited = await archive.read_feed("all", limit=9)
            # 08:30: the cut-off, then two more reports, one about the pupil who is protected by now.
            await move_to("08:30")
            await file("0830", 2)
            seen.late = [open8[1]]
            await reports.post(*seen.late)
            await file("0830", 3)
            await reports.post(school.protected_later, end="12:30")
            await pulled_again()
            await hub.delivered()
            seen.after = await Lists.read(vendor, sis)
            seen.delta = {
                name: await listed(vendor, name, **{"meta.modified.after": mark}) for name, mark in marks.items()
            }
            found = await vendor.request("GET", "/ss12000/v2.0/deletedEntities?limit=100")
            seen.deleted_at_last = found.json()["data"]
            seen.again = await archive.read_feed("all", limit=7)
            assert await hub.stop() == 0
        seen.hook = [verified(each) for each in hook.received]
        seen.reports = reports.sent
        whole = parts()
        assert all(whole), "there is something to look through"
        seen.received = b"\n".join(whole)
        seen.received_after = b"\n".join(part[start:] for part, start in zip(whole, lengths, strict=True))
    return seen


def _kind(each: Record) -> str:
    return str(each["type"]).removeprefix("se.skolnav.").removesuffix(".v1")


def _kinds(events: Iterable[Record]) -> Counter[str]:
    """Without meals and the words that all is current, which follow the clock."""
    return Counter(kind for kind in map(_kind, events) if not kind.startswith(("meals.", "directory.current")))


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _told(resource: str, record: Record, hidden: set[str]) -> Record:
    """What must be the same in the school system's record and in the hub's."""
    match resource:
        case "organisations":
            return {name: record.get(name) for name in ("displayName", "organisationType", "schoolUnitCode")}
        case "persons":
            return {name: record.get(name) for name in ("givenName", "familyName", "birthDate", "sex")} | {
                "guardians": {each["person"]["id"] for each in record.get("responsibles", ())} - hidden,
                "enrolments": [(each["enroledAt"]["id"], each["startDate"]) for each in record.get("enrolments", ())],
            }
        case "groups":
            members = [each["person"]["id"] for each in record["groupMemberships"]]
            return {"name": record["displayName"], "members": [each for each in members if each not in hidden]}
        case "duties":
            return {"who": record["person"]["id"], "at": record["dutyAt"]["id"], "role": record["dutyRole"]}
        case "activities":
            return {"name": record["displayName"], "groups": [each["id"] for each in record["groups"]]}
    return {
        "when": (_instant(record["startTime"]), _instant(record["endTime"])),
        "activity": record["activity"]["id"],
        "rooms": [each["id"] for each in record["rooms"]],
        "cancelled": record.get("cancelled", False),
    }


def _same(lists: Lists, hidden: set[str]) -> None:
    for resource in LISTS:
        ours = {each["id"]: _told(resource, each, hidden) for each in lists.ours[resource]}
        theirs = {each["id"]: _told(resource, each, hidden) for each in lists.theirs[resource]}
        assert len(ours) == len(lists.ours[resource]), f"{resource}: one twice"
        assert ours == {id: each for id, each in theirs.items() if resource != "persons" or id not in hidden}, resource


def _homes_kept(school: School, persons: Iterable[Record], hidden: set[str]) -> int:
    """Where the family of a protected pupil lives is told of nobody; of everybody else it is. How many families'."""
    near = school.near(hidden)
    for each in persons:
        raw = school.persons[each["id"]]
        assert HOME & each.keys() == (set() if each["id"] in near else {name for name in HOME if raw.get(name)})
    return len(near)


def _absences(events: Iterable[Record]) -> list[tuple[str, datetime, datetime]]:
    found = [each["data"] for each in events if _kind(each) == "absence.reported"]
    return sorted((each["student"]["id"], _instant(each["startTime"]), _instant(each["endTime"])) for each in found)


def _edit(number: int) -> Record:
    found: Record = json.loads((SIS_FOLDER / "edits.json").read_text())[number]
    return found


def _changed_groups(day: Played) -> set[str]:
    """Those with news: that a pupil who has left is no member any more is none."""
    assert day.before is not None
    assert day.after is not None
    left = day.school.left()
    before, after = (
        {
            each["id"]: [member for member in each["groupMemberships"] if member["person"]["id"] not in left]
            for each in lists.theirs["groups"]
        }
        for lists in (day.before, day.after)
    )
    return {id for id in before if before[id] != after[id]}


# -- before the edits -----------------------------------------------------------------------------------------------


def test_what_is_pulled_reaches_webhook_and_feed_once(day: Played) -> None:
    """Promises 2 and 6, over a restart: every record, protected pupils excepted."""
    pulled = {
        "directory.organisation.upserted": 3, "directory.person.upserted": 130, "directory.group.upserted": 9,
        "directory.duty.upserted": 8, "directory.activity.upserted": 7, "schedule.lesson.scheduled": 29,
        "schedule.lesson.cancelled": 1,
    }  # fmt: skip
    others = {"directory.diet.upserted": 3, "absence.reported": 4}
    assert _kinds(day.feed) == pulled | others
    assert _kinds(day.hook[: day.hook_before]) == pulled | others


def test_the_provider_api_has_what_the_school_system_has(day: Played) -> None:
    """Without the protected, guardians of protected pupils alone, and where their families live."""
    assert day.before is not None
    assert {name: len(found) for name, found in day.before.ours.items()} == {
        "organisations": 3, "persons": 130, "groups": 9, "duties": 8, "activities": 7, "calendarEvents": 30,
    }  # fmt: skip
    _same(day.before, day.school.withheld(day.school.hidden))
    assert _homes_kept(day.school, day.before.ours["persons"], day.school.hidden) >= 4


def test_what_guardians_report_to_the_api_reaches_everybody(day: Played) -> None:
    """Kitchen, webhook and API; of a protected pupil the kitchen alone, as a number."""
    assert day.before is not None
    told = sorted((id, _instant(start), _instant(end)) for id, start, end in day.reports)
    open_ = [each for each in told if each[0] not in day.school.hidden]
    # The second report about the newly protected pupil comes to nobody.
    later = [each for each in open_ if each[0] == day.school.protected_later]
    assert len(later) == 2
    delivered = [each for each in open_ if each != min(later, key=lambda each: each[2])]
    assert _absences(day.hook) == delivered
    shown = [(each["student"]["id"], _instant(each["startTime"]), _instant(each["endTime"]))
             for each in day.before.absences]  # fmt: skip
    assert sorted(shown) == [each for each in delivered if each[0] not in day.late]
    assert portions(day.files[0]) == day.eats(day.early) != day.eats([])


# -- the edits ------------------------------------------------------------------------------------------------------


def test_each_edit_is_told_once_to_webhook_and_feed(day: Played) -> None:
    """Over further pulls and a restart. A pupil who is protected now leaves as the deleted one does (promise 5).

    Promise 2: who reads the feed only after a restart is told of a deletion that came before it, too.
    """
    old = {(each["source"], each["id"]) for each in day.feed}
    removed, moved = _edit(1), _edit(3)
    edits = Counter({
        "directory.person.deleted": len(day.school.left()), "directory.group.upserted": 1, "schedule.lesson.changed": 2,
    })  # fmt: skip
    late = Counter({"absence.reported": len(day.late)})
    assert len(_changed_groups(day)) == 1
    by_hook = day.hook[day.hook_before :]
    by_feed, at_last = (
        [each for each in read if (each["source"], each["id"]) not in old] for read in (day.edited, day.again)
    )
    assert _kinds(by_hook) == edits + late
    assert _kinds(by_feed) == edits
    assert _kinds(at_last) == edits + late
    for news in (by_hook, by_feed, at_last):
        ended = {each["data"]["id"] for each in news if _kind(each) == "directory.person.deleted"}
        assert ended == day.school.left() > {removed["id"]}
        groups = {each["data"]["id"]: each["data"] for each in news if _kind(each) == "directory.group.upserted"}
        assert set(groups) == _changed_groups(day)
        assert day.after is not None
        now = {each["id"]: each for each in day.after.theirs["groups"]}
        hidden = {*day.school.hidden, day.school.protected_later}
        for id, group in groups.items():
            assert _told("groups", group, hidden) == _told("groups", now[id], hidden)
        lessons = [each["data"] for each in news if _kind(each) == "schedule.lesson.changed"]
        assert len({each["id"] for each in lessons}) == 2
        for each in lessons:
            assert each["activity"]["id"] == moved["activity"]
            assert (each["startTime"][11:16], each["endTime"][11:16]) == ("13:30", "14:30")
            assert [room["displayName"] for room in each["rooms"]] == ["Sal 99"]
            assert set(each["changed"]) == {"startTime", "endTime", "rooms"}


def test_the_kitchen_counts_as_edited(day: Played) -> None:
    """The deleted pupil is gone, the newly protected one still counts; after the cut-off a change is said to be late.

    The second report about the newly protected pupil, who is away anyway, changes no number.
    """
    gone = [day.school.deleted_later]
    assert portions(day.files[1]) == day.eats(day.early, gone) != portions(day.files[0])
    assert portions(day.files[2]) == day.eats([*day.early, *day.late], gone)
    assert [column(file, "status") for file in day.files] == [
        {"7": "preliminary", "8": "preliminary"}, {"7": "fixed", "8": "fixed"}, {"7": "fixed", "8": "late_change"},
    ]  # fmt: skip


def test_the_provider_api_has_the_edits(day: Played) -> None:
    assert day.after is not None
    hidden = {*day.school.hidden, day.school.protected_later}
    assert len(day.after.ours["persons"]) == 126
    _same(day.after, day.school.withheld(hidden))
    assert _homes_kept(day.school, day.after.ours["persons"], hidden) > len(day.school.near(day.school.hidden))
    left = _edit(2)
    (group,) = [each for each in day.after.ours["groups"] if each["id"] == left["group"]]
    assert left["person"] not in {each["person"]["id"] for each in group["groupMemberships"]}
    assert day.school.protected_later not in {each["student"]["id"] for each in day.after.absences}


def test_the_provider_api_s_own_delta_is_the_edits(day: Played) -> None:
    moved = _edit(3)
    assert {each["id"] for each in day.delta["groups"]} == _changed_groups(day)
    assert len(day.delta["calendarEvents"]) == 2
    assert {each["activity"]["id"] for each in day.delta["calendarEvents"]} == {moved["activity"]}
    assert day.delta["persons"] == []
    assert day.deleted == day.deleted_at_last
    assert {name: set(ids) for name, ids in day.deleted.items()} == {"persons": day.school.left()}


# -- the protected --------------------------------------------------------------------------------------------------


def test_nothing_of_the_protected_is_in_any_byte_that_left(day: Played) -> None:
    """Promises 4, 5 and 8: webhook, files, feed, API and the hub's own log, at its most talkative."""
    canaries = {*day.school.canaries(day.school.hidden), TOKEN}
    assert len(canaries) >= 10
    assert not appearances(canaries, day.received)
    assert appearances([day.early[0]], day.received), "the search finds what is there"


def test_the_newly_protected_pupil_is_in_no_byte_after_the_edits(day: Played) -> None:
    """Neither are the guardians' addresses: in nothing told, read again or listed. The pupil's end has the id."""
    hidden = {day.school.protected_later}
    canaries = day.school.canaries(hidden) - hidden
    assert appearances(canaries, day.received), "it was told before"
    assert not appearances(canaries, day.received_after)
    assert appearances(["Sal 99"], day.received_after), "the search finds what is there"
