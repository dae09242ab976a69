"""Promise 3: no function of a vendor's event type runs in the hub."""

import re
from dataclasses import replace
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    PlainValidator,
    Tag,
    ValidationError,
    WrapValidator,
    field_validator,
    model_validator,
)

from plugins.bounded import validator_without_code
from schemas import CORE_TYPES, Category, EventSpec, Part, Payload, Ref
from schemas.absence import AbsenceReported
from schemas.payload import Timestamp


class OwnCode(BaseException):
    pass


def runs(value: Any) -> Any:
    raise OwnCode


def wraps(value: Any, handler: Any) -> Any:
    raise OwnCode


def makes() -> str:
    raise OwnCode


class Colour(Enum):
    RED = "red"

    @classmethod
    def _missing_(cls, value):
        raise OwnCode


class Dish(Part):
    name: Annotated[str, Category.NONE, AfterValidator(runs)]
    inner: Annotated["Dish | None", Category.NONE] = None


class Plain(Part):
    size: Annotated[int, Category.NONE]


Either = Annotated[Annotated[Plain, Tag("p")] | Annotated[Dish, Tag("d")], Discriminator(runs)]


class Menu(Payload):
    spec = EventSpec(type="com.acme.kitchen.menu.v1", subject=Ref("x", "x"), key=Ref("x", "x"))

    x: Annotated[str, Category.NONE, Field(max_length=10)]
    at: Annotated[Timestamp | None, Category.NONE] = None
    before: Annotated[int, Category.NONE, BeforeValidator(runs)] = 0
    plain: Annotated[int, Category.NONE, PlainValidator(runs)] = 0
    wrap: Annotated[int, Category.NONE, WrapValidator(wraps)] = 0
    made: Annotated[str, Category.NONE] = Field(default_factory=makes, validate_default=True)
    colour: Annotated[Colour | None, Category.NONE] = None
    kind: Annotated[Literal["a", "b"] | None, Category.NONE] = None
    dishes: Annotated[list[Dish] | None, Category.NONE] = None
    either: Annotated[Either, Category.NONE] = None  # type: ignore[assignment]

    @field_validator("x")
    @classmethod
    def own(cls, value):
        raise OwnCode

    @model_validator(mode="after")
    def whole(self):
        raise OwnCode

    def model_post_init(self, context):
        raise OwnCode


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"before": 1, "plain": 1, "wrap": 1},
        {"dishes": [{"name": "soup", "inner": {"name": "bread"}}]},
        {"either": {"size": 1}},
        {"colour": "red", "kind": "a", "at": "2026-11-24T07:42:00+01:00"},
        {"unlisted": 1},
    ],
)
def test_what_fits_is_accepted_and_no_function_of_the_type_runs(more):
    with pytest.raises(OwnCode):
        Menu.model_validate({"x": "a"})
    validator_without_code(Menu)({"x": "a", **more})


@pytest.mark.parametrize(
    "wrong",
    [
        {"x": "a" * 11},
        {"x": 1},
        {"before": "1"},
        {"wrap": None},
        {"kind": "c"},
        {"colour": "blue"},
        {"at": "yesterday"},
        {"dishes": [{"inner": {"name": "bread"}}]},
        {"dishes": [{"name": "soup", "inner": {"name": 7}}]},
    ],
)
def test_what_pydantic_and_the_hub_check_themselves_is_still_checked(wrong):
    with pytest.raises(ValidationError):
        validator_without_code(Menu)({"x": "a", **wrong})


class Leave(AbsenceReported):
    """Inherits a function of the hub's."""

    spec = replace(AbsenceReported.spec, type="com.acme.leave.reported.v1")
    note: Annotated[str, Category.NONE, AfterValidator(runs)] = ""


def test_the_rules_that_a_type_inherits_from_the_hubs_are_kept():
    example = {**AbsenceReported.spec.examples[0], "note": "a"}
    validator_without_code(Leave)(example)
    with pytest.raises(ValidationError, match="ends_before_it_starts"):
        validator_without_code(Leave)({**example, "endTime": "2001-01-01T00:00:00+01:00"})


class Slow(Payload):
    model_config = ConfigDict(regex_engine="python-re")
    spec = EventSpec(type="com.acme.kitchen.slow.v1", subject=Ref("x", "x"), key=Ref("x", "x"))

    x: Annotated[str, Category.NONE, Field(pattern=r"^(a+)+$")]
    looks: Annotated[str, Category.NONE, Field(pattern=r"^(?=(a+)+$).")] = ""
    compiled: Annotated[str, Category.NONE, Field(pattern=re.compile(r"^(A+)+$", re.IGNORECASE))] = ""


def test_a_pattern_needs_linear_time():
    """Python's engine would need longer than the sun has left: this test ends at once or never."""
    validate, long = validator_without_code(Slow), "a" * 5000 + "!"
    with pytest.raises(ValidationError):
        validate({"x": long})
    validate({"x": "aaa", "looks": long, "compiled": long})


@pytest.mark.parametrize("model", CORE_TYPES, ids=lambda model: model.spec.type)
def test_of_a_type_without_own_code_the_same_is_accepted_and_refused(model):
    validate, own = validator_without_code(model), model.model_validate
    for example in model.spec.examples:
        validate(example)
        for name in example:
            for wrong in ({**example, name: object()}, {key: each for key, each in example.items() if key != name}):
                assert refused(validate, wrong) == refused(own, wrong)


def refused(validate, data):
    try:
        validate(data)
    except ValidationError as error:
        return [(each["type"], each["loc"]) for each in error.errors()]
    return []
