import pytest

from schemas import CORE_TYPES, Event
from schemas.absence import Absence, AbsenceChanged, AbsenceReported
from schemas.schedule import LessonScheduled
from schemas.views import TakenAway, view

DATA = {"id": "a-1", "startTime": "2026-11-24T08:00:00+01:00", "endTime": "2026-11-24T16:00:00+01:00"}


def reported(**more):
    return Event({"type": AbsenceReported.spec.type, "id": "1", "source": "urn:s"}, {**DATA, **more})


def test_what_is_there_has_the_models_names_and_types():
    absence = reported(student={"id": "p-1"}).as_(AbsenceReported)
    assert isinstance(absence, AbsenceReported)
    assert (absence.id, absence.startTime, absence.student.id) == ("a-1", DATA["startTime"], "p-1")


def test_a_required_field_that_the_contract_took_away_says_so_without_a_value():
    absence = reported().as_(AbsenceReported)
    with pytest.raises(TakenAway) as raised:
        absence.student  # noqa: B018
    assert str(raised.value) == (
        "AbsenceReported.student is not in this event: the contract does not cover it. "
        "It needs one of the categories identity, name."
    )
    with pytest.raises(TakenAway, match=r"AbsenceReported\.type .* categories attendance"):
        absence.type  # noqa: B018


def test_a_field_inside_an_object_can_be_taken_away_too():
    absence = reported(student={"displayName": "Bo"}).as_(AbsenceReported)
    with pytest.raises(TakenAway, match=r"PersonRef\.id"):
        absence.student.id  # noqa: B018
    assert absence.student.displayName == "Bo"


def test_a_field_that_may_be_missing_is_read_with_a_default():
    absence = reported().as_(AbsenceReported)
    assert absence.organisation is None
    assert getattr(absence, "student", None) is None
    with pytest.raises(AttributeError, match="no field reason"):
        absence.reason  # noqa: B018


def test_several_types_are_read_by_the_base_that_they_share():
    changed = Event({"type": AbsenceChanged.spec.type, "id": "1", "source": "urn:s"}, DATA)
    assert changed.as_(Absence).endTime == DATA["endTime"]
    with pytest.raises(TypeError, match=r"a se\.skolnav\.absence\.changed\.v1 is no AbsenceReported"):
        changed.as_(AbsenceReported)


def test_lists_of_objects_are_views_too():
    lesson = view(LessonScheduled, {"id": "l", "teachers": [{"person": {"id": "t"}}, {}], "rooms": [{"id": "r"}]})
    assert [room.id for room in lesson.rooms] == ["r"]
    assert lesson.teachers[0].person.id == "t"
    assert lesson.teachers[1].person is None


@pytest.mark.parametrize("model", CORE_TYPES, ids=lambda model: model.spec.type)
def test_a_view_of_whole_data_is_the_model_itself(model):
    for example in model.spec.examples:
        assert view(model, dict(example)).model_dump(exclude_unset=True) == dict(example)


@pytest.mark.parametrize("data", [None, [], "text", {}])
def test_no_data_is_a_view_without_fields(data):
    assert view(AbsenceReported, data).model_fields_set == set()
