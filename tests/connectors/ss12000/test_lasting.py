"""What is wrong for long, or comes in an odd way, and must not spoil the rest."""

import asyncio
import time
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from connectors.ss12000.connector import Ss12000
from hub.hosting.connector_errors import backoff_s
from hub.testing.hub import FileTestHub
from plugins import TemporaryError
from plugins.testing import open_hub
from tests.connectors.ss12000.conftest import Pulled, kinds
from tests.connectors.ss12000.records import group, id_, lesson, person
from tests.connectors.ss12000.test_slow import passing
from tests.peers.sis import Made, Query, Reply
from tests.until import until

EARLIER = {"created": "2026-01-01T08:00:00+01:00", "modified": "2026-01-01T08:00:00+01:00"}
LATER = {"created": "2026-08-17T08:00:00+02:00", "modified": "2027-01-01T00:00:00+01:00"}


def refuses(*resources: str) -> Any:
    return lambda path, query: Reply(403, {"code": "x", "message": ""}) if path.split("/")[2] in resources else None


async def test_a_list_that_the_account_may_never_read_slows_nothing_else_down(
    config: dict[str, Any], sis: Made
) -> None:
    """It had made every poll count as failed: asked more and more seldom, and the supplier's calls were not heard."""
    sis.faults.append(refuses("absences", "rooms"))
    async with open_hub("2026-11-24T07:30") as opened:
        assert isinstance(opened, FileTestHub)
        await opened.add(Ss12000, {**config, "poll": "60s"})
        hub = Pulled(opened)
        assert len(await hub.news()) > 40
        (instance,) = opened._hub.hosts.statuses()
        assert instance.failing == ""
        for _ in range(10):
            asked = sis.paths().count("/v2.0/persons")
            opened.clock.pass_machine(62)
            await until(lambda asked=asked: sis.paths().count("/v2.0/persons") != asked)
            await opened.settle()
        assert len(hub.problems("refused")) == 2, "once for each list"
        assert await hub.currents() == 0, "a directory of which a part can't be read is not complete"


async def test_a_list_that_failed_in_the_night_is_read_whole_by_the_next_poll(hub: Pulled, sis: Made) -> None:
    """And the night's work on all the others is not done again."""
    await hub.news()
    sis.faults.append(refuses("groups"))
    await hub.hub.reconcile("ss12000")
    sis.faults.clear()
    sis.asked.clear()
    sis.records["groups"] = [group(0, range(1, 31)), group(1, [1])]  # the second has come, and reports no change
    await hub.hub.poll("ss12000")
    assert kinds(await hub.news()) == {"directory.group.upserted": 1}
    assert [query for path, query in sis.asked if path == "/v2.0/persons" and "meta.modified.after" not in query] == []
    sis.asked.clear()
    await hub.hub.poll("ss12000")
    assert all("meta.modified.after" in query for path, query in sis.asked if path == "/v2.0/groups")


async def test_whoever_is_removed_after_a_confirmation_leaves_groups_that_report_no_change(
    hub: Pulled, sis: Made
) -> None:
    await hub.news()
    gone = {each["id"] for each in sis.records["persons"][5:]}
    del sis.records["persons"][5:]
    sis.records["groups"] = [group(0, range(1, 5), meta=EARLIER)]  # no list of changes has it
    await hub.hub.poll("ss12000")
    assert await hub.news() == []
    sis.faults.append(refuses("groups"))  # so that the night holds the persons and does not see the group
    await hub.nightly(25)
    sis.faults.clear()
    (waits,) = await hub.hub.waiting("ss12000")
    await hub.hub.restart()
    await hub.news()
    await hub.hub.confirm("ss12000", waits.word)
    news = await hub.news()
    assert kinds(news) == {"directory.person.deleted": 26, "directory.group.upserted": 1}
    assert gone.isdisjoint(each["person"]["id"] for each in news[-1].data["groupMemberships"])


async def test_a_record_that_comes_twice_is_told_once_and_not_by_every_pull(hub: Pulled, sis: Made) -> None:
    await hub.news()
    sis.records["persons"][7] = person(7, meta=LATER, familyName="Två")
    sis.records["persons"].append(person(7, meta=LATER, familyName="Tre"))
    sis.records["calendarEvents"].append(lesson(3, "2026-11-24T11:00:00+01:00", cancelled=True))
    (only,) = await hub.poll()
    assert (only.data["id"], only.data["familyName"]) == (id_("person", 7), "Två")
    for _ in range(2):
        assert await hub.poll() == []
    assert any("came twice" in each for each in hub.problems("record-not-read"))


async def test_an_answer_that_took_long_sets_the_watermark_to_when_it_was_asked_for(
    config: dict[str, Any], sis: Made
) -> None:
    """`Date` is of the answer; what changed while it was made may be missing in it."""
    async with open_hub("2026-11-24T07:30") as opened:
        clock, asked = opened.clock, []
        sis.clock = clock.utc

        def late(path: str, query: Query) -> None:
            if path == "/v2.0/persons" and not asked:
                asked.append(clock.utc())
                while clock.utc() - asked[0] < timedelta(seconds=500):
                    time.sleep(0.001)

        sis.faults.append(late)
        adding = asyncio.ensure_future(opened.add(Ss12000, {**config, "answer_timeout_s": 600, "deadline_s": 900}))
        await until(lambda: asked)
        await passing(clock, lambda: clock.utc() - asked[0] > timedelta(seconds=510), 600)
        await asyncio.wait_for(adding, 20)
        at = datetime.fromisoformat((await opened.state("ss12000"))["mark/persons"]["at"])
        assert at <= asked[0] + timedelta(seconds=1)
        assert clock.utc() - asked[0] > timedelta(seconds=500)


async def test_a_byte_order_mark_is_no_obstacle(hub: Pulled, sis: Made) -> None:
    await hub.news()
    sis.records["persons"][3] |= {"familyName": "Märkt", "meta": LATER}

    def marked(path: str, query: Query) -> Reply | None:
        return (
            Reply(200, raw=b"\xef\xbb\xbf" + sis.answer(path, query).content()) if path.endswith("/persons") else None
        )

    sis.faults.append(marked)
    (only,) = await hub.poll()
    assert only.data["familyName"] == "Märkt"


@pytest.mark.parametrize(
    ("failures", "wish", "seconds"),
    [
        (1, None, 1.0),
        (20, None, 300.0),
        (1, 900.0, 900.0),
        (20, 900.0, 900.0),
        (1, 7200.0, 3600.0),
        (1, 1e6, 1.0),
        (20, 5.0, 300.0),
    ],
)
def test_the_far_sides_wish_counts_up_to_an_hour(failures: int, wish: float | None, seconds: float) -> None:
    assert backoff_s(failures, TemporaryError("away", retry_after_s=wish)) == seconds


async def test_a_lesson_that_enters_the_window_is_cancelled_only_by_the_reading_after(hub: Pulled, sis: Made) -> None:
    """Its start must lie in the window then and now."""
    await hub.news()
    far = {"startTime": "2026-12-09T08:00:00+01:00", "endTime": "2026-12-09T08:50:00+01:00"}  # a day after its end
    sis.records["calendarEvents"][0] |= far
    assert kinds(await hub.poll()) == {"schedule.lesson.changed": 1}
    sis.records["calendarEvents"].pop(0)
    assert kinds(await hub.nightly(25)) == {}  # the window now has that day, and had not
    assert kinds(await hub.poll()) == {"schedule.lesson.cancelled": 1}


async def test_of_two_words_about_a_person_the_one_that_protects_counts(hub: Pulled, sis: Made) -> None:
    await hub.news()
    marked = person(7, meta=LATER, securityMarking="Skyddad folkbokföring")
    clean = person(7, meta=LATER, familyName="Omdöpt")
    for records in ([clean, marked], [marked, clean]):
        sis.records["persons"] = [*(person(n) for n in range(31) if n != 7), *records]
        await hub.poll()
        (last,) = [each for each in (await hub.hub.published())[-6:] if each.data.get("id") == marked["id"]][-1:]
        assert last.data["securityMarking"] == "Skyddad folkbokföring"


@pytest.mark.parametrize("status", [404, 403, 400, 501])
async def test_a_supplier_that_refuses_deletedentities_has_a_current_directory_all_the_same(
    config: dict[str, Any], sis: Made, status: int
) -> None:
    """And it is asked again every night."""
    sis.faults.append(lambda path, query: Reply(status, raw=b"") if path == "/v2.0/deletedEntities" else None)
    async with open_hub("2026-11-24T07:30") as opened:
        await opened.add(Ss12000, config)
        hub = Pulled(opened)
        assert await hub.currents() == 1
        await opened.poll("ss12000")
        assert len([each for each in hub.problems("not-offered") if "deletedEntities" in each]) == 1
        assert sis.paths().count("/v2.0/deletedEntities") == 1
        sis.faults.clear()
        await opened.reconcile("ss12000")
        await hub.news()
        sis.deleted = {"persons": [sis.records["persons"].pop(5)["id"]]}
        await opened.poll("ss12000")
        assert kinds(await hub.news())["directory.person.deleted"] == 1


@pytest.mark.parametrize(
    "deleted",
    [
        {"persons": ["canary", 7, None], "whatever": ["canary"]},
        [{"entityType": "Person", "id": "canary"}, "canary", {"id": None, "entityType": 7}],
    ],
)
async def test_deletions_that_cannot_be_read_are_told_once_and_the_rest_taken(
    hub: Pulled, sis: Made, deleted: Any
) -> None:
    await hub.news()
    gone = sis.records["persons"].pop(5)["id"]
    sis.records["groups"] = [group(0, [n for n in range(1, 31) if n != 5])]
    sis.deleted = deleted
    if isinstance(deleted, dict):
        deleted["persons"].append(gone)
    else:
        deleted.append({"entityType": "Person", "id": gone})
    for _ in range(2):
        await hub.hub.poll("ss12000")
    assert kinds(await hub.news()) == {"directory.person.deleted": 1, "directory.group.upserted": 1}
    (said,) = hub.problems("record-not-read")
    assert "deletedEntities: id: must be a UUID" in said
    assert "canary" not in said + hub.hub.logs()


@pytest.mark.parametrize("as_date", [False, True])
async def test_a_busy_supplier_is_asked_again_when_it_says(config: dict[str, Any], sis: Made, as_date: bool) -> None:
    async with open_hub("2026-11-24T07:30") as opened:
        assert isinstance(opened, FileTestHub)
        clock = opened.clock
        sis.clock = clock.utc
        await opened.add(Ss12000, {**config, "answer_timeout_s": 600, "deadline_s": 600})
        asked: list[datetime] = []

        def busy(path: str, query: Query) -> Reply | None:
            if path != "/v2.0/groups":
                return None
            asked.append(clock.utc())
            after = format_datetime(asked[0] + timedelta(seconds=120), usegmt=True) if as_date else "120"
            return Reply(429, raw=b"", headers={"Retry-After": after}) if len(asked) == 1 else None

        sis.faults.append(busy)
        polling = asyncio.ensure_future(opened.poll("ss12000"))
        await passing(clock, lambda: len(asked) == 2, 400)
        await polling
        assert timedelta(seconds=118) <= asked[1] - asked[0] < timedelta(seconds=150)
        assert Pulled(opened).problems("busy") == []
