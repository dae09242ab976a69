"""The recorded answers of an independent provider, over HTTP, through a whole hub: pull, the same again, the edits."""

import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Any, ClassVar

import pytest

from connectors.ss12000.connector import Ss12000
from plugins import Category, Connector, ConnectorConfig, Contract
from plugins.testing import TestHub, open_hub
from schemas import Event
from schemas.directory import ActivityUpserted, DutyUpserted, GroupUpserted, PersonUpserted
from schemas.schedule import LessonChanged, LessonScheduled
from tests.peers.sis import DEMO, TOKEN, Recorded, serving

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not DEMO.is_dir(), reason="the reference material is not beside the repository"),
]
EDITS = (
    {
        each["change"].split(" ")[0] + str(n): each
        for n, each in enumerate(json.loads((DEMO / "edits.json").read_text()))
    }
    if DEMO.is_dir()
    else {}
)
MARKED, REMOVED, LEFT, MOVED = EDITS.values() if EDITS else ({}, {}, {}, {})
START = "2026-10-20T07:30"


@pytest.fixture
def sis() -> Iterator[Recorded]:
    with serving(Recorded()) as sis:
        assert isinstance(sis, Recorded)
        yield sis


@pytest.fixture
def config(sis: Recorded) -> dict[str, Any]:
    return {
        "base_url": f"{sis.url}/v2",
        "auth": {"token": TOKEN},
        "poll": "1h",
        "window": {"back": "7d", "ahead": "60d"},
    }


@pytest.fixture
async def hub(config: dict[str, Any]) -> AsyncIterator[TestHub]:
    async with open_hub(START) as hub:
        await hub.add(Ss12000, config)
        assert await hub.status("ss12000") == "running"
        yield hub


async def told(hub: TestHub, after: int = 0) -> list[Event]:
    """What was published, without the word that all is current."""
    return [each for each in (await hub.published())[after:] if each.type != "se.skolnav.directory.current.v1"]


def kinds(events: list[Event]) -> Counter[str]:
    return Counter(each.type.removeprefix("se.skolnav.").removesuffix(".v1") for each in events)


async def test_the_whole_school_becomes_events(hub: TestHub) -> None:
    assert kinds(await told(hub)) == {
        "directory.organisation.upserted": 3,
        "directory.person.upserted": 136,
        "directory.group.upserted": 9,
        "directory.duty.upserted": 8,
        "directory.activity.upserted": 7,
        "schedule.lesson.scheduled": 29,
        "schedule.lesson.cancelled": 1,
    }, hub.logs()[-3000:]
    assert len(await hub.published("se.skolnav.directory.current.v1")) == 1


async def test_what_is_not_offered_is_said_once(hub: TestHub) -> None:
    await hub.restart()
    said = Counter(each for each in hub.problems() if "not-offered" in each)
    assert sorted(said.values()) == [1, 1, 1, 1]
    assert {each.split("not-offered ")[1].split(":")[0] for each in said} == {
        "rooms", "absences", "attendances", "attendanceEvents",
    }  # fmt: skip
    assert [each for each in hub.problems() if "not-offered" not in each and "clock-differs" not in each] == []


async def test_an_identical_pull_tells_nothing(hub: TestHub, sis: Recorded) -> None:
    before = len(await hub.published())
    asked = len(sis.asked)
    await hub.restart()
    assert await told(hub, before) == []
    await hub.advance_to("2026-10-21T04:00")  # past the nightly comparison
    assert await told(hub, before) == []
    assert "/v2/persons" in sis.paths()[asked:]
    assert ("/v2/persons", {"limit": "1000"}) in sis.asked[asked:], "the nightly pull was not a whole one"


async def test_each_edit_is_told_truly_and_once(hub: TestHub, sis: Recorded) -> None:
    before = len(await hub.published())
    sis.edited = True
    await hub.restart()
    news = await told(hub, before)
    persons = [each for each in news if each.type.startswith("se.skolnav.directory.person.")]
    assert [(each.type.split(".")[4], each.data["id"]) for each in persons] == [
        ("upserted", MARKED["id"]),
        ("deleted", REMOVED["id"]),
    ]
    assert persons[0].data["securityMarking"] == "Sekretessmarkering"

    groups = {each.data["id"]: each for each in news if each.type == "se.skolnav.directory.group.upserted.v1"}
    was = {each["id"]: members(each) for each in json.loads((DEMO / "groups.page1.json").read_text())["data"]}
    now = {each["id"]: members(each) for each in json.loads((DEMO / "after.groups.page1.json").read_text())["data"]}
    assert set(groups) == {id for id in was if was[id] != now[id]}
    assert {id: members(each.data) for id, each in groups.items()} == {id: now[id] for id in groups}
    assert LEFT["person"] in was[LEFT["group"]] - now[LEFT["group"]]
    assert any(REMOVED["id"] in was[id] for id in groups)

    lessons = [each for each in news if each.type.startswith("se.skolnav.schedule.")]
    assert {each.type for each in lessons} == {"se.skolnav.schedule.lesson.changed.v1"}
    assert {each.data["activity"]["id"] for each in lessons} == {MOVED["activity"]}
    assert len({each.data["id"] for each in lessons}) == len(lessons) == 2
    for each in lessons:
        assert each.data["startTime"][11:16] == "13:30"
        assert each.data["changed"]["startTime"][11:16] == "13:00"
        assert each.data["changed"]["rooms"][0]["displayName"] == "Sal 15"
        assert set(each.data["changed"]) == {"startTime", "endTime", "rooms"}
    assert len(news) == len(persons) + len(groups) + len(lessons)

    after = len(await hub.published())
    await hub.restart()
    await hub.advance_to("2026-10-21T04:00")
    assert await told(hub, after) == []


async def test_a_lesson_brings_what_receivers_need(hub: TestHub) -> None:
    (lesson, *_) = await hub.published("se.skolnav.schedule.lesson.scheduled.v1")
    assert {"organisation", "groups", "teachers", "activityType", "rooms"} <= set(lesson.data)
    assert set(lesson.data["teachers"][0]) == {"person"}  # this provider names teachers by person


class Recipient(Connector[ConnectorConfig]):
    """Somebody with a contract for everything, who keeps what came."""

    name = "recipient"
    config_model = ConnectorConfig
    consumes = (PersonUpserted, GroupUpserted, DutyUpserted, ActivityUpserted, LessonScheduled, LessonChanged)
    contract = Contract("everything", "a test", set(Category))
    start_from = "oldest"
    came: ClassVar[list[str]] = []

    async def handle(self, event: Event) -> None:
        self.came.append(json.dumps([event.attributes, event.data], ensure_ascii=False))


async def test_no_byte_of_the_protected_reaches_a_recipient_nor_where_they_live(hub: TestHub, sis: Recorded) -> None:
    """Promise 4, and the traps of this provider: memberships without marks, guardians' addresses."""
    Recipient.came.clear()
    await hub.add(Recipient, {})
    everybody = sis.records("persons")
    hidden = [each for each in everybody if each["securityMarking"] != "Ingen"]
    guardians = {each["person"]["id"] for person in hidden for each in person["responsibles"]}
    homes = [each for each in everybody if each["id"] in guardians]
    told = "\n".join(Recipient.came)
    others = json.dumps([each for each in everybody if each not in (*hidden, *homes)], ensure_ascii=False)
    secrets = [value for each in hidden for value in (each["id"], each["civicNo"]["value"], each["emails"][0]["value"])]
    secrets += [each["addresses"][0]["streetAddress"] for each in homes]
    secrets += [each["phoneNumbers"][0]["value"] for each in homes]
    secrets = [value for value in secrets if value not in others]
    assert len(hidden) == 2
    assert len(secrets) >= 10
    assert len(Recipient.came) > 150
    assert [value for value in secrets if value in told] == []

    Recipient.came.clear()
    sis.edited = True  # a third pupil is marked before the groups and lessons of the same pull are told
    await hub.restart()
    assert Recipient.came
    assert MARKED["id"] not in "\n".join(Recipient.came)


def members(group: dict[str, Any]) -> set[str]:
    return {each["person"]["id"] for each in group["groupMemberships"]}
