"""Pulls through a whole hub: what each change of a school becomes, and what never becomes anything."""

import asyncio
from typing import Any

import pytest

from connectors.ss12000.connector import Ss12000
from plugins import TemporaryError
from plugins.testing import open_hub
from tests.connectors.ss12000.conftest import Pulled, kinds
from tests.connectors.ss12000.records import absence, activity, group, id_, lesson, organisation, person, school
from tests.peers.sis import Made, Reply, serving
from tests.until import until

LATER = {"created": "2026-08-17T08:00:00+02:00", "modified": "2027-01-01T00:00:00+01:00"}  # after any watermark


async def test_a_school_becomes_events(hub: Pulled) -> None:
    news = await hub.news()
    assert kinds(news) == {
        "directory.organisation.upserted": 1,
        "directory.person.upserted": 31,
        "directory.group.upserted": 1,
        "directory.duty.upserted": 1,
        "directory.activity.upserted": 1,
        "schedule.lesson.scheduled": 8,
        "absence.reported": 1,
    }
    told = next(each for each in news if each.type.endswith("lesson.scheduled.v1"))
    assert told.data["teachers"] == [{"duty": {"id": id_("duty", 0)}, "person": {"id": id_("person", 0)}}]
    assert await hub.currents() == 1
    assert await hub.poll() == []
    assert await hub.nightly(25) == []


async def test_persons_come_before_whatever_names_them(hub: Pulled) -> None:
    order = [each.type for each in await hub.news()]
    persons = [n for n, each in enumerate(order) if ".person." in each]
    naming = [n for n, each in enumerate(order) if ".group." in each or ".lesson." in each or ".absence." in each]
    assert max(persons) < min(naming)


async def test_a_mark_that_changes_is_told_by_the_next_poll(hub: Pulled, sis: Made) -> None:
    await hub.news()
    sis.records["persons"][3] |= {"securityMarking": "Skyddad folkbokföring", "meta": LATER}
    (only,) = await hub.poll()
    assert (only.type, only.data["id"]) == ("se.skolnav.directory.person.upserted.v1", id_("person", 3))
    assert only.data["securityMarking"] == "Skyddad folkbokföring"
    assert await hub.poll() == []


async def test_a_lesson_that_moved_is_changed_and_one_that_is_gone_cancelled(hub: Pulled, sis: Made) -> None:
    await hub.news()
    lessons = sis.records["calendarEvents"]
    lessons[0] |= {"startTime": "2026-12-01T08:00:00+01:00", "endTime": "2026-12-01T08:50:00+01:00"}
    del lessons[1]
    lessons[1]["cancelled"] = True
    news = {each.data["id"]: each for each in await hub.poll()}
    assert {id: each.type.split(".")[4] for id, each in news.items()} == {
        id_("lesson", 0): "changed",
        id_("lesson", 1): "cancelled",
        id_("lesson", 2): "cancelled",
    }
    assert news[id_("lesson", 0)].data["changed"]["startTime"] == "2026-11-24T08:00:00+01:00"
    assert news[id_("lesson", 1)].data["startTime"] == "2026-11-24T09:00:00+01:00"
    assert news[id_("lesson", 1)].data["cancelled"] is True
    assert await hub.poll() == []


async def test_a_lesson_that_moved_out_of_the_window_is_not_cancelled(hub: Pulled, sis: Made) -> None:
    await hub.news()
    moved = {"startTime": "2027-02-01T08:00:00+01:00", "endTime": "2027-02-01T08:50:00+01:00"}
    sis.records["calendarEvents"][0] |= moved
    (only,) = await hub.poll()
    assert only.type == "se.skolnav.schedule.lesson.changed.v1"
    assert only.data["startTime"] == moved["startTime"]
    assert await hub.poll() == []


async def test_days_that_pass_out_of_the_window_cancel_nothing(hub: Pulled, sis: Made) -> None:
    await hub.news()
    await hub.hub.advance_to("2026-12-02T04:00")
    assert await hub.news() == []
    assert not [name for name in await hub.hub.state("ss12000") if name.startswith("lesson/")]


async def test_another_teacher_of_the_activity_changes_its_lessons(hub: Pulled, sis: Made) -> None:
    await hub.news()
    sis.records["activities"] = [activity(0, meta=LATER, teachers=[])]
    news = await hub.poll()
    assert kinds(news) == {"directory.activity.upserted": 1, "schedule.lesson.changed": 8}
    assert news[-1].data["teachers"] == []
    assert set(news[-1].data["changed"]) == {"teachers"}


@pytest.mark.parametrize("as_list", [False, True])
async def test_a_removed_pupil_leaves_a_group_that_reports_no_change(hub: Pulled, sis: Made, as_list: bool) -> None:
    """/deletedEntities in both shapes."""
    await hub.news()
    gone = sis.records["persons"].pop(5)["id"]
    sis.records["groups"][0]["groupMemberships"].pop(4)
    sis.records["groups"][0]["meta"] = {"modified": "2026-01-01T08:00:00+01:00"}  # no list of changes has it
    sis.deleted = (
        [{"entityType": "Person", "id": gone, "deletedAt": "2026-11-24T08:00:00"}] if as_list else {"persons": [gone]}
    )
    deleted, changed = await hub.poll()
    assert (deleted.type, deleted.data["id"]) == ("se.skolnav.directory.person.deleted.v1", gone)
    assert changed.type == "se.skolnav.directory.group.upserted.v1"
    assert gone not in {each["person"]["id"] for each in changed.data["groupMemberships"]}
    assert await hub.poll() == []


async def test_a_deletion_that_asking_by_id_denies_is_not_believed(hub: Pulled, sis: Made) -> None:
    await hub.news()
    sis.deleted = {"persons": [id_("person", 5)], "absences": [id_("absence", 0)]}
    assert await hub.poll() == []


async def test_too_much_that_is_announced_as_deleted_is_held_too(hub: Pulled, sis: Made) -> None:
    await hub.news()
    sis.deleted = {"persons": [each["id"] for each in sis.records["persons"][5:]]}
    del sis.records["persons"][5:]
    assert await hub.poll() == []
    assert hub.problems("removals-held")
    await hub.hub.retry()
    assert kinds(await hub.news())["directory.person.deleted"] == 26


async def test_a_person_of_whom_nothing_can_be_read_any_more_counts_as_unknown(hub: Pulled, sis: Made) -> None:
    """An old `Ingen` must not stand as the last word while `directory.current` makes it fresh."""
    await hub.news()
    broken = {
        "id": id_("person", 3),
        "meta": LATER,
        "securityMarking": {"canary": 1},
        "emails": [{"value": 7.5}] * 3000,
    }
    sis.records["persons"][3] = broken
    (only,) = await hub.poll()
    assert only.data["id"] == id_("person", 3)
    assert "securityMarking" not in only.data


async def test_a_supplier_without_a_filter_on_changes_is_read_whole(hub: Pulled, sis: Made) -> None:
    await hub.news()
    sis.faults.append(
        lambda path, query: Reply(400, {"code": "filter", "message": ""}) if "meta.modified.after" in query else None
    )
    sis.records["persons"][3]["familyName"] = "Omdöpt"
    (only,) = await hub.poll()
    assert only.data["familyName"] == "Omdöpt"
    assert len(hub.problems("no-changes")) == len(set(hub.problems("no-changes"))) > 0


async def test_a_supplier_that_shows_nothing_from_the_first_day_is_told_and_not_current(config: dict[str, Any]) -> None:
    """An account without rights had looked like a finished first load."""
    with serving(Made(**{resource: [] for resource in school()})) as sis:
        assert isinstance(sis, Made)
        async with open_hub("2026-11-24T07:30") as opened:
            await opened.add(Ss12000, {**config, "base_url": f"{sis.url}/v2.0"})
            hub = Pulled(opened)
            (said,) = hub.problems("empty")
            assert "no organisation and no person" in said
            assert await hub.currents() == 0
            opened.clock.pass_machine(3700)
            await opened.settle()
            assert len(hub.problems("empty")) == 1
            sis.records = school()
            assert kinds(await hub.poll())["directory.person.upserted"] == 31
            assert await hub.currents() == 1


async def test_without_persons_nothing_is_called_current(config: dict[str, Any]) -> None:
    async with open_hub("2026-11-24T07:30") as opened:
        await opened.add(Ss12000, {**config, "resources": ["organisations", "groups"]})
        hub = Pulled(opened)
        assert kinds(await hub.news()) == {"directory.organisation.upserted": 1, "directory.group.upserted": 1}
        assert await hub.currents() == 0


async def test_absences_are_changed_and_withdrawn(hub: Pulled, sis: Made) -> None:
    await hub.news()
    sis.records["absences"][0] |= {"endTime": "2026-11-24T12:00:00+01:00", "meta": LATER}
    sis.records["absences"].append(
        absence(1, 2, "2026-11-25T08:00:00+01:00", "2026-11-27T16:00:00+01:00", type="Beviljad ledighet", meta=LATER)
    )
    changed, granted = await hub.poll()
    assert changed.type == "se.skolnav.absence.changed.v1"
    assert changed.data["changed"] == {"endTime": "2026-11-24T16:00:00+01:00"}
    assert granted.type == "se.skolnav.absence.leave_granted.v1"
    sis.deleted = {"absences": [sis.records["absences"].pop(0)["id"]]}
    (withdrawn,) = await hub.poll()
    assert withdrawn.type == "se.skolnav.absence.withdrawn.v1"
    assert withdrawn.data["endTime"] == "2026-11-24T12:00:00+01:00"
    sis.records["absences"].pop(0)  # and one that nobody announces
    (found,) = await hub.nightly(25)
    assert found.type == "se.skolnav.absence.withdrawn.v1"


async def test_attendance_and_coming_and_going(hub: Pulled, sis: Made) -> None:
    await hub.news()
    pupil = {"id": id_("person", 1)}
    sis.records["attendances"].append(
        {
            "id": id_("attendance", 0), "meta": LATER, "student": pupil, "calendarEvent": {"id": id_("lesson", 0)},
            "isReported": True, "attendanceMinutes": 30, "invalidAbsenceMinutes": 20, "absenceReason": "canary reason",
        }
    )  # fmt: skip
    for n, what in enumerate(("In", "Ut")):
        sis.records["attendanceEvents"].append(
            {
                "id": id_("presence", n), "meta": LATER, "time": f"2026-11-24T{8 + n:02d}:00:00+01:00",
                "eventType": what, "person": pupil, "group": {"id": id_("group", 0)},
            }
        )  # fmt: skip
    news = await hub.poll()
    assert kinds(news) == {"attendance.recorded": 1, "attendance.checked_in": 1, "attendance.checked_out": 1}
    assert "canary reason" not in str(news[0].data)
    assert await hub.poll() == []


async def test_what_vanishes_and_is_found_by_id_is_not_gone(hub: Pulled, sis: Made) -> None:
    """A page that changes while it is read skips records."""
    await hub.news()
    skipped = sis.records["persons"][7]
    sis.faults.append(lambda path, query: skip(sis, path, query, skipped["id"]))
    assert await hub.nightly(25) == []
    assert hub.problems("not-listed")


@pytest.mark.parametrize("status", [403, 410, 501])
async def test_a_lesson_is_cancelled_by_a_404_alone_and_the_doubt_is_told_once(
    hub: Pulled, sis: Made, status: int
) -> None:
    await hub.news()
    gone = sis.records["calendarEvents"].pop(3)
    lost = sis.records["calendarEvents"].pop(3)
    sis.faults.append(lambda path, query: Reply(status, raw=b"") if path.endswith((gone["id"], lost["id"])) else None)
    for _ in range(3):
        await hub.hub.poll("ss12000")
    assert await hub.news() == []
    (said,) = hub.problems("not-confirmed")
    assert "2 calendarEvents" in said
    sis.records["calendarEvents"].append(lost)
    await hub.hub.poll("ss12000")
    assert len(hub.problems("not-confirmed")) == 2, "it is about others now"
    sis.faults.clear()
    await hub.hub.poll("ss12000")
    (news,) = await hub.news()
    assert (news.type, news.data["id"]) == ("se.skolnav.schedule.lesson.cancelled.v1", gone["id"])


async def test_an_absence_that_ends_before_it_starts_is_told_and_the_last_word_stays(hub: Pulled, sis: Made) -> None:
    await hub.news()
    sis.records["absences"][0] |= {"endTime": "2026-11-24T07:00:00+01:00", "meta": LATER}
    assert await hub.poll() == []
    (said,) = hub.problems("record-not-read")
    assert "absences: endTime: is before startTime (1 of 1 read)" in said
    assert id_("person", 1) not in said
    sis.records["absences"][0] |= {"endTime": "2026-11-24T12:00:00+01:00"}
    (news,) = await hub.poll()
    assert news.data["changed"] == {"endTime": "2026-11-24T16:00:00+01:00"}


def skip(sis: Made, path: str, query: Any, id: str) -> Reply | None:
    if path != "/v2.0/persons":
        return None
    reply = sis.answer(path, query)
    reply.body["data"] = [each for each in reply.body["data"] if each["id"] != id]
    return reply


async def test_too_much_that_vanishes_is_held_until_an_equal_pull_an_hour_later(hub: Pulled, sis: Made) -> None:
    await hub.news()
    currents = await hub.currents()
    del sis.records["persons"][5:]
    assert [each for each in await hub.nightly(25) if ".person." in each.type] == []
    (held,) = hub.problems("removals-held")
    assert "26 of 31 persons" in held
    assert await hub.currents() == currents  # the word is old from now on
    assert await hub.poll() == []
    assert len(hub.problems("removals-held")) == 1
    await hub.hub.retry()  # an hour of machine time
    news = [each for each in await hub.news() if ".person." in each.type]
    assert kinds(news) == {"directory.person.deleted": 26}
    await hub.poll()
    assert await hub.currents() > currents


async def test_a_person_can_confirm_what_is_held_and_it_is_done_at_once(hub: Pulled, sis: Made) -> None:
    await hub.news()
    del sis.records["persons"][5:]
    await hub.nightly(25)
    currents = await hub.currents()
    (waits,) = await hub.hub.waiting("ss12000")
    assert (waits.says, waits.sv) == (
        "26 of 31 persons would be removed",
        "26 av 31 personer skulle tas bort",
    )
    assert f"connectors confirm ss12000 {waits.word}." in hub.problems("removals-held")[0]
    with pytest.raises(TemporaryError):
        await hub.hub.confirm("ss12000", "persons:00000000")
    assert await hub.news() == []
    await hub.hub.confirm("ss12000", waits.word)
    assert kinds(await hub.news())["directory.person.deleted"] == 26
    assert await hub.hub.waiting("ss12000") == []
    assert await hub.currents() > currents
    assert await hub.poll() == []


async def test_what_waits_and_what_was_confirmed_outlive_a_restart(hub: Pulled, sis: Made) -> None:
    await hub.news()
    del sis.records["persons"][5:]
    await hub.nightly(25)
    before = await hub.hub.waiting("ss12000")
    await hub.hub.restart()
    assert await hub.hub.waiting("ss12000") == before
    sis.faults.append(
        lambda path, query: Reply(401) if path == "/v2.0/persons" else None
    )  # the poll that it asks for comes to nothing
    await hub.hub.confirm("ss12000", before[0].word)
    assert await hub.hub.waiting("ss12000") == []
    await hub.hub.crash()
    sis.faults.clear()
    await hub.hub.restart()
    assert kinds(await hub.news())["directory.person.deleted"] == 26


async def test_a_confirmation_counts_for_exactly_those_records(hub: Pulled, sis: Made) -> None:
    await hub.news()
    del sis.records["persons"][5:]
    await hub.nightly(25)
    (waits,) = await hub.hub.waiting("ss12000")
    del sis.records["persons"][4:]  # one more, which nobody has looked at
    await hub.hub.confirm("ss12000", waits.word)
    assert [each for each in await hub.news() if ".person.deleted" in each.type] == []
    (more,) = await hub.hub.waiting("ss12000")
    assert more.word != waits.word
    assert more.says == "27 of 31 persons would be removed"


async def test_what_is_announced_and_missing_at_once_waits_once(hub: Pulled, sis: Made) -> None:
    await hub.news()
    sis.deleted = {"persons": [each["id"] for each in sis.records["persons"][5:]]}
    del sis.records["persons"][5:]
    await hub.nightly(25)
    (waits,) = await hub.hub.waiting("ss12000")
    await hub.hub.confirm("ss12000", waits.word)
    assert kinds(await hub.news())["directory.person.deleted"] == 26
    assert await hub.hub.waiting("ss12000") == []


async def test_removals_that_are_announced_and_others_that_are_missing_do_not_push_each_other_away(
    hub: Pulled, sis: Made
) -> None:
    """Each had begun the hour of the other anew, so that neither was ever believed."""
    await hub.news()
    sis.deleted = {"persons": [each["id"] for each in sis.records["persons"][6:]]}
    del sis.records["persons"][5:]
    await hub.nightly(25)
    assert len(await hub.hub.waiting("ss12000")) == 2
    for _ in range(3):
        await hub.hub.retry()
    assert kinds(await hub.news())["directory.person.deleted"] == 26
    assert await hub.hub.waiting("ss12000") == []


async def test_lessons_that_are_held_go_at_once_when_they_are_confirmed(config: dict[str, Any], sis: Made) -> None:
    sis.records["calendarEvents"] = [
        lesson(n, f"2026-11-{25 + n % 6}T{8 + n // 30:02d}:{n % 30:02d}:00+01:00") for n in range(300)
    ]
    async with open_hub("2026-11-24T07:30") as opened:
        await opened.add(Ss12000, {**config, "lessons_per_poll": 100})
        hub = Pulled(opened)
        await hub.news()
        del sis.records["calendarEvents"][100:]
        await opened.reconcile("ss12000")
        (waits,) = await opened.waiting("ss12000")
        assert waits.says == "200 of 300 calendarEvents would be removed"
        assert await hub.news() == []
        await opened.confirm("ss12000", waits.word)
        assert kinds(await hub.news()) == {"schedule.lesson.cancelled": 200}


@pytest.mark.parametrize("resource", ["persons", "groups", "organisations"])
async def test_an_empty_list_where_a_school_was_tells_nothing(hub: Pulled, sis: Made, resource: str) -> None:
    await hub.news()
    sis.faults.append(
        lambda path, query: Reply(200, {"data": [], "pageToken": None}) if path == f"/v2.0/{resource}"
        else Reply(404, raw=b"") if path.startswith(f"/v2.0/{resource}/") else None
    )  # fmt: skip
    assert await hub.nightly(25) == []
    assert hub.problems("removals-held")


async def test_a_restart_in_the_middle_repeats_nothing_and_loses_nothing(config: dict[str, Any], sis: Made) -> None:
    whole = school(pupils=1200)
    sis.records |= whole
    sis.page = 100
    async with open_hub("2026-11-24T07:30") as opened:
        stopped = asyncio.Event()
        loop = asyncio.get_running_loop()

        def hang(path: str, query: Any) -> Reply | None:
            if path == "/v2.0/persons" and "pageToken" in query and sis.paths().count(path) == 7:
                loop.call_soon_threadsafe(stopped.set)
                return Reply(200, stream=lambda: (b" " for _ in range(0)))
            return None

        sis.faults.append(hang)
        adding = asyncio.ensure_future(opened.add(Ss12000, config))
        await asyncio.wait_for(stopped.wait(), 20)
        await adding
        partly = len(await opened.published("se.skolnav.directory.person.upserted.v1"))
        assert 0 < partly < 1201
        await opened.crash()
        sis.faults.clear()
        await opened.restart()
        told = [each.data["id"] for each in await opened.published("se.skolnav.directory.person.upserted.v1")]
        assert sorted(told) == sorted(each["id"] for each in whole["persons"])


async def test_a_large_window_is_gone_through_over_several_polls(config: dict[str, Any], sis: Made) -> None:
    days = [f"2026-{month}-{day:02d}" for month, day in ((11, 25), (11, 26), (11, 27), (11, 30), (12, 1), (12, 2))]
    sis.records["calendarEvents"] += [
        lesson(100 + 60 * n + k, f"{day}T{8 + k % 8:02d}:{k // 8:02d}:00+01:00")
        for n, day in enumerate(days)
        for k in range(60)
    ]
    async with open_hub("2026-11-24T07:30") as opened:
        await opened.add(Ss12000, {**config, "poll": "1s", "lessons_per_poll": 100})
        hub = Pulled(opened)
        assert kinds(await hub.news())["schedule.lesson.scheduled"] == 8 + 6 * 60
        gone = sis.records["calendarEvents"].pop()["id"]
        for _ in range(100):
            if news := await hub.news():
                break
            opened.clock.pass_machine(1.5)
            await opened.settle()
        assert [(each.type, each.data["id"]) for each in news] == [("se.skolnav.schedule.lesson.cancelled.v1", gone)]


async def test_supplier_clock_that_goes_back_loses_no_change(hub: Pulled, sis: Made) -> None:
    await hub.news()
    now = sis.clock()
    assert now is not None
    sis.clock = lambda: now.replace(year=now.year - 1)
    sis.records["persons"][3]["familyName"] = "Omdöpt"
    sis.records["persons"][3]["meta"] = {"created": "2025-01-01T00:00:00Z", "modified": "2025-11-24T00:00:00Z"}
    (only,) = await hub.poll()
    assert only.data["familyName"] == "Omdöpt"
    assert hub.problems("clock-went-back")


async def test_organisations_and_groups_that_come_and_go(hub: Pulled, sis: Made) -> None:
    await hub.news()
    sis.records["organisations"].append(organisation(1) | {"meta": LATER})
    sis.records["groups"].append(group(1, [1, 2], meta=LATER))
    assert kinds(await hub.poll()) == {"directory.organisation.upserted": 1, "directory.group.upserted": 1}
    sis.records["groups"].pop()
    assert kinds(await hub.nightly(25)) == {"directory.group.deleted": 1}


async def test_a_record_that_cannot_be_read_is_reported_and_the_rest_taken(hub: Pulled, sis: Made) -> None:
    await hub.news()
    sis.records["persons"] += [
        person(100, meta=LATER) | {"id": "canary-id"},
        person(101, meta=LATER, enrolments=[{"schoolYear": "canary"}], birthDate="2014-13-40"),
        person(102, meta=LATER, securityMarking="Hemligt"),
    ]
    news = await hub.poll()
    assert [each.data["id"] for each in news] == [id_("person", 101), id_("person", 102)]
    assert news[1].data["securityMarking"] == "Hemligt"  # an unknown value is kept, and is no Ingen
    said = "\n".join(hub.problems("record-not-read"))
    for reason in ("id: must be a UUID", "enrolments[].enroledAt: missing", "birthDate: must be a date"):
        assert reason in said
    assert "canary" not in said + hub.hub.logs()
    asked = sis.paths().count("/v2.0/persons")
    hub.hub.clock.pass_machine(3700)
    await until(lambda: sis.paths().count("/v2.0/persons") > asked, "the next poll")
    await hub.hub.settle()
    assert "\n".join(hub.problems("record-not-read")) == said, "it was said again"
