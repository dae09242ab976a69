"""Each rule of the gate, one by one (docs/architecture.md, The gate)."""

import threading
from datetime import timedelta
from typing import Annotated, Any

import orjson
import pytest

from hub.bus.base import Stored
from hub.privacy.base import PayloadLevel, PermitRefused, Recipient, Rule
from hub.store.withheld import Withheld
from schemas import CORE_TYPES, Catalogue, Category, EventSpec, Payload, Ref
from schemas.payload import Reference, Uuid
from tests.clock import MORNING
from tests.hub.privacy.house import ALL, House, contract, recipient
from tests.school import (
    ABSENCE,
    ABSENCE_CHANGED,
    ACTIVITY,
    DIET,
    DUTY,
    ELSEWHERE,
    GROUP,
    LESSON,
    LESSON_CHANGED,
    ORGANISATION,
    OTHER,
    PERSON,
    PERSON_GONE,
    ROOM,
    SCHOOL,
    SIS,
    UNIT,
    absence,
    group,
    lesson,
    person,
    pupil,
    uid,
)

ANNA, BO, VERA, TINA = uid("Anna"), uid("Bo"), uid("Vera"), uid("Tina")
ATTENDANCE = contract(Category.ATTENDANCE, Category.IDENTITY)


class Trip(Payload):
    """A vendor's type that belongs where its groups, activities, room or duty belong."""

    id: Annotated[Uuid, Category.NONE]
    groups: list[Reference] | None = None
    activities: list[Reference] | None = None
    room: Reference | None = None
    duty: Reference | None = None

    spec = EventSpec(
        "com.acme.trip.planned.v1",
        Ref("trip", "id"),
        Ref("trip", "id"),
        Ref("trip", "id"),
        groups=("groups[].id", "activities[].id", "room.id", "duty.id"),
    )


@pytest.fixture
def house() -> House:
    house = House()
    house.say(PERSON, pupil(ANNA))
    return house


def mark(name: str, stored: Stored, to: str = "client/acme") -> Withheld:
    assert stored.entity is not None
    return Withheld(name, stored.entity, to)


class TestProtection:
    def test_an_event_about_an_open_person_is_delivered(self, house: House) -> None:
        assert house.seen(house.say(ABSENCE, absence(ANNA)), recipient(ATTENDANCE))["student"] == {"id": ANNA}

    @pytest.mark.parametrize(
        ("mark_", "rule"), [("Skyddad folkbokföring", Rule.PROTECTED), (None, Rule.UNKNOWN), ("", Rule.UNKNOWN)]
    )
    def test_one_about_somebody_protected_or_unmarked_is_denied_and_marked(
        self, house: House, mark_: str | None, rule: Rule
    ) -> None:
        """Promise 4."""
        house.say(PERSON, pupil(BO, mark_))
        stored = house.say(ABSENCE, absence(BO))
        decision = house.decide(stored, recipient(ATTENDANCE))
        assert (decision.allowed, decision.rule) == (False, rule)
        assert list(decision.withheld) == [mark(BO, stored)]
        assert decision.content is None

    def test_one_about_somebody_unknown_is_denied_and_marked(self, house: House) -> None:
        """Promise 4."""
        stored = house.say(ABSENCE, absence(BO))
        decision = house.decide(stored, recipient(ATTENDANCE))
        assert (decision.allowed, decision.rule) == (False, Rule.UNKNOWN)
        assert list(decision.withheld) == [mark(BO, stored)]

    def test_one_about_somebody_whose_mark_is_too_old_is_denied_and_marked(self, house: House) -> None:
        """Promise 4."""
        stored = house.say(ABSENCE, absence(ANNA))
        house.later(hours=27)
        decision = house.decide(stored, recipient(ATTENDANCE))
        assert (decision.allowed, decision.rule) == (False, Rule.STALE)
        assert list(decision.withheld) == [mark(ANNA, stored)]

    def test_a_mark_on_the_reference_itself_counts_too(self, house: House) -> None:
        """Promise 4: SS 12000 sends the marking on every reference."""
        data = absence(ANNA, student={"id": ANNA, "securityMarking": "Sekretessmarkering"})
        assert house.decide(house.say(ABSENCE, data), recipient(ATTENDANCE)).rule is Rule.PROTECTED

    def test_the_marking_reaches_nobody(self, house: House) -> None:
        """Promise 5: not even whom everything is allowed, and not `Ingen` either: its absence would tell."""
        for to in (recipient(), recipient(protected=True)):
            body = house.bytes_for(house.say(PERSON, pupil(BO)), to)
            assert body is not None
            assert b"securityMarking" not in body

    def test_whom_the_privacy_officer_lets_gets_a_protected_person_s_own_business(self, house: House) -> None:
        house.say(PERSON, pupil(BO, "Sekretessmarkering"))
        stored = house.say(ABSENCE, absence(BO, registeredBy={"id": VERA}))
        assert house.seen(stored, recipient(ATTENDANCE, protected=True))["student"] == {"id": BO}

    def test_but_not_who_is_protected_and_only_mentioned(self, house: House) -> None:
        """Promise 4: the exception is for their own business."""
        house.say(PERSON, person(VERA, "Sekretessmarkering"))
        stored = house.say(ABSENCE, absence(ANNA, registeredBy={"id": VERA}))
        assert "registeredBy" not in house.seen(stored, recipient(protected=True))

    def test_a_deletion_of_somebody_open_is_delivered(self, house: House) -> None:
        assert house.seen(house.say(PERSON_GONE, {"id": ANNA}), recipient()) == {"id": ANNA}

    def test_a_deletion_of_somebody_protected_is_not(self, house: House) -> None:
        """Promise 5."""
        house.say(PERSON, pupil(BO, "Sekretessmarkering"))
        assert house.decide(house.say(PERSON_GONE, {"id": BO}), recipient()).rule is Rule.PROTECTED


class TestMentions:
    def member(self, id: str) -> dict[str, Any]:
        return {"person": {"id": id}, "startDate": "2026-08-17"}

    def group(self, *members: str) -> dict[str, Any]:
        members_ = [self.member(each) for each in members]
        return {"id": uid("group"), "organisation": {"id": UNIT}, "groupMemberships": members_}

    @pytest.mark.parametrize("mark_", ["Sekretessmarkering", None])
    def test_a_protected_or_unmarked_member_is_removed_as_if_never_listed(
        self, house: House, mark_: str | None
    ) -> None:
        """Promises 4 and 5."""
        house.say(PERSON, pupil(BO, mark_))
        stored = house.say(GROUP, self.group(ANNA, BO))
        assert house.seen(stored, recipient())["groupMemberships"] == [self.member(ANNA)]
        assert list(house.decide(stored, recipient()).withheld) == [mark(BO, stored)]

    def test_an_unknown_member_is_removed_and_marked_so_that_they_come_later(self, house: House) -> None:
        """Promise 4: never lose it."""
        stored = house.say(GROUP, self.group(ANNA, BO))
        assert house.seen(stored, recipient())["groupMemberships"] == [self.member(ANNA)]
        assert list(house.decide(stored, recipient()).withheld) == [mark(BO, stored)]

    def test_a_list_that_comes_out_empty_looks_like_one_that_was_never_there(self, house: House) -> None:
        """Promise 5: `[]` would tell of somebody."""
        shown = [house.seen(house.say(GROUP, data), recipient()) for data in (self.group(BO), self.group())]
        never = house.seen(house.say(GROUP, {"id": uid("group"), "organisation": {"id": UNIT}}), recipient())
        assert shown == [never, never]

    def test_a_reference_that_was_removed_looks_like_null_and_like_nothing(self, house: House) -> None:
        """Promise 5."""
        shown = [
            house.seen(house.say(ABSENCE, absence(ANNA, **rest)), recipient())
            for rest in ({"registeredBy": {"id": BO}}, {"registeredBy": None}, {})
        ]
        assert shown[0] == shown[1] == shown[2]

    def test_a_teacher_is_found_behind_a_duty(self, house: House) -> None:
        """Promise 4."""
        house.say(PERSON, person(TINA, "Sekretessmarkering"))
        house.say(PERSON, person(VERA))
        for name, teacher in (("open", VERA), ("hidden", TINA)):
            house.say(DUTY, {"id": uid(name), "person": {"id": teacher}, "dutyAt": {"id": UNIT}})
        teachers = [{"duty": {"id": uid("hidden")}}, {"duty": {"id": uid("open")}}]
        assert house.seen(house.say(LESSON, lesson(teachers=teachers)), recipient())["teachers"] == teachers[1:]

    def test_an_unknown_duty_is_removed_and_waited_for(self, house: House) -> None:
        """Promise 4."""
        stored = house.say(LESSON, lesson(teachers=[{"duty": {"id": uid("duty")}}]))
        assert "teachers" not in house.seen(stored, recipient())
        assert list(house.decide(stored, recipient()).withheld) == [mark(f"duty/{uid('duty')}", stored)]

    def test_an_item_goes_with_the_pupil_whom_it_is_about(self, house: House) -> None:
        """Promise 4."""
        exceptions = [{"student": {"id": each}, "participates": False} for each in (ANNA, BO)]
        stored = house.say(LESSON, lesson(studentExceptions=exceptions))
        assert house.seen(stored, recipient())["studentExceptions"] == exceptions[:1]

    def test_a_decision_stays_when_the_one_who_took_it_goes(self, house: House) -> None:
        decision = {"outcome": "granted", "decidedAt": "2026-11-24T13:00:00+01:00", "decidedBy": {"id": BO}}
        case = {
            "id": uid("case"), "kind": "boarding_allowance", "pupil": {"id": ANNA},
            "items": [{"id": "1", "decision": decision}],
        }  # fmt: skip
        seen = house.seen(house.say("se.skolnav.case.opened.v1", case), recipient())
        assert seen["items"][0]["decision"]["outcome"] == "granted"
        assert "decidedBy" not in seen["items"][0]["decision"]

    def test_the_mark_on_a_mention_counts_although_the_directory_says_ingen(self, house: House) -> None:
        """Promise 4."""
        stored = house.say(ABSENCE, absence(ANNA, registeredBy={"id": ANNA, "securityMarking": "Sekretessmarkering"}))
        assert "registeredBy" not in house.seen(stored, recipient())


TIE = [{"person": {"id": VERA}, "relationType": "Vårdnadshavare"}]
HOME = {
    "emails": [{"value": "vera@example.org"}],
    "phoneNumbers": [{"value": "08-000 00 00"}],
    "addresses": [{"streetAddress": "Provgatan 1"}],
    "givenName": "Vera",
}


class TestHome:
    def test_contact_and_address_of_a_protected_child_s_guardian_are_withheld(self, house: House) -> None:
        """Promise 4: a guardian's address tells where the pupil lives."""
        house.say(PERSON, pupil(BO, "Sekretessmarkering", responsibles=TIE))
        house.say(PERSON, pupil(ANNA, responsibles=TIE))
        stored = house.say(PERSON, person(VERA, **HOME))
        assert house.seen(stored, recipient()) == {"id": VERA, "personStatus": "Aktiv", "givenName": "Vera"}
        assert list(house.decide(stored, recipient()).withheld) == [mark(BO, stored)]

    def test_so_are_a_sibling_s(self, house: House) -> None:
        """Promise 4."""
        house.say(PERSON, pupil(BO, "Sekretessmarkering", responsibles=TIE))
        stored = house.say(PERSON, pupil(ANNA, responsibles=TIE, **HOME))
        assert house.seen(stored, recipient()).keys() & {"emails", "phoneNumbers", "addresses"} == set()

    def test_they_are_shown_while_the_child_is_open(self, house: House) -> None:
        house.say(PERSON, pupil(BO, responsibles=TIE))
        assert house.seen(house.say(PERSON, person(VERA, **HOME)), recipient()).keys() >= HOME.keys()

    def test_a_permit_is_refused_once_the_child_is_protected(self, house: House) -> None:
        """Promise 4: a decision is valid in the turn in which the first byte leaves."""
        house.say(PERSON, pupil(BO, responsibles=TIE))
        decision = house.decide(house.say(PERSON, person(VERA, **HOME)), recipient())
        house.say(PERSON, pupil(BO, "Sekretessmarkering", responsibles=TIE))
        with pytest.raises(PermitRefused):
            house.gate.permit(decision)


class TestContract:
    def test_without_a_contract_nothing_passes(self, house: House) -> None:
        """Promise 4."""
        for stored in (house.say(ABSENCE, absence(ANNA)), house.say(ROOM, {"id": uid("room")})):
            assert not house.decide(stored, Recipient("client/none", ())).allowed

    def test_a_field_outside_the_contract_is_dropped(self, house: House) -> None:
        house.say(PERSON, person(VERA))
        stored = house.say(ABSENCE, absence(ANNA, registeredBy={"id": VERA}))
        assert "registeredBy" not in house.seen(stored, recipient(ATTENDANCE))

    def test_a_field_with_several_categories_needs_them_all(self, house: House) -> None:
        case = {"id": uid("case"), "kind": "acme.key", "pupil": {"id": ANNA}, "content": {"secret": "x"}}
        stored = house.say("se.skolnav.case.opened.v1", case)
        some = contract(Category.CASE_CONTENT, Category.FREE_TEXT)
        assert "content" not in house.seen(stored, recipient(some))
        assert house.seen(stored, recipient(contract(*some.categories, Category.HEALTH)))["content"] == {"secret": "x"}

    def test_all_contracts_in_force_must_allow(self, house: House) -> None:
        stored = house.say(ABSENCE, absence(ANNA))
        assert not house.decide(stored, recipient(ATTENDANCE, contract(Category.NAME))).allowed

    def test_a_type_of_which_nothing_could_be_left_is_denied(self, house: House) -> None:
        """Promise 5: that somebody has a diet is not told to whom diets are no business."""
        house.say(PERSON, pupil(ANNA))
        diet = {"id": uid("diet"), "person": {"id": ANNA, "displayName": "Anna"}, "codes": ["GLUTENFRI"]}
        gone = {"id": uid("diet"), "person": {"id": ANNA}}
        to = recipient(contract(Category.IDENTITY, Category.NAME, Category.ATTENDANCE))
        for stored in (house.say(DIET, diet), house.say("se.skolnav.directory.diet.deleted.v1", gone)):
            assert house.decide(stored, to).rule is Rule.CONTRACT

    def test_an_event_of_which_nothing_is_left_is_denied(self, house: House) -> None:
        stored = house.say(PERSON, person(ANNA, givenName="Anna"))
        assert house.decide(stored, recipient(contract(Category.CONTACT))).rule is Rule.NOTHING_LEFT

    def test_a_room_system_gets_lessons_without_anybody_in_them(self, house: House) -> None:
        stored = house.say(LESSON, lesson(studentExceptions=[{"student": {"id": ANNA}, "participates": False}]))
        assert house.seen(stored, recipient(contract(Category.NONE))) == lesson()

    def test_what_the_catalogue_does_not_list_is_dropped(self, house: House) -> None:
        """Unknown fields and extension attributes are stored, and delivered to nobody."""
        data = absence(ANNA, secret="x", student={"id": ANNA, "nick": "y"})
        stored = house.say(ABSENCE, data, colour="red")
        body = house.bytes_for(stored, recipient())
        assert body is not None
        assert orjson.loads(body)["data"] == absence(ANNA)
        assert b"red" not in body

    def test_the_stored_event_is_left_as_it_is(self, house: House) -> None:
        stored = house.say(GROUP, {"id": uid("group"), "groupMemberships": [{"person": {"id": ANNA}}]})
        before = orjson.dumps(stored.parsed)
        decision = house.decide(stored, recipient(contract(Category.GROUP)))
        assert decision.content is not None
        decision.content["data"]["groupMemberships"].clear()
        assert orjson.dumps(stored.parsed) == before


class TestChanged:
    def changed(self, **changed: Any) -> dict[str, Any]:
        return absence(ANNA, changed=changed)

    def test_it_is_reduced_like_data(self, house: House) -> None:
        stored = house.say(
            ABSENCE_CHANGED, self.changed(endTime="2026-11-24T12:00:00+01:00", registeredBy={"id": ANNA})
        )
        assert house.seen(stored, recipient(ATTENDANCE))["changed"] == {"endTime": "2026-11-24T12:00:00+01:00"}

    def test_an_event_of_whose_change_nothing_is_left_is_denied(self, house: House) -> None:
        """Promise 5: that something else changed is nobody's business."""
        stored = house.say(ABSENCE_CHANGED, self.changed(registeredBy={"id": ANNA}))
        assert house.decide(stored, recipient(ATTENDANCE)).rule is Rule.NOTHING_LEFT

    def test_unless_it_stands_for_the_state_of_its_entity(self, house: House) -> None:
        """Promise 4: what became permitted arrives as current state."""
        stored = house.say(ABSENCE_CHANGED, self.changed(registeredBy={"id": ANNA}))
        decision = house.decide(stored, recipient(ATTENDANCE), state=True)
        assert decision.allowed
        assert decision.content is not None
        assert "changed" not in decision.content["data"]

    def test_one_that_does_not_say_what_changed_is_delivered(self, house: House) -> None:
        assert house.seen(house.say(ABSENCE_CHANGED, absence(ANNA)), recipient(ATTENDANCE))

    def test_a_swap_of_protected_teachers_is_no_change(self, house: House) -> None:
        """Promise 5."""
        house.say(PERSON, person(VERA))
        data = lesson(
            teachers=[{"person": {"id": VERA}}],
            changed={"teachers": [{"person": {"id": VERA}}, {"person": {"id": BO}}]},
        )
        assert house.decide(house.say(LESSON_CHANGED, data), recipient()).rule is Rule.NOTHING_LEFT

    def test_previous_persons_are_removed_too(self, house: House) -> None:
        """Promise 4."""
        house.say(PERSON, person(VERA))
        was = [{"person": {"id": BO}}, {"person": {"id": TINA}}]
        house.say(PERSON, person(TINA))
        stored = house.say(LESSON_CHANGED, lesson(teachers=[{"person": {"id": VERA}}], changed={"teachers": was}))
        assert house.seen(stored, recipient())["changed"] == {"teachers": was[1:]}


class TestPseudonyms:
    def test_without_identity_a_person_has_a_name_of_the_recipient_s_own(self, house: House) -> None:
        stored = house.say(ABSENCE, absence(ANNA))
        bodies = {}
        for name in ("client/a", "client/b"):
            body = house.bytes_for(stored, recipient(contract(Category.ATTENDANCE), name=name))
            assert body is not None
            assert ANNA.encode() not in body
            event = orjson.loads(body)
            pseudonym = event["data"]["student"]["id"]
            assert event["subject"] == event["partitionkey"] == f"person/{pseudonym}"
            bodies[name] = pseudonym
        assert bodies["client/a"] != bodies["client/b"]

    def test_it_is_the_same_in_every_event_and_turned_back_by_the_hub_alone(self, house: House) -> None:
        to = recipient(contract(Category.ATTENDANCE, Category.GROUP))
        first = house.seen(house.say(ABSENCE, absence(ANNA)), to)["student"]["id"]
        group = {"id": uid("group"), "groupMemberships": [{"person": {"id": ANNA.upper()}}]}
        second = house.seen(house.say(GROUP, group), to)["groupMemberships"][0]["person"]["id"]
        assert first == second
        assert house.gate.person_of(to, first) == ANNA

    def test_other_identities_are_dropped(self, house: House) -> None:
        stored = house.say(PERSON, pupil(ANNA, civicNo={"value": "130101-1000"}, birthDate="2013-01-01"))
        seen = house.seen(stored, recipient(contract(Category.GROUP)))
        assert seen.keys() == {"id", "enrolments"}


class TestAggregates:
    TO = recipient(contract(*ALL), name="connector/kitchen", aggregates=True)

    @pytest.mark.parametrize("mark_", ["Ingen", "Sekretessmarkering", None])
    def test_it_gets_everybody_under_a_pseudonym_with_nothing_but_what_is_counted(
        self, house: House, mark_: str | None
    ) -> None:
        data = pupil(BO, mark_, givenName="Bo", emails=[{"value": "bo@example.org"}])
        seen = house.seen(house.say(PERSON, data), self.TO)
        assert seen == {"id": house.gate.pseudonyms(self.TO).of(BO), "enrolments": data["enrolments"]}

    def test_it_gets_the_unknown_and_the_stale_too(self, house: House) -> None:
        house.later(hours=30)
        assert house.seen(house.say(ABSENCE, absence(uid("nobody"))), self.TO)

    def test_its_own_contract_still_limits_it(self, house: House) -> None:
        to = recipient(contract(Category.GROUP), name="connector/kitchen", aggregates=True)
        assert house.decide(house.say(ABSENCE, absence(ANNA)), to).rule is Rule.CONTRACT

    def test_scope_still_limits_it(self, house: House) -> None:
        house.tree()
        to = recipient(contract(Category.ATTENDANCE, organisations=[ELSEWHERE]), name="connector/k", aggregates=True)
        assert house.decide(house.say(ABSENCE, absence(ANNA)), to).rule is Rule.SCOPE

    def test_members_of_a_group_are_all_counted(self, house: House) -> None:
        house.say(PERSON, pupil(BO, "Sekretessmarkering"))
        group = {"id": uid("group"), "groupMemberships": [{"person": {"id": each}} for each in (ANNA, BO)]}
        assert len(house.seen(house.say(GROUP, group), self.TO)["groupMemberships"]) == 2


class TestScope:
    @pytest.fixture(autouse=True)
    def tree(self, house: House) -> None:
        house.tree()

    def rule(self, house: House, stored: Stored, **scope: Any) -> Rule:
        return house.decide(stored, recipient(contract(*ALL, **scope))).rule

    @pytest.mark.parametrize(
        ("organisations", "rule"), [([UNIT], Rule.ALLOWED), ([SCHOOL], Rule.ALLOWED), ([ELSEWHERE], Rule.SCOPE)]
    )
    def test_the_organisation_that_the_event_names_counts_with_what_it_is_a_part_of(
        self, house: House, organisations: list[str], rule: Rule
    ) -> None:
        stored = house.say(ABSENCE, absence(ANNA, organisation={"id": UNIT}))
        assert self.rule(house, stored, organisations=organisations) is rule

    def test_ids_in_a_contract_may_be_in_upper_case(self, house: House) -> None:
        stored = house.say(ABSENCE, absence(ANNA, organisation={"id": UNIT}))
        assert self.rule(house, stored, organisations=[UNIT.upper()]) is Rule.ALLOWED

    @pytest.mark.parametrize(("organisations", "rule"), [([SCHOOL], Rule.ALLOWED), ([ELSEWHERE], Rule.SCOPE)])
    def test_else_where_the_person_is_enrolled_today(self, house: House, organisations: list[str], rule: Rule) -> None:
        assert self.rule(house, house.say(ABSENCE, absence(ANNA)), organisations=organisations) is rule

    def test_else_who_owns_what_it_belongs_to(self, house: House) -> None:
        house.say(ACTIVITY, {"id": uid("activity"), "organisation": {"id": UNIT}})
        stored = house.say(LESSON, lesson())
        assert self.rule(house, stored, organisations=[SCHOOL]) is Rule.ALLOWED
        assert self.rule(house, stored, organisations=[ELSEWHERE]) is Rule.SCOPE

    def test_where_nothing_is_known_it_is_denied_and_waits_for_the_person(self, house: House) -> None:
        """Promise 4."""
        house.say(PERSON, person(BO))
        stored = house.say(ABSENCE, absence(BO))
        decision = house.decide(stored, recipient(contract(*ALL, organisations=[SCHOOL])))
        assert (decision.rule, list(decision.withheld)) == (Rule.SCOPE_UNKNOWN, [mark(f"place/{BO}", stored)])

    def test_or_for_the_activity(self, house: House) -> None:
        """Promise 4."""
        stored = house.say(LESSON, lesson())
        decision = house.decide(stored, recipient(contract(*ALL, organisations=[SCHOOL])))
        name = f"place/activity/{uid('activity')}"
        assert (decision.rule, list(decision.withheld)) == (Rule.SCOPE_UNKNOWN, [mark(name, stored)])

    @pytest.mark.parametrize("field", ["groups", "activities", "room", "duty"])
    def test_it_waits_for_each_kind_of_owner_by_its_own_name(self, field: str) -> None:
        """Promise 4: under another name nothing would ever lift the mark."""
        house = House(Catalogue((*CORE_TYPES, Trip)))
        house.tree()
        owner = {"id": uid(field)}
        data = {"id": uid("trip"), field: [owner] if field.endswith("s") else owner}
        stored = house.stored(Trip.spec.type, data)
        decision = house.decide(stored, recipient(contract(*ALL, organisations=[SCHOOL])))
        kind = {"groups": "group", "activities": "activity"}.get(field, field)
        name = f"place/{kind}/{uid(field)}"
        assert (decision.rule, list(decision.withheld)) == (Rule.SCOPE_UNKNOWN, [mark(name, stored)])

    def test_or_for_the_organisation_that_nobody_has_told_of(self, house: House) -> None:
        """Promise 4: whether it is a part of the school cannot be told yet."""
        stored = house.say(ABSENCE, absence(ANNA, organisation={"id": uid("new unit")}))
        decision = house.decide(stored, recipient(contract(*ALL, organisations=[SCHOOL])))
        name = f"organisation/{uid('new unit')}"
        assert (decision.rule, list(decision.withheld)) == (Rule.SCOPE_UNKNOWN, [mark(name, stored)])

    @pytest.mark.parametrize(("types", "rule"), [(["GR"], Rule.ALLOWED), (["GY", "VUX"], Rule.SCOPE)])
    def test_school_types_are_those_of_the_enrolment(self, house: House, types: list[str], rule: Rule) -> None:
        assert self.rule(house, house.say(ABSENCE, absence(ANNA)), school_types=types) is rule
        named = house.say(ABSENCE, absence(ANNA, organisation={"id": UNIT}))
        assert self.rule(house, named, school_types=types) is rule

    @pytest.mark.parametrize(("types", "rule"), [(["GR"], Rule.ALLOWED), (["GY"], Rule.SCOPE)])
    def test_where_it_concerns_no_person_they_are_the_organisation_s(
        self, house: House, types: list[str], rule: Rule
    ) -> None:
        closed = {"organisation": {"id": SCHOOL}, "date": "2026-11-25"}
        assert self.rule(house, house.say("se.skolnav.schedule.day.closed.v1", closed), school_types=types) is rule

    def test_one_enrolment_must_match_both_organisation_and_school_type(self, house: House) -> None:
        enrolments = [
            {"enroledAt": {"id": UNIT}, "schoolType": "GR", "startDate": "2026-08-17"},
            {"enroledAt": {"id": ELSEWHERE}, "schoolType": "GY", "startDate": "2026-08-17"},
        ]
        house.say(PERSON, person(BO, enrolments=enrolments))
        stored = house.say(ABSENCE, absence(BO))
        assert self.rule(house, stored, organisations=[ELSEWHERE], school_types=["GY"]) is Rule.ALLOWED
        assert self.rule(house, stored, organisations=[ELSEWHERE], school_types=["GR"]) is Rule.SCOPE

    def test_each_contract_s_scope_must_hold(self, house: House) -> None:
        stored = house.say(ABSENCE, absence(ANNA))
        to = recipient(contract(*ALL, organisations=[SCHOOL]), contract(*ALL, organisations=[ELSEWHERE]))
        assert house.decide(stored, to).rule is Rule.SCOPE

    def test_a_decision_ends_with_the_day_whose_enrolments_it_rests_on(self, house: House) -> None:
        """Promise 4."""
        decision = house.decide(house.say(ABSENCE, absence(ANNA)), recipient(contract(*ALL, organisations=[SCHOOL])))
        house.clock.now = MORNING.replace(hour=22, minute=59)
        house.gate.permit(decision)
        house.clock.now = MORNING.replace(hour=23, minute=0)  # midnight in Stockholm
        with pytest.raises(PermitRefused):
            house.gate.permit(decision)

    def test_a_permit_is_refused_once_the_unit_belongs_elsewhere(self, house: House) -> None:
        """Promise 4."""
        stored = house.say(ABSENCE, absence(ANNA, organisation={"id": UNIT}))
        decision = house.decide(stored, recipient(contract(*ALL, organisations=[SCHOOL])))
        house.say(ORGANISATION, {"id": UNIT, "parentOrganisation": {"id": ELSEWHERE}})
        with pytest.raises(PermitRefused):
            house.gate.permit(decision)
        assert self.rule(house, stored, organisations=[SCHOOL]) is Rule.SCOPE


class TestDuties:
    def test_a_duty_of_somebody_protected_is_denied_and_so_is_its_end(self, house: House) -> None:
        """Promise 5: sources list deleted duties by id alone."""
        house.say(PERSON, person(TINA, "Sekretessmarkering"))
        to = recipient()
        assert house.decide(house.say(DUTY, {"id": uid("duty"), "person": {"id": TINA}}), to).rule is Rule.PROTECTED
        gone = house.say("se.skolnav.directory.duty.deleted.v1", {"id": uid("duty")})
        assert house.decide(gone, to).rule is Rule.PROTECTED

    def test_a_duty_of_somebody_open_ends_openly(self, house: House) -> None:
        house.say(PERSON, person(VERA))
        house.say(DUTY, {"id": uid("duty"), "person": {"id": VERA}})
        gone = house.say("se.skolnav.directory.duty.deleted.v1", {"id": uid("duty")})
        assert house.seen(gone, recipient()) == {"id": uid("duty")}

    def test_a_duty_that_names_nobody_is_denied(self, house: House) -> None:
        """Promise 4: its signature may name a protected teacher."""
        stored = house.say(DUTY, {"id": uid("duty"), "signature": "TIN"})
        assert house.decide(stored, recipient()).rule is Rule.UNKNOWN


class TestPermit:
    @pytest.mark.parametrize("mark_", ["Sekretessmarkering", None])
    def test_it_is_refused_once_the_person_is_not_open_any_more(self, house: House, mark_: str | None) -> None:
        """Promise 4: no delivery without a decision taken at that moment."""
        decision = house.decide(house.say(ABSENCE, absence(ANNA)), recipient(ATTENDANCE))
        house.say(PERSON, pupil(ANNA, mark_))
        with pytest.raises(PermitRefused):
            house.gate.permit(decision)

    def test_and_once_a_mentioned_one_is_not(self, house: House) -> None:
        """Promise 4."""
        house.say(PERSON, person(VERA))
        decision = house.decide(house.say(ABSENCE, absence(ANNA, registeredBy={"id": VERA})), recipient())
        house.say(PERSON, person(VERA, "Sekretessmarkering"))
        with pytest.raises(PermitRefused):
            house.gate.permit(decision)

    def test_and_once_the_duty_is_another_s(self, house: House) -> None:
        """Promise 4."""
        house.say(PERSON, person(VERA))
        house.say(PERSON, person(TINA, "Sekretessmarkering"))
        house.say(DUTY, {"id": uid("duty"), "person": {"id": VERA}})
        decision = house.decide(house.say(LESSON, lesson(teachers=[{"duty": {"id": uid("duty")}}])), recipient())
        house.say(DUTY, {"id": uid("duty"), "person": {"id": TINA}})
        with pytest.raises(PermitRefused):
            house.gate.permit(decision)

    def test_and_once_the_mark_is_too_old(self, house: House) -> None:
        """Promise 4."""
        decision = house.decide(house.say(ABSENCE, absence(ANNA)), recipient(ATTENDANCE))
        house.later(hours=26)
        house.gate.permit(decision)
        house.later(microseconds=1)
        with pytest.raises(PermitRefused):
            house.gate.permit(decision)

    def test_it_stands_while_nothing_changes_that_matters(self, house: House) -> None:
        decision = house.decide(house.say(ABSENCE, absence(ANNA)), recipient(ATTENDANCE))
        house.say(PERSON, pupil(ANNA, givenName="Annika"))
        house.say(PERSON, pupil(BO, "Sekretessmarkering"))
        house.current()
        assert house.gate.permit(decision)

    def test_a_connector_s_thread_that_holds_the_lock_is_not_overtaken(self, house: House) -> None:
        """Promise 4: between the permit and the first byte nothing is applied."""
        decision = house.decide(house.say(ABSENCE, absence(ANNA)), recipient(ATTENDANCE))
        hidden = house.stored(PERSON, pupil(ANNA, "Sekretessmarkering"))
        applying = threading.Thread(target=house.directory.observe, args=((hidden,),))
        with house.directory.lock:
            applying.start()
            applying.join(0.2)
            assert applying.is_alive()
            assert house.gate.permit(decision)
        applying.join()
        with pytest.raises(PermitRefused):
            house.gate.permit(decision)

    def test_what_was_denied_gets_none(self, house: House) -> None:
        """Promise 4."""
        with pytest.raises(PermitRefused):
            house.gate.permit(house.decide(house.say(ABSENCE, absence(BO)), recipient(ATTENDANCE)))

    @pytest.mark.parametrize("to", [recipient(), recipient(ATTENDANCE), recipient(contract(Category.ATTENDANCE))])
    def test_the_lane_is_written_in(self, house: House, to: Any) -> None:
        decision = house.decide(house.say(ABSENCE, absence(ANNA)), to)
        event = orjson.loads(house.gate.permit(decision, 'replay "1"'))
        assert event.pop("skolnavlane") == 'replay "1"'
        assert event == orjson.loads(house.gate.permit(decision))

    def test_level_id_has_the_attributes_and_no_data(self, house: House) -> None:
        stored = house.say(ABSENCE, absence(ANNA))
        to = recipient(contract(Category.ATTENDANCE), level=PayloadLevel.ID)
        body = house.bytes_for(stored, to)
        assert body is not None
        event = orjson.loads(body)
        assert event["subject"] == f"person/{house.gate.pseudonyms(to).of(ANNA)}"
        assert "data" not in event

    def test_level_none_tells_that_something_happened(self, house: House) -> None:
        body = house.bytes_for(house.say(ABSENCE, absence(ANNA)), recipient(level=PayloadLevel.NONE))
        assert body is not None
        assert orjson.loads(body).keys() == {"specversion", "id", "source", "type", "time"}

    @pytest.mark.parametrize(
        ("type_", "data"), [(ROOM, {"id": uid("room"), "seats": 30}), (ABSENCE, absence(ANNA))], ids=["room", "person"]
    )
    def test_what_is_whole_leaves_as_it_is_stored(self, house: House, type_: str, data: dict[str, Any]) -> None:
        stored = house.say(type_, data)
        decision = house.decide(stored, recipient())
        assert decision.unchanged
        assert house.gate.permit(decision) is stored.body
        assert decision.content == stored.parsed

    def test_what_concerns_nobody_is_decided_on_unparsed(self, house: House) -> None:
        stored = house.stored(ROOM, {"id": uid("room")})
        house.gate.permit(house.decide(stored, recipient()))
        assert stored._parsed is None


def test_another_source_s_stale_word_does_not_open_anybody(house: House) -> None:
    """Promise 4: a person belongs to the source of the last upserted."""
    stored = house.say(ABSENCE, absence(ANNA))
    house.say(PERSON, pupil(ANNA), OTHER)
    assert house.decide(stored, recipient(ATTENDANCE)).rule is Rule.STALE
    house.current(OTHER)
    assert house.decide(stored, recipient(ATTENDANCE)).allowed
    house.later(hours=26, microseconds=1)
    house.current(SIS)
    assert house.decide(stored, recipient(ATTENDANCE)).rule is Rule.STALE
    assert house.clock.now - MORNING > timedelta(hours=26)


class TestThoseWhoAreGone:
    def test_nobody_vouches_for_a_person_whom_every_source_has_deleted(self, house: House) -> None:
        """Promise 4: what comes late about them is withheld; that they are gone is told."""
        house.say(PERSON, person(ANNA))
        gone = house.say(PERSON_GONE, {"id": ANNA})
        assert house.decide(gone, recipient()).allowed
        late = house.decide(house.say(ABSENCE, absence(ANNA)), recipient())
        assert (late.rule, len(late.withheld)) == (Rule.UNKNOWN, 1)

    def test_a_source_that_takes_back_what_was_never_told_of_is_not_heard(self, house: House) -> None:
        """Promise 5: a deletion without anything before it tells that something was withheld."""
        house.say(PERSON, person(ANNA))
        house.say(PERSON, person(ANNA, None), source=OTHER)
        gone = house.say(PERSON_GONE, {"id": ANNA}, source=OTHER)
        assert house.decide(gone, recipient()).rule is Rule.PROTECTED
        assert house.decide(house.say(ABSENCE, absence(ANNA)), recipient()).allowed
        house.say(PERSON, person(ANNA, "Sekretessmarkering"), source=OTHER)
        for source in (OTHER, SIS):
            gone = house.say(PERSON_GONE, {"id": ANNA}, source=source)
            assert house.decide(gone, recipient()).rule is Rule.PROTECTED


def test_persons_under_pseudonyms_come_in_an_order_of_the_recipient_s_own(house: House) -> None:
    """Promise 5: a source lists a class by family name, and whoever has the names could put them beside it."""
    people = [uid(f"member {n}") for n in range(6)]
    for each in people:
        house.say(PERSON, person(each))
    to = recipient(contract(*(ALL - {Category.IDENTITY})))
    seen = [house.seen(house.say(GROUP, group(*members)), to)["groupMemberships"] for members in (people, people[::-1])]
    assert seen[0] == seen[1]
    assert len(seen[0]) == 6
