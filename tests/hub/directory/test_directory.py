"""Who may be told about, who belongs where, and that every change is noticed."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import orjson
import pytest

from hub.bus.base import Stored
from hub.clock import to_us
from hub.directory.directory import Protection
from hub.directory.tables import STRUCTURE, Change
from tests.hub.privacy.house import House
from tests.school import (
    ACTIVITY,
    DIET,
    DUTY,
    ELSEWHERE,
    GROUP,
    HIDDEN,
    ORGANISATION,
    OTHER,
    PERSON,
    PERSON_GONE,
    ROOM,
    SCHOOL,
    SIS,
    UNIT,
    duty,
    person,
    pupil,
    tie,
    uid,
)

ANNA, BO, VERA = uid("Anna"), uid("Bo"), uid("Vera")
TODAY = date(2026, 11, 24)


@pytest.fixture
def house() -> House:
    return House()


def belongings(house: House, id: str, on: date) -> frozenset[tuple[str, str | None]]:
    return house.directory.belongings(id, on.isoformat(), to_us(house.clock.utc()))


def protection(house: House, id: str) -> Protection:
    return house.directory.protection(id, house.clock.utc())


class TestFamilies:
    """Who is here only because of protected persons is withheld as they are (promise 5)."""

    @pytest.mark.parametrize("child_first", [True, False])
    def test_the_guardian_of_protected_children_alone_is_withheld(self, house: House, child_first: bool) -> None:
        said = [pupil(ANNA, HIDDEN, responsibles=tie(VERA)), person(VERA)]
        for each in said if child_first else reversed(said):
            house.say(PERSON, each)
        assert protection(house, VERA) is Protection.PROTECTED

    def test_an_open_child_explains_the_guardian_and_its_going_does_not(self, house: House) -> None:
        house.say(PERSON, person(VERA))
        house.say(PERSON, pupil(ANNA, HIDDEN, responsibles=tie(VERA)))
        house.say(PERSON, pupil(BO, responsibles=tie(VERA)))
        assert protection(house, VERA) is Protection.OPEN
        house.say(PERSON_GONE, {"id": BO})
        assert protection(house, VERA) is Protection.PROTECTED
        house.say(PERSON, pupil(ANNA, responsibles=tie(VERA)))
        assert protection(house, VERA) is Protection.OPEN

    def test_the_guardian_is_open_again_in_the_turn_in_which_the_child_is(self, house: House) -> None:
        house.say(PERSON, person(VERA))
        house.say(PERSON, pupil(ANNA, HIDDEN, responsibles=tie(VERA)))
        changes: list[Change] = []
        house.directory.listen(changes.append)
        house.say(PERSON, pupil(ANNA, responsibles=tie(VERA)))
        assert VERA in changes[0].names

    @pytest.mark.parametrize("role", ["duty", "enrolment"])
    def test_a_guardian_with_a_place_of_their_own_is_not_withheld(self, house: House, role: str) -> None:
        house.say(PERSON, person(VERA) if role == "duty" else pupil(VERA))
        house.say(PERSON, pupil(ANNA, HIDDEN, responsibles=tie(VERA)))
        if role == "duty":
            assert protection(house, VERA) is Protection.PROTECTED
            house.say(DUTY, duty(VERA))
        assert protection(house, VERA) is Protection.OPEN

    def test_the_family_goes_with_a_child_whose_record_no_longer_names_it_or_is_gone(self, house: House) -> None:
        house.say(PERSON, person(VERA))
        house.say(PERSON, pupil(ANNA, responsibles=tie(VERA)))
        house.say(PERSON, pupil(ANNA, HIDDEN))
        assert protection(house, VERA) is Protection.PROTECTED
        house.say(PERSON_GONE, {"id": ANNA})
        assert protection(house, VERA) is Protection.PROTECTED
        house.say(PERSON, pupil(ANNA))
        assert protection(house, VERA) is Protection.OPEN

    def test_a_child_without_a_mark_withholds_nobody_else(self, house: House) -> None:
        house.say(PERSON, person(VERA))
        house.say(PERSON, pupil(ANNA, None, responsibles=tie(VERA)))
        assert protection(house, VERA) is Protection.OPEN


class TestMarks:
    def test_ingen_and_a_fresh_source_make_a_person_open(self, house: House) -> None:
        house.say(PERSON, person(ANNA, "Ingen"))
        assert protection(house, ANNA) is Protection.OPEN

    @pytest.mark.parametrize("mark", [" ingen ", "INGEN", "Ingen"])
    def test_case_and_space_around_ingen_do_not_matter(self, house: House, mark: str) -> None:
        house.say(PERSON, person(ANNA, mark))
        assert protection(house, ANNA) is Protection.OPEN

    @pytest.mark.parametrize("mark", ["Sekretessmarkering", "Skyddad folkbokföring", "skyddad", "Inge", "None", "0"])
    def test_anything_else_is_taken_for_protection(self, house: House, mark: str) -> None:
        """Promise 4: fails closed, unknown spellings included."""
        house.say(PERSON, person(ANNA, mark))
        assert protection(house, ANNA) is Protection.PROTECTED

    @pytest.mark.parametrize("mark", [None, "", "  "])
    def test_a_missing_mark_is_never_ingen(self, house: House, mark: str | None) -> None:
        """Promise 4."""
        house.say(PERSON, person(ANNA, mark))
        assert protection(house, ANNA) is Protection.UNKNOWN

    def test_nobody_has_told_of_an_unknown_person(self, house: House) -> None:
        assert protection(house, ANNA) is Protection.UNKNOWN

    @pytest.mark.parametrize("status", ["Avliden", "Utvandrad"])
    def test_the_dead_and_the_emigrated_are_judged_by_their_mark(self, house: House, status: str) -> None:
        house.say(PERSON, person(ANNA, personStatus=status))
        assert protection(house, ANNA) is Protection.OPEN

    def test_of_two_sources_the_strictest_mark_counts(self, house: House) -> None:
        """Promise 4: the last word of another source does not lift a marking."""
        house.current(OTHER)
        house.say(PERSON, person(ANNA, "Sekretessmarkering"), OTHER)
        house.say(PERSON, person(ANNA, "Ingen"), SIS)
        assert protection(house, ANNA) is Protection.PROTECTED
        house.say(PERSON, person(ANNA, "Ingen"), OTHER)
        assert protection(house, ANNA) is Protection.OPEN

    def test_a_source_that_deletes_a_person_no_longer_counts(self, house: House) -> None:
        house.say(PERSON, person(ANNA, None), OTHER)
        house.say(PERSON, person(ANNA, "Ingen"), SIS)
        assert protection(house, ANNA) is Protection.UNKNOWN
        house.say(PERSON_GONE, {"id": ANNA}, OTHER)
        assert protection(house, ANNA) is Protection.OPEN

    def test_a_protection_does_not_end_with_the_record_that_held_it(self, house: House) -> None:
        """Promise 5: a mark ends by its own source's Ingen, not by a deletion, nor by another source."""
        house.current(OTHER)
        house.say(PERSON, person(ANNA, "Sekretessmarkering"), OTHER)
        house.say(PERSON, person(ANNA, "Ingen"), SIS)
        house.say(PERSON_GONE, {"id": ANNA}, OTHER)
        assert protection(house, ANNA) is Protection.PROTECTED
        house.say(PERSON, person(ANNA, "Ingen"), SIS)
        assert protection(house, ANNA) is Protection.PROTECTED
        house.say(PERSON, person(ANNA, "Ingen"), OTHER)
        assert protection(house, ANNA) is Protection.OPEN

    @pytest.mark.parametrize("record", [person(ANNA, None), {"id": ANNA, "enrolments": ["not an object"]}])
    def test_a_record_without_a_readable_mark_does_not_end_a_protection(
        self, house: House, record: dict[str, Any]
    ) -> None:
        house.say(PERSON, person(ANNA, "Sekretessmarkering"))
        readable = house.stored(PERSON, person(ANNA, None))
        body = orjson.dumps({**readable.parsed, "data": record})
        house.directory.observe((replace(readable, body=body, _parsed=None),))
        assert protection(house, ANNA) is Protection.PROTECTED
        house.say(PERSON_GONE, {"id": ANNA})
        house.say(PERSON, person(ANNA, None))
        assert protection(house, ANNA) is Protection.PROTECTED
        house.say(PERSON, person(ANNA, "Ingen"))
        assert protection(house, ANNA) is Protection.OPEN

    def test_the_mark_outlives_the_last_deletion(self, house: House) -> None:
        """Promise 4: that a protected person is gone is not told either."""
        house.say(PERSON, person(ANNA, "Sekretessmarkering"))
        house.say(PERSON_GONE, {"id": ANNA})
        assert protection(house, ANNA) is Protection.PROTECTED

    def test_a_deletion_of_somebody_never_heard_of_leaves_them_unknown(self, house: House) -> None:
        house.say(PERSON_GONE, {"id": ANNA})
        assert protection(house, ANNA) is Protection.UNKNOWN

    def test_an_event_that_cannot_be_applied_makes_its_person_unknown_and_is_told_without_data(
        self, house: House
    ) -> None:
        """Promises 4 and 8: applying cannot fail."""
        house.say(PERSON, person(ANNA, "Ingen"))
        good = house.stored(PERSON, person(ANNA, "Ingen"))
        bad = Stored(
            good.at, good.type, good.source, good.id, good.subject, good.key, good.entity, good.about,
            good.organisations, good.extras, good.accepted_us, b'{"data":{"enrolments":["' + ANNA.encode() + b'"]}}',
        )  # fmt: skip
        house.directory.observe((bad,))
        assert protection(house, ANNA) is Protection.UNKNOWN
        assert house.problems == [("directory-event-not-applied", good.id)]


class TestFreshness:
    def test_ingen_is_worth_nothing_until_its_source_has_said_current(self) -> None:
        house = House(current=False)
        house.say(PERSON, person(ANNA))
        assert protection(house, ANNA) is Protection.STALE
        house.current()
        assert protection(house, ANNA) is Protection.OPEN

    def test_it_lasts_for_26_hours_to_the_microsecond(self, house: House) -> None:
        house.say(PERSON, person(ANNA))
        house.later(hours=26)
        assert protection(house, ANNA) is Protection.OPEN
        house.later(microseconds=1)
        assert protection(house, ANNA) is Protection.STALE

    def test_the_limit_that_judge_gives_is_the_first_moment_that_is_too_late(self, house: House) -> None:
        house.say(PERSON, person(ANNA))
        _, until = house.directory.judge(ANNA, int(house.clock.now.timestamp() * 1_000_000))
        assert until == int((house.clock.now + timedelta(hours=26)).timestamp() * 1_000_000) + 1

    def test_a_source_whose_clock_is_ahead_gets_no_longer(self, house: House) -> None:
        """The time of acceptance bounds what a source can know."""
        house.current(as_of=house.clock.utc() + timedelta(days=30))
        house.say(PERSON, person(ANNA))
        house.later(hours=26, microseconds=1)
        assert protection(house, ANNA) is Protection.STALE

    def test_as_of_counts_where_it_is_earlier(self) -> None:
        house = House(current=False)
        house.current(as_of=house.clock.utc() - timedelta(hours=25))
        house.say(PERSON, person(ANNA))
        assert protection(house, ANNA) is Protection.OPEN
        house.later(hours=1, microseconds=1)
        assert protection(house, ANNA) is Protection.STALE

    def test_a_word_from_well_after_now_is_not_believed(self, house: House) -> None:
        house.say(PERSON, person(ANNA))
        house.later(hours=-1)
        assert protection(house, ANNA) is Protection.STALE

    def test_the_source_of_the_last_upserted_must_be_fresh(self, house: House) -> None:
        house.say(PERSON, person(ANNA), SIS)
        house.say(PERSON, person(ANNA), OTHER)
        assert protection(house, ANNA) is Protection.STALE

    def test_protection_does_not_age(self) -> None:
        house = House(current=False)
        house.say(PERSON, person(ANNA, "Sekretessmarkering"))
        assert protection(house, ANNA) is Protection.PROTECTED


class TestKin:
    """Whose home a person's address may reveal."""

    def test_the_children_of_a_guardian(self, house: House) -> None:
        house.say(PERSON, person(VERA))
        house.say(PERSON, pupil(ANNA, responsibles=[{"person": {"id": VERA}}]))
        assert house.directory.kin(VERA) == (ANNA,)

    def test_siblings_by_a_common_guardian(self, house: House) -> None:
        house.say(PERSON, pupil(ANNA, responsibles=[{"person": {"id": VERA}}]))
        house.say(PERSON, pupil(BO, responsibles=[{"person": {"id": VERA}}]))
        assert house.directory.kin(BO) == (ANNA,)

    def test_a_person_without_ties_has_none(self, house: House) -> None:
        house.say(PERSON, pupil(ANNA))
        assert house.directory.kin(ANNA) == ()

    def test_the_tie_ends_with_the_record_that_named_it(self, house: House) -> None:
        house.say(PERSON, pupil(ANNA, responsibles=[{"person": {"id": VERA}}]))
        house.say(PERSON, pupil(ANNA))
        assert house.directory.kin(VERA) == ()


class TestVersions:
    def test_what_is_unknown_has_version_0(self, house: House) -> None:
        assert house.directory.version(ANNA) == 0

    @pytest.mark.parametrize(
        "changed",
        [
            pytest.param(pupil(ANNA, "Sekretessmarkering"), id="mark"),
            pytest.param(pupil(ANNA, at=ELSEWHERE), id="enrolment"),
            pytest.param(pupil(ANNA, responsibles=[{"person": {"id": BO}}]), id="relation"),
            pytest.param(pupil(ANNA, personStatus="Avliden"), id="status"),
        ],
    )
    def test_a_change_raises_it(self, house: House, changed: dict[str, object]) -> None:
        house.say(PERSON, pupil(ANNA))
        before = house.directory.version(ANNA)
        house.say(PERSON, changed)
        assert house.directory.version(ANNA) > before

    def test_the_same_again_does_not(self, house: House) -> None:
        """Else restating a person would make every mark of theirs restate once more, for ever."""
        house.say(PERSON, pupil(ANNA, givenName="Anna"))
        before = house.directory.version(ANNA)
        house.say(PERSON, pupil(ANNA, givenName="Annika"))
        assert house.directory.version(ANNA) == before

    def test_a_child_s_mark_raises_the_guardian_s_and_the_sibling_s(self, house: House) -> None:
        tie = [{"person": {"id": VERA}}]
        for each in (person(VERA), pupil(ANNA, responsibles=tie), pupil(BO, responsibles=tie)):
            house.say(PERSON, each)
        before = [house.directory.version(each) for each in (VERA, BO)]
        house.say(PERSON, pupil(ANNA, "Sekretessmarkering", responsibles=tie))
        assert all(house.directory.version(each) > old for each, old in zip((VERA, BO), before, strict=True))

    def test_a_duty_raises_its_persons_old_and_new(self, house: House) -> None:
        house.say(PERSON, person(ANNA))
        house.say(PERSON, person(BO))
        house.say(DUTY, {"id": uid("duty"), "person": {"id": ANNA}})
        before = [house.directory.version(each) for each in (ANNA, BO, f"duty/{uid('duty')}")]
        house.say(DUTY, {"id": uid("duty"), "person": {"id": BO}})
        after = [house.directory.version(each) for each in (ANNA, BO, f"duty/{uid('duty')}")]
        assert all(new > old for new, old in zip(after, before, strict=True))

    def test_an_organisation_raises_the_structure_s(self, house: House) -> None:
        before = house.directory.version(STRUCTURE)
        house.say(ORGANISATION, {"id": UNIT})
        assert house.directory.version(STRUCTURE) > before


class TestBelonging:
    def test_enrolments_that_count_on_a_date(self, house: House) -> None:
        enrolments = [
            {"enroledAt": {"id": UNIT}, "schoolType": "GR", "startDate": "2026-08-17", "endDate": "2026-11-24"},
            {"enroledAt": {"id": ELSEWHERE}, "schoolType": "GY", "startDate": "2026-11-25"},
            {"enroledAt": {"id": SCHOOL}, "startDate": "2020-08-17", "cancelled": True},
        ]
        house.say(PERSON, person(ANNA, enrolments=enrolments))
        assert belongings(house, ANNA, TODAY) == {(UNIT, "GR")}
        assert belongings(house, ANNA, TODAY + timedelta(days=1)) == {(ELSEWHERE, "GY")}

    def test_staff_belong_where_their_duty_is(self, house: House) -> None:
        house.say(PERSON, person(VERA))
        house.say(DUTY, {"id": uid("duty"), "person": {"id": VERA}, "dutyAt": {"id": UNIT}, "endDate": "2026-11-24"})
        assert belongings(house, VERA, TODAY) == {(UNIT, None)}
        assert belongings(house, VERA, TODAY + timedelta(days=1)) == frozenset()

    def test_guardians_belong_where_their_children_do_unless_those_are_protected(self, house: House) -> None:
        """Promise 5: through a protected child it would tell of the child."""
        tie = [{"person": {"id": VERA}}]
        house.say(PERSON, pupil(ANNA, responsibles=tie))
        house.say(PERSON, person(VERA))
        assert belongings(house, VERA, TODAY) == {(UNIT, "GR")}
        house.say(PERSON, pupil(ANNA, "Sekretessmarkering", responsibles=tie))
        assert belongings(house, VERA, TODAY) == frozenset()

    def test_parts_are_found_at_any_depth_and_in_a_circle(self, house: House) -> None:
        a, b, c = uid("a"), uid("b"), uid("c")
        for child, parent in ((a, c), (b, a), (c, b)):
            house.say(ORGANISATION, {"id": child, "parentOrganisation": {"id": parent}})
        assert house.directory.with_parts(frozenset({a})) == {a, b, c}

    def test_a_new_part_counts_at_once(self, house: House) -> None:
        house.say(ORGANISATION, {"id": SCHOOL})
        assert house.directory.with_parts(frozenset({SCHOOL})) == {SCHOOL}
        house.say(ORGANISATION, {"id": UNIT, "parentOrganisation": {"id": SCHOOL}})
        assert house.directory.with_parts(frozenset({SCHOOL})) == {SCHOOL, UNIT}

    def test_the_missing_link_upwards_is_named(self, house: House) -> None:
        house.say(ORGANISATION, {"id": UNIT, "parentOrganisation": {"id": SCHOOL}})
        assert house.directory.unplaced(UNIT) == SCHOOL
        house.say(ORGANISATION, {"id": SCHOOL})
        assert house.directory.unplaced(UNIT) is None

    def test_owners_of_groups_activities_and_rooms(self, house: House) -> None:
        house.say(GROUP, {"id": uid("group"), "organisation": {"id": UNIT}, "schoolType": "GR"})
        house.say(ACTIVITY, {"id": uid("activity"), "groups": [{"id": uid("group")}]})
        house.say(ROOM, {"id": uid("room"), "owner": {"id": SCHOOL}})
        owner_of = house.directory.owner_of
        assert owner_of(uid("group")) == (UNIT, "GR")
        assert owner_of(uid("activity")) == (UNIT, "GR")
        assert owner_of(uid("room")) == (SCHOOL, None)
        assert owner_of(uid("nothing")) == (None, None)

    def test_a_deleted_group_still_tells_whose_it_was(self, house: House) -> None:
        house.say(GROUP, {"id": uid("group"), "organisation": {"id": UNIT}})
        house.say("se.skolnav.directory.group.deleted.v1", {"id": uid("group")})
        assert house.directory.owner_of(uid("group")) == (UNIT, None)


class TestListening:
    def test_a_listener_hears_names_and_the_entity_that_brought_the_change(self, house: House) -> None:
        heard: list[Change] = []
        house.directory.listen(heard.append)
        house.say(PERSON, pupil(ANNA))
        (change,) = heard
        assert (change.names, change.entities) == ({ANNA}, {f"person/{ANNA}/{SIS}"})
        assert [change.refreshed, change.moved, change.left, change.returned] == [frozenset(), {}, {}, frozenset()]

    def test_nothing_is_heard_of_what_changes_nothing(self, house: House) -> None:
        house.say(PERSON, pupil(ANNA))
        heard: list[Change] = []
        house.directory.listen(heard.append)
        house.say(PERSON, pupil(ANNA))
        house.current()
        house.say(DIET, {"id": uid("diet"), "person": {"id": ANNA}, "codes": ["GLUTENFRI"]})
        assert heard == []

    def test_a_source_that_becomes_fresh_is_heard_once(self) -> None:
        house = House(current=False)
        heard: list[Change] = []
        house.directory.listen(heard.append)
        house.current()
        house.current()
        assert [change.refreshed for change in heard] == [frozenset({SIS})]

    def test_a_move_is_heard_and_a_first_enrolment_is_none(self, house: House) -> None:
        heard: list[Change] = []
        house.directory.listen(heard.append)
        house.say(PERSON, pupil(ANNA))
        house.say(PERSON, pupil(ANNA, at=ELSEWHERE))
        assert [set(change.moved) for change in heard] == [set(), {ANNA}]

    def test_a_failing_listener_hurts_nobody(self, house: House) -> None:
        def fail(change: Change) -> None:
            raise RuntimeError

        heard: list[Change] = []
        house.directory.listen(fail)
        house.directory.listen(heard.append)
        house.say(PERSON, pupil(ANNA))
        assert len(heard) == 1
        assert [code for code, _ in house.problems] == ["directory-listener-failed"]


class TestOrder:
    def test_an_older_event_of_the_same_source_changes_nothing(self, house: House) -> None:
        old = house.stored(PERSON, pupil(ANNA, "Ingen"))
        house.say(PERSON, pupil(ANNA, "Sekretessmarkering"))
        house.directory.observe((old,))
        assert protection(house, ANNA) is Protection.PROTECTED

    def test_only_the_owner_s_state_may_be_restated(self, house: House) -> None:
        house.say(PERSON, pupil(ANNA), OTHER)
        house.say(PERSON, pupil(ANNA), SIS)
        assert house.directory.superseded(f"person/{ANNA}/{OTHER}")
        assert not house.directory.superseded(f"person/{ANNA}/{SIS}")
        assert not house.directory.superseded(f"absence/{uid('absence')}")
