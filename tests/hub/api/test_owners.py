"""An entity belongs to the source that made it: what another source may send, and what the operator reads."""

import asyncio
from itertools import count

import pytest

from hub.assembly.refusals import CODE, REPEAT_S, Refusals
from hub.bus.base import OwnedByAnother, corrects_all
from hub.directory.directory import Protection
from schemas.event import BATCH
from tests.hub.api.conftest import running
from tests.hub.api.test_ingest import kept, post, problem
from tests.school import UNIT, absence, append, duty, envelope, event, lesson, uid

SIS, APP, OTHER = "urn:sis", "urn:guardians-app", "urn:other"
ANNA, BERT = uid("person", "anna"), uid("person", "bert")
ELSEWHERE = uid("organisation", "elsewhere")

_numbers = count()


def made(type_, data, source=SIS):
    return envelope(type_, data, id=f"e{next(_numbers)}", source=source)


def pupil(id=ANNA, unit=UNIT, mark="Ingen", **more):
    enrolments = [{"enroledAt": {"id": unit}, "schoolType": "GR", "startDate": "2020-08-15"}]
    return {"id": id, "givenName": "A", "securityMarking": mark, "enrolments": enrolments, **more}


async def taken(http, type_, data, source=SIS, client="feeder"):
    answer = await post(http, made(type_, data, source), client=client)
    assert answer.status_code == 202, answer.text


async def refused(http, type_, data, source, client="feeder"):
    answer = await post(http, made(type_, data, source), client=client)
    document = problem(answer, 409, "owned-by-another")
    assert document["errors"] == [{"where": "$", "rule": "owned-by-another"}]


AWAY = absence(ANNA)
NORR = {"id": ELSEWHERE, "displayName": "Norr", "organisationType": "Skolenhet"}


class TestEntities:
    @pytest.mark.parametrize(
        ("type_", "more"),
        [
            ("absence.reported", {}),
            ("absence.leave_granted", {"type": "Beviljad ledighet"}),
            ("absence.changed", {"changed": {"endTime": "2026-11-24T12:00:00+01:00"}}),
            ("absence.withdrawn", {}),
        ],
    )
    async def test_another_source_neither_overwrites_nor_changes_nor_withdraws_an_absence(self, http, hub, type_, more):
        await taken(http, "absence.reported", AWAY)
        await refused(http, type_, {**AWAY, **more}, OTHER)
        assert len(await kept(hub)) == 1
        await taken(http, type_, {**AWAY, **more})

    @pytest.mark.parametrize("what", ["upserted", "deleted"])
    @pytest.mark.parametrize(
        ("kind", "data"),
        [
            ("organisation", {"displayName": "Norr", "organisationType": "Skolenhet"}),
            ("group", {"organisation": {"id": UNIT}}),
            ("room", {"owner": {"id": UNIT}, "displayName": "B214"}),
            ("activity", {"organisation": {"id": UNIT}}),
            ("duty", {"person": {"id": BERT}, "dutyAt": {"id": UNIT}}),
            ("diet", {"person": {"id": ANNA}, "codes": ["GLUTENFRI"]}),
        ],
    )
    async def test_another_source_does_not_touch_what_the_directory_has(self, http, kind, data, what):
        record = {"id": uid(kind), **data}
        await taken(http, f"directory.{kind}.upserted", record)
        await refused(http, f"directory.{kind}.{what}", record, OTHER)

    async def test_the_owner_stays_the_owner_of_what_it_has_withdrawn(self, http):
        await taken(http, "absence.reported", AWAY)
        await taken(http, "absence.withdrawn", AWAY)
        await refused(http, "absence.reported", AWAY, OTHER)
        await taken(http, "absence.reported", AWAY)

    async def test_an_app_reports_absences_of_pupils_that_the_school_system_knows(self, http):
        await taken(http, "directory.person.upserted", pupil())
        await taken(http, "absence.reported", AWAY, APP)
        await taken(http, "absence.withdrawn", AWAY, APP)

    async def test_a_terminal_and_the_school_system_both_report_when_a_child_comes_and_goes(self, http):
        came = {"id": uid("came"), "time": "2026-11-24T07:31:00+01:00", "eventType": "In", "person": {"id": ANNA}}
        await taken(http, "attendance.checked_in", came)
        await taken(http, "attendance.checked_out", {**came, "eventType": "Ut"}, APP)

    async def test_the_file_says_who_corrects_whom_and_the_owner_keeps_its_entity(self, http):
        await taken(http, "absence.reported", AWAY)
        await taken(http, "absence.reported", AWAY, APP, client="corrector")
        await refused(http, "absence.withdrawn", AWAY, OTHER)
        await taken(http, "absence.changed", {**AWAY, "changed": {}}, SIS)
        await taken(http, "absence.withdrawn", AWAY, APP, client="corrector")

    async def test_who_corrects_one_source_corrects_no_other(self, http):
        await taken(http, "absence.reported", AWAY, OTHER)
        await refused(http, "absence.withdrawn", AWAY, APP, client="corrector")

    async def test_who_is_corrected_does_not_correct_back(self, http):
        await taken(http, "absence.reported", AWAY, APP)
        await refused(http, "absence.withdrawn", AWAY, SIS)

    async def test_within_one_batch_the_first_source_owns_and_every_other_is_named(self, http, hub):
        batch = [
            made("absence.reported", AWAY),
            made("absence.reported", AWAY, OTHER),
            made("absence.reported", {**AWAY, "id": uid("another")}, OTHER),
            made("absence.withdrawn", AWAY, APP),
        ]
        document = problem(await post(http, batch, BATCH), 409, "owned-by-another")
        assert [each["where"] for each in document["errors"]] == ["[1]", "[3]"]
        assert await kept(hub) == []
        assert (await post(http, [batch[0], batch[2]], BATCH)).json()["accepted"] == 2

    async def test_of_two_requests_at_once_one_gets_the_entity(self, http, hub):
        for n in range(10):
            record = {**AWAY, "id": uid("raced", str(n))}
            both = [post(http, made("absence.reported", record, source)) for source in (SIS, OTHER)]
            answers = await asyncio.gather(*both)
            assert sorted(each.status_code for each in answers) == [202, 409]

    async def test_an_owner_is_known_after_a_restart(self, tmp_path, clock):
        async with running(tmp_path, clock) as services:
            await append(services, event("absence.reported", AWAY, source=SIS))
            changed = services.catalogue.describe(event("absence.changed", AWAY, source=APP))
            await services.log.append([changed], corrects_all)
        async with running(tmp_path, clock) as services:
            for source in (APP, OTHER):
                with pytest.raises(OwnedByAnother):
                    await append(services, event("absence.withdrawn", AWAY, source=source))
            await append(services, event("absence.withdrawn", AWAY, source=SIS))

    async def test_a_repeat_is_a_duplicate_and_no_correction(self, http):
        first = made("absence.reported", AWAY)
        await post(http, first)
        assert (await post(http, first)).json()["duplicates"] == 1

    @pytest.mark.parametrize("at_once", [False, True])
    @pytest.mark.parametrize(
        ("makes", "type_", "data"),
        [
            ("absence.reported", "absence.withdrawn", AWAY),
            ("absence.reported", "absence.changed", {**AWAY, "changed": {"endTime": "2026-11-24T12:00:00+01:00"}}),
            ("schedule.lesson.scheduled", "schedule.lesson.cancelled", {**lesson(), "cancelled": True}),
            ("directory.group.upserted", "directory.group.deleted", {"id": uid("group"), "organisation": {"id": UNIT}}),
            ("directory.organisation.upserted", "directory.organisation.deleted", NORR),
        ],
    )
    async def test_what_no_source_has_made_belongs_to_the_one_that_makes_it(self, http, makes, type_, data, at_once):
        """A deletion or a change of an unknown entity would else shut its source out, with its whole batch."""
        record = {"id": data["id"]} if type_.endswith("deleted") else data
        stray, first = (
            made(type_, record, OTHER),
            made(makes, {**data, "cancelled": False} if "cancelled" in data else data),
        )
        if at_once:
            assert (await post(http, [stray, first], BATCH)).status_code == 202
        else:
            await taken(http, type_, record, OTHER)
            await taken(http, makes, first["data"])
        await refused(http, type_, record, OTHER)
        await taken(http, type_, record)


class TestPersons:
    async def test_a_second_source_adds_a_mark_and_moves_nobody(self, http, hub):
        await taken(http, "directory.person.upserted", pupil())
        await taken(http, "directory.current", {"asOf": hub.clock.utc().isoformat()})
        await taken(http, "directory.person.upserted", {"id": ANNA, "securityMarking": "Ingen"}, OTHER)
        assert hub.directory.persons[ANNA].owner.source == SIS
        assert hub.directory.protection(ANNA, hub.clock.utc()) is Protection.OPEN
        await taken(http, "directory.person.upserted", pupil(mark="Sekretessmarkering", unit=ELSEWHERE), OTHER)
        assert hub.directory.protection(ANNA, hub.clock.utc()) is Protection.PROTECTED
        assert [each.organisation for each in hub.directory.persons[ANNA].owner.enrolments] == [UNIT]

    async def test_a_second_source_enrols_nobody_and_gives_nobody_a_guardian(self, http, hub):
        await taken(http, "directory.person.upserted", pupil())
        await refused(http, "directory.person.upserted", pupil(unit=ELSEWHERE), OTHER)
        guardian = pupil(responsibles=[{"person": {"id": BERT}}])
        await refused(http, "directory.person.upserted", guardian, OTHER)
        await taken(http, "directory.person.upserted", pupil(), OTHER)  # the same places: moves nobody
        assert hub.directory.persons[ANNA].owner.source == SIS

    async def test_a_teacher_without_enrolments_is_enrolled_by_the_owner_alone(self, http):
        await taken(http, "directory.person.upserted", {"id": BERT, "givenName": "B", "securityMarking": "Ingen"})
        await refused(http, "directory.person.upserted", pupil(BERT), OTHER)
        await taken(http, "directory.person.upserted", pupil(BERT), SIS)

    async def test_nobody_gets_a_duty_or_a_child_from_another_source(self, http):
        await taken(http, "directory.person.upserted", pupil())
        await refused(http, "directory.duty.upserted", duty(ANNA), OTHER)
        child = pupil(BERT, ELSEWHERE, responsibles=[{"person": {"id": ANNA}}])
        await refused(http, "directory.person.upserted", child, OTHER)
        await taken(http, "directory.duty.upserted", duty(ANNA), SIS)

    async def test_a_register_of_marks_that_comes_first_owns_nobody(self, http, hub):
        await taken(http, "directory.person.upserted", {"id": ANNA, "securityMarking": "Ingen"}, OTHER)
        await taken(http, "directory.person.upserted", pupil())
        assert hub.directory.persons[ANNA].owner.source == SIS
        await refused(http, "directory.person.upserted", pupil(unit=ELSEWHERE), OTHER)

    async def test_what_the_owner_sent_in_a_refused_batch_lets_no_other_source_move_the_pupil(self, hub):
        await append(hub, event("directory.person.upserted", pupil(), source=SIS))
        await append(hub, event("absence.reported", AWAY, source=APP))
        moved = pupil(unit=ELSEWHERE)
        batches = [
            [event("absence.reported", absence(BERT), source=APP)],  # the writer takes it alone, the others together
            [event("directory.person.upserted", moved, source=SIS), event("absence.withdrawn", AWAY, source=SIS)],
            [event("directory.person.upserted", moved, source=OTHER)],
        ]
        results = await asyncio.gather(
            *(hub.log.append([hub.catalogue.describe(each) for each in batch]) for batch in batches),
            return_exceptions=True,
        )
        assert [type(each) for each in results[1:]] == [OwnedByAnother, OwnedByAnother]

    async def test_a_pupil_whom_the_owner_has_deleted_may_come_from_another_source(self, http, hub):
        await taken(http, "directory.person.upserted", pupil())
        await taken(http, "directory.person.deleted", {"id": ANNA})
        await taken(http, "directory.person.upserted", pupil(unit=ELSEWHERE), OTHER)
        assert hub.directory.persons[ANNA].owner.source == OTHER
        await refused(http, "directory.person.upserted", pupil(), SIS)

    async def test_a_second_source_takes_back_its_mark_and_the_person_stays(self, http, hub):
        await taken(http, "directory.person.upserted", pupil())
        await taken(http, "directory.person.upserted", {"id": ANNA, "securityMarking": "Ingen"}, OTHER)
        await taken(http, "directory.person.deleted", {"id": ANNA}, OTHER)
        assert hub.directory.persons[ANNA].known
        assert not hub.directory.may_have_left(ANNA, OTHER), "its deletion would delete the pupil for recipients"

    @pytest.mark.parametrize(
        "before",
        [[], [{"id": ANNA, "securityMarking": "Ingen"}], [pupil()], [pupil(mark="Sekretessmarkering"), pupil()]],
        ids=["nothing", "a mark", "the owner's record", "a strict mark that it takes back"],
    )
    async def test_a_deletion_by_a_second_source_does_not_free_the_person(self, http, hub, before):
        await taken(http, "directory.person.upserted", pupil())
        for record in before:
            await taken(http, "directory.person.upserted", record, OTHER)
        for _ in range(2):
            await taken(http, "directory.person.deleted", {"id": ANNA}, OTHER)
            await refused(http, "directory.person.upserted", pupil(unit=ELSEWHERE), OTHER)
            await refused(http, "directory.duty.upserted", duty(ANNA), OTHER)
        await taken(http, "directory.person.upserted", pupil(givenName="New"))
        assert hub.directory.persons[ANNA].owner.source == SIS

    async def test_a_mark_with_empty_names_owns_nobody(self, http):
        empty = {"givenName": "", "familyName": "", "enrolments": [], "emails": []}
        await taken(
            http, "directory.person.upserted", {"id": ANNA, "securityMarking": "Sekretessmarkering", **empty}, OTHER
        )
        await taken(http, "directory.person.upserted", pupil())
        await refused(http, "directory.person.upserted", pupil(unit=ELSEWHERE), OTHER)

    async def test_in_one_batch_a_person_is_described_and_another_source_adds(self, http, hub):
        batch = [
            made("directory.person.upserted", pupil()),
            made("directory.person.upserted", {"id": ANNA, "securityMarking": "Ingen"}, OTHER),
            made("directory.person.upserted", pupil(unit=ELSEWHERE), OTHER),
        ]
        document = problem(await post(http, batch, BATCH), 409, "owned-by-another")
        assert [each["where"] for each in document["errors"]] == ["[2]"]
        assert (await post(http, batch[:2], BATCH)).status_code == 202

    async def test_the_added_mark_is_no_place_after_a_restart_either(self, tmp_path, clock):
        async with running(tmp_path, clock) as services:
            await append(services, event("directory.person.upserted", pupil(), source=SIS))
            mark = {"id": ANNA, "securityMarking": "Ingen"}
            await append(services, event("directory.person.upserted", mark, source=OTHER))
        async with running(tmp_path, clock) as services:
            assert services.directory.persons[ANNA].owner.source == SIS

    async def test_the_file_lets_a_second_source_move_people(self, http, hub):
        await taken(http, "directory.person.upserted", pupil())
        await taken(http, "directory.person.upserted", pupil(unit=ELSEWHERE), OTHER, client="corrector")
        assert [each.organisation for each in hub.directory.persons[ANNA].owner.enrolments] == [ELSEWHERE]


class TestTheOperatorsLine:
    async def test_a_refusal_is_told_with_publisher_type_and_owner(self, http, hub):
        told = []
        hub.refusals = Refusals(hub.clock, lambda *line: told.append(line))
        await taken(http, "absence.reported", AWAY)
        await refused(http, "absence.withdrawn", AWAY, OTHER)
        assert told == [("clients.feeder", CODE, f"1 x se.skolnav.absence.withdrawn.v1, owner {SIS}")]

    def test_repeats_are_counted_and_told_later(self, clock):
        told = []
        refusals = Refusals(clock, lambda *line: told.append(line))
        for _ in range(3):
            refusals.note("clients.a", [("t", "o"), ("t", "o")])
        assert [line[2] for line in told] == ["2 x t, owner o"]
        refusals.note("clients.b", [("t", "o")])
        clock.pass_machine(REPEAT_S)
        refusals.note("clients.a", [("t", "o")])
        assert [line[2] for line in told] == ["2 x t, owner o", "1 x t, owner o", "5 x t, owner o"]
