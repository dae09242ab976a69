"""When the whole window of lessons is read: in turn by itself, at once when somebody says that it matters."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from connectors.ss12000.connector import Ss12000
from hub.testing.hub import FileTestHub
from plugins import Answer, Received
from plugins.testing import open_hub
from tests.connectors.ss12000.conftest import Pulled, kinds
from tests.connectors.ss12000.records import id_, lesson
from tests.connectors.ss12000.test_slow import URL, Slow, passing
from tests.peers.sis import Made, Query, Reply

LATER = {"created": "2026-08-17T08:00:00+02:00", "modified": "2027-01-01T00:00:00+01:00"}
DAYS = [f"2026-{month}-{day:02d}" for month, day in ((11, 26), (11, 27), (11, 30), (12, 1), (12, 2), (12, 3), (12, 4))]
FAR = 100 + 60 * 6  # a lesson on the last of them


def of(n: int, day: str, k: int) -> dict[str, Any]:
    return lesson(n, f"{day}T{8 + k % 8:02d}:{k // 8:02d}:00+01:00")


@pytest.fixture
async def large(config: dict[str, Any], sis: Made) -> AsyncIterator[Pulled]:
    """420 lessons in the window, of which a poll looks at 100, and a supplier that calls."""
    sis.records["calendarEvents"] += [of(100 + 60 * n + k, day, k) for n, day in enumerate(DAYS) for k in range(60)]
    sis.subscriptions, sis.page = {}, 500
    async with open_hub("2026-11-24T07:30") as opened:
        sis.clock = opened.clock.utc
        await opened.add(Ss12000, {**config, "lessons_per_poll": 100, "callback": {"url": URL}})
        hub = Pulled(opened)
        assert kinds(await hub.news())["schedule.lesson.scheduled"] == 8 + 60 * len(DAYS)
        opened.clock.pass_machine(120)  # past the rest after the first
        yield hub


def cancel_far(sis: Made) -> None:
    next(each for each in sis.records["calendarEvents"] if each["id"] == id_("lesson", FAR))["cancelled"] = True


async def told(hub: Pulled, sis: Made, said: Any) -> None:
    assert sis.subscriptions is not None
    (subscription,) = sis.subscriptions.values()
    path = subscription["target"].removeprefix(URL)
    assert await hub.hub.receive("ss12000", Received("POST", path, body=json.dumps(said).encode())) == Answer(200)


@pytest.mark.parametrize(
    "said", [{"modifiedEntites": ["CalendarEvent"]}, {"modifiedEntities": ["Group", "CalendarEvent"]}, {}]
)
async def test_a_call_about_lessons_has_the_whole_window_read_at_once(large: Pulled, sis: Made, said: Any) -> None:
    cancel_far(sis)
    await told(large, sis, said)
    (only,) = await large.news()
    assert (only.type, only.data["id"]) == ("se.skolnav.schedule.lesson.cancelled.v1", id_("lesson", FAR))


@pytest.mark.parametrize("said", [{"modifiedEntites": ["Person"]}, {"deletedEntities": True}])
async def test_a_call_about_something_else_leaves_it_to_its_turn(large: Pulled, sis: Made, said: Any) -> None:
    cancel_far(sis)
    await told(large, sis, said)
    assert await large.news() == []
    for _ in range(5):
        await large.hub.poll("ss12000")
    assert len(await large.news()) == 1  # 420 lessons at 100 a poll


async def test_calls_in_a_row_have_it_read_once_a_minute_and_lose_nothing(large: Pulled, sis: Made) -> None:
    await told(large, sis, {"modifiedEntites": ["CalendarEvent"]})
    asked = sis.paths().count("/v2.0/calendarEvents")
    cancel_far(sis)
    await told(large, sis, {"modifiedEntites": ["CalendarEvent"]})
    assert sis.paths().count("/v2.0/calendarEvents") - asked < 5  # a poll's part, not the window
    large.hub.clock.pass_machine(61)
    await large.hub.poll("ss12000")
    assert len(await large.news()) == 1


async def test_by_command_it_is_read_at_once(large: Pulled, sis: Made) -> None:
    cancel_far(sis)
    await large.hub.reconcile("ss12000")
    assert len(await large.news()) == 1


async def test_a_lesson_of_today_or_tomorrow_is_never_waited_for(large: Pulled, sis: Made) -> None:
    sis.records["calendarEvents"][0]["cancelled"] = True
    sis.records["calendarEvents"].append(lesson(900, "2026-11-25T08:00:00+01:00"))
    await large.hub.poll("ss12000")
    assert kinds(await large.news()) == {"schedule.lesson.cancelled": 1, "schedule.lesson.scheduled": 1}


async def test_a_slow_window_does_not_keep_a_new_mark_waiting(config: dict[str, Any], sis: Made) -> None:
    """Lessons come after a minute each time, so that the window takes long; a pupil is marked meanwhile."""
    sis.records["calendarEvents"] += [of(100 + 60 * n + k, day, k) for n, day in enumerate(DAYS) for k in range(60)]
    async with open_hub("2026-11-24T07:30") as opened:
        assert isinstance(opened, FileTestHub)
        slow = Slow(sis, opened.clock, after_s=60)
        slow.only = "/v2.0/calendarEvents"
        limits = {"answer_timeout_s": 600, "deadline_s": 900, "window": {"back": "2d", "ahead": "14d"}}
        adding = asyncio.ensure_future(opened.add(Ss12000, {**config, **limits}))
        await passing(opened.clock, lambda: slow.answers > 0, 4000)
        sis.records["persons"][3] |= {"securityMarking": "Sekretessmarkering", "meta": LATER}
        await passing(opened.clock, adding.done, 4000)
        await adding
        news = await Pulled(opened).news()
        marked = [n for n, each in enumerate(news) if each.data.get("securityMarking") == "Sekretessmarkering"]
        lessons = [n for n, each in enumerate(news) if each.type.endswith("lesson.scheduled.v1")]
        assert len(lessons) == 8 + 60 * len(DAYS)
        assert len(marked) == 1
        assert lessons[0] < marked[0] < lessons[-1]


async def test_a_window_that_breaks_off_goes_on_where_it_was(large: Pulled, sis: Made) -> None:
    days: list[str] = []
    broken = iter(range(1))

    def breaks(path: str, query: Query) -> Reply | None:
        if path != "/v2.0/calendarEvents" or "startTime.onOrAfter" not in query:
            return None
        days.append(query["startTime.onOrAfter"][:10])
        return Reply(401) if days[-1] >= "2026-12-01" and next(broken, None) is not None else None

    sis.faults.append(breaks)
    cancel_far(sis)
    with pytest.raises(Exception, match="login"):
        await large.hub.reconcile("ss12000")
    assert await large.news() == []
    first = len(days)
    await large.hub.poll("ss12000")
    assert len(await large.news()) == 1
    assert days[first] == "2026-11-24"  # today's and tomorrow's
    assert days[first + 1] >= "2026-11-30"  # and then on from where it broke off
