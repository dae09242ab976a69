"""Pairs of worlds that differ only in what is withheld. Whatever a recipient can see must be the same in both.

    for pair in PAIRS:
        assert observe(pair.told) == observe(pair.never)

`observe` plays a world's events and returns all that the recipients got: from the gate, a feed, a webhook, a stream.
`visible` takes out of an event what differs between any two runs (its `sequence`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from schemas import Category
from tests.hub.privacy.house import ALL, contract, recipient
from tests.school import (
    ABSENCE,
    ABSENCE_CHANGED,
    DIET,
    DUTY,
    GROUP,
    HIDDEN,
    LESSON,
    LESSON_CHANGED,
    OTHER,
    PERSON,
    PERSON_GONE,
    SCHOOL,
    SIS,
    UNIT,
    absence,
    group,
    lesson,
    person,
    pupil,
    tie,
    uid,
)

ANNA, SECRET, VERA, TINA, MUM = uid("Anna"), uid("Secret"), uid("Vera"), uid("Tina"), uid("Mum")

# Every kind of recipient but those that the privacy officer made an exception for.
RECIPIENTS = (
    recipient(name="client/all"),
    recipient(contract(*ALL, organisations=[SCHOOL]), name="client/school"),
    recipient(contract(*ALL, school_types=["GR"]), name="client/gr"),
    recipient(contract(Category.ATTENDANCE), name="client/blind"),
    recipient(contract(Category.GROUP, Category.IDENTITY), name="client/groups"),
    recipient(contract(Category.NONE), name="client/rooms"),
    recipient(contract(*(ALL - {Category.CONTACT})), name="client/no-contact"),
)


@dataclass(frozen=True)
class Said:
    """One event of a world. The id is fixed, so that both worlds call it the same."""

    id: str
    type: str
    data: dict[str, Any]
    source: str = SIS


@dataclass(frozen=True)
class Pair:
    """`told` has what is withheld in it; in `never` it does not exist."""

    name: str
    told: Sequence[Said]
    never: Sequence[Said]


def visible(body: bytes) -> Any:
    event = orjson.loads(body)
    event.pop("sequence", None)
    return event


_HOME = {"emails": [{"value": "mum@example.org"}], "addresses": [{"streetAddress": "Provgatan 1"}]}
_BASE = (
    Said("b1", PERSON, pupil(ANNA, givenName="Anna")),
    Said("b2", PERSON, person(VERA, givenName="Vera")),
    Said("b3", DUTY, {"id": uid("vera's duty"), "person": {"id": VERA}, "dutyAt": {"id": UNIT}}),
    Said("b4", ABSENCE, absence(ANNA)),
)
_SECRET = (
    Said("s1", PERSON, pupil(SECRET, HIDDEN, givenName="Hemlig", responsibles=tie(MUM))),
    Said("s2", ABSENCE, absence(SECRET)),
    Said("s3", DIET, {"id": uid("secret diet"), "person": {"id": SECRET}, "codes": ["GLUTENFRI"]}),
    Said("s4", PERSON_GONE, {"id": SECRET}),
)
_TEACHER = (
    Said("t1", PERSON, person(TINA, HIDDEN)),
    Said("t2", DUTY, {"id": uid("tina's duty"), "person": {"id": TINA}, "dutyAt": {"id": UNIT}}),
)
_BY_VERA = [{"duty": {"id": uid("vera's duty")}}]
_BY_BOTH = [{"duty": {"id": uid("tina's duty")}}, *_BY_VERA]
_HERE = {"organisation": {"id": UNIT}}

PAIRS = (
    Pair("a protected pupil's whole life", (*_BASE, *_SECRET), _BASE),
    Pair(
        "somebody unknown is away",
        (*_BASE, Said("x", ABSENCE, absence(uid("nobody"), organisation={"id": UNIT}))),
        _BASE,
    ),
    Pair(
        "a protected member of a class",
        (*_BASE, _SECRET[0], Said("g", GROUP, group(ANNA, SECRET))),
        (*_BASE, Said("g", GROUP, group(ANNA))),
    ),
    Pair(
        "a class of protected pupils alone",
        (*_BASE, _SECRET[0], Said("g", GROUP, group(SECRET))),
        (*_BASE, Said("g", GROUP, group())),
    ),
    Pair(
        "a class whose source says nothing of members that there are none of",
        (*_BASE, _SECRET[0], Said("g", GROUP, group(SECRET))),
        (*_BASE, Said("g", GROUP, {"id": uid("group"), **_HERE})),
    ),
    Pair(
        "a protected teacher beside another",
        (*_BASE, *_TEACHER, Said("l", LESSON, lesson(teachers=_BY_BOTH, **_HERE))),
        (*_BASE, Said("l", LESSON, lesson(teachers=_BY_VERA, **_HERE))),
    ),
    Pair(
        "a protected substitute comes and goes",
        (
            *_BASE,
            *_TEACHER,
            Said("l", LESSON, lesson(teachers=_BY_VERA, **_HERE)),
            Said("m", LESSON_CHANGED, lesson(teachers=_BY_BOTH, changed={"teachers": _BY_VERA}, **_HERE)),
            Said("n", LESSON_CHANGED, lesson(teachers=_BY_VERA, changed={"teachers": _BY_BOTH}, **_HERE)),
        ),
        (*_BASE, Said("l", LESSON, lesson(teachers=_BY_VERA, **_HERE))),
    ),
    Pair(
        "a change of the room and of a protected teacher",
        (
            *_BASE,
            *_TEACHER,
            Said("m", LESSON_CHANGED, lesson(teachers=_BY_BOTH, rooms=[],
                 changed={"teachers": _BY_VERA, "rooms": [{"id": uid("room")}]}, **_HERE)),
        ),
        (
            *_BASE,
            Said("m", LESSON_CHANGED, lesson(teachers=_BY_VERA, rooms=[],
                 changed={"rooms": [{"id": uid("room")}]}, **_HERE)),
        ),
    ),
    Pair(
        "a protected guardian reports",
        (
            *_BASE,
            Said("v", PERSON, person(TINA, HIDDEN)),
            Said("r", ABSENCE, absence(ANNA, registeredBy={"id": TINA})),
            Said("q", ABSENCE_CHANGED, absence(ANNA, changed={"registeredBy": {"id": TINA}})),
        ),
        (*_BASE, Said("r", ABSENCE, absence(ANNA))),
    ),
    Pair(
        "a protected guardian of an open pupil",
        (*_BASE, Said("v", PERSON, person(TINA, HIDDEN)), Said("p", PERSON, pupil(ANNA, responsibles=tie(TINA)))),
        (*_BASE, Said("p", PERSON, pupil(ANNA))),
    ),
    Pair(
        "the home of a protected pupil's guardian",
        (*_BASE, _SECRET[0], Said("h", PERSON, pupil(MUM, givenName="Mum", **_HOME))),
        (*_BASE, Said("h", PERSON, pupil(MUM, givenName="Mum"))),
    ),
    Pair(
        "the guardian of a protected pupil alone",
        (*_BASE, _SECRET[0], Said("h", PERSON, person(MUM, givenName="Mum", **_HOME)), *_SECRET[1:]),
        _BASE,
    ),
    Pair(
        "a protected pupil whom only their own source can open",
        (
            *_BASE,
            Said("s1", PERSON, pupil(SECRET, HIDDEN, givenName="Hemlig"), OTHER),
            Said("s4", PERSON_GONE, {"id": SECRET}, OTHER),
            Said("o", PERSON, pupil(SECRET, givenName="Hemlig")),
        ),
        _BASE,
    ),
    Pair(
        "a protected pupil takes no part in a lesson",
        (
            *_BASE,
            _SECRET[0],
            Said("e", LESSON, lesson(studentExceptions=[{"student": {"id": SECRET}, "participates": False}], **_HERE)),
        ),
        (*_BASE, Said("e", LESSON, lesson(**_HERE))),
    ),
)  # fmt: skip
