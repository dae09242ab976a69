"""A small school in two worlds. `Town.visible` says what both worlds publish, `Town.hidden` what only the second has.

A step is a kind and a small number, so that hypothesis can shrink it; the town knows what they mean. Two worlds that
take the same visible steps publish the same events under the same ids, except for what is withheld inside them.
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from tests import school
from tests.school import (
    ABSENCE,
    ABSENCE_CHANGED,
    ACTIVITY,
    DIET,
    DUTY,
    GROUP,
    HIDDEN,
    LESSON,
    LESSON_CHANGED,
    ORGANISATION,
    OTHER,
    PERSON,
    PERSON_GONE,
    ROOM,
    SCHOOL,
    SIS,
    TERM,
    UNIT,
    absence,
    pupil,
    tie,
    uid,
)

Record = dict[str, Any]

PUPILS: Final = tuple(uid("pupil", n) for n in range(4))
LEAVER: Final = PUPILS[3]
TEACHERS: Final = (uid("teacher", 0), uid("teacher", 1))
SECRETS: Final = (uid("secret", 0), uid("secret", 1))
SECRET_TEACHER: Final = uid("secret teacher")
SECRET_GUARDIAN: Final = uid("secret guardian")
"""Protected, and the guardian of an open pupil."""
GUARDIAN: Final = uid("guardian")
"""Open, and here because of a protected child alone."""
MOTHER: Final = uid("mother")
"""Enrolled herself, and the guardian of a protected child: her home is withheld."""
NOBODY: Final = uid("nobody")
GROUPS: Final = (uid("group", 0), uid("group", 1))
LESSON_ID: Final = uid("lesson")
PEOPLE: Final = (*PUPILS, *TEACHERS, *SECRETS, SECRET_TEACHER, SECRET_GUARDIAN, GUARDIAN, MOTHER, NOBODY)
MARKS: Final = (HIDDEN, "Skyddad folkbokföring")
_TREE: Final = {"organisation": {"id": UNIT}}


class Step(NamedTuple):
    """`n` chooses among the possibilities of the kind; every number means something."""

    kind: str
    n: int = 0


VISIBLE: Final = (
    "name", "absence", "absence-changed", "group", "lesson", "lesson-changed", "diet", "duty", "remove", "room",
    "current",
)  # fmt: skip
"""What both worlds publish."""

HIDDEN_STEPS: Final = (
    "secret", "secret-absence", "secret-diet", "secret-gone", "secret-teacher", "secret-substitute", "other-open",
    "other-gone", "unknown-absence", "lone-guardian", "never-seen-gone",
)  # fmt: skip
"""What only the second world publishes, and nobody may notice."""

WITHOUT_NEWS: Final = ("join", "guardian-tie", "mothers-home")
"""Likewise: events about what is visible, whose change is withheld."""


@dataclass
class Town:
    """One world's school system. `told`: the world in which the withheld exists."""

    told: bool
    _count: int = 0
    _names: dict[str, int] = field(default_factory=dict)
    _gone: set[str] = field(default_factory=set)
    _members: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _secret_members: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _marked: set[str] = field(default_factory=set)
    _guardians: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _teachers: tuple[str, ...] = TEACHERS[:1]
    _substitute: bool = False
    _planned: bool = False

    def base(self) -> list[Record]:
        """The school, its people and its groups, before anything happens."""
        found = [
            self._event(ORGANISATION, {"id": SCHOOL, "displayName": "Provskolan", "organisationType": "Skola"}),
            self._event(ORGANISATION, school.organisation(UNIT, parentOrganisation={"id": SCHOOL})),
            self._event(ACTIVITY, school.activity(teachers=[])),
        ]
        found += [self._person(each) for each in (*PUPILS, *TEACHERS)]
        found.append(self._event(PERSON, pupil(MOTHER, givenName="Mor")))
        for each in GROUPS:
            self._members[each] = PUPILS[:2]
            found.append(self._group(each))
        found += [self._event(DUTY, school.duty(each)) for each in TEACHERS]
        return found

    def visible(self, step: Step) -> list[Record]:
        n = step.n
        who = [each for each in PUPILS if each not in self._gone] or [NOBODY]
        one = who[n % len(who)]
        match step.kind:
            case "name":
                each = PUPILS[n % len(PUPILS)]
                self._gone.discard(each)
                self._names[each] = self._names.get(each, 0) + 1
                return [self._person(each)]
            case "remove":
                if one in self._gone or one == NOBODY:
                    return []
                self._gone.add(one)
                return [self._event(PERSON_GONE, {"id": one})]
            case "absence":
                return [self._event(ABSENCE, absence(one, **_TREE))]
            case "absence-changed":
                return [
                    self._event(
                        ABSENCE_CHANGED, absence(one, endTime=f"{school.DAY}T{10 + n % 8}:00:00+01:00", **_TREE)
                    )
                ]
            case "group":
                each = GROUPS[n % 2]
                self._members[each] = tuple(pupil for bit, pupil in enumerate(PUPILS) if (n // 2) >> bit & 1)
                return [self._group(each)]
            case "lesson":
                self._planned = True
                return [self._event(LESSON, self._lesson())]
            case "lesson-changed":
                before = self._taught()
                self._teachers = (TEACHERS[:1], TEACHERS[1:], TEACHERS)[n % 3]
                return [self._event(LESSON_CHANGED, {**self._lesson(), "changed": {"teachers": before}})]
            case "diet":
                return [self._event(DIET, school.diet(one, "GLUTENFRI", *(["NOTTER"] if n % 2 else [])))]
            case "duty":
                return [self._event(DUTY, school.duty(TEACHERS[n % 2], signature=f"T{n}"))]
            case "room":
                return [self._event(ROOM, school.room(displayName=f"B{n}"))]
            case "leave":
                return [self._leaves()]
            case "return":
                self._gone.discard(LEAVER)
                return [self._person(LEAVER)]
            case "current":
                return []
        raise KeyError(step.kind)

    def hidden(self, step: Step) -> list[Record]:
        """Empty in the world in which it did not happen, and where a step would have no one to happen to."""
        if not self.told:
            return []
        n = step.n
        who = SECRETS[n % 2]
        each = GROUPS[n // 2 % 2]
        hidden = self._hidden_id
        match step.kind:
            case "secret":
                return self._secret(who, n)
            case "secret-absence":
                return [*self._known(who), hidden(ABSENCE, absence(who, **_TREE))]
            case "secret-diet":
                return [*self._known(who), hidden(DIET, school.diet(who, "GLUTENFRI"))]
            case "secret-gone":
                return [*self._known(who), hidden(PERSON_GONE, {"id": who})]
            case "secret-teacher":
                self._marked.add(SECRET_TEACHER)
                return [
                    hidden(PERSON, school.person(SECRET_TEACHER, HIDDEN)),
                    hidden(DUTY, school.duty(SECRET_TEACHER)),
                ]
            case "secret-substitute":
                first = [] if SECRET_TEACHER in self._marked else self.hidden(Step("secret-teacher"))
                before, self._substitute = self._taught(), not self._substitute
                if not self._planned:
                    return first
                return [*first, hidden(LESSON_CHANGED, {**self._lesson(), "changed": {"teachers": before}})]
            case "other-open":
                return [*self._known(who), hidden(PERSON, pupil(who, givenName="Hemlig"), OTHER)]
            case "other-gone":
                return [*self._known(who), hidden(PERSON_GONE, {"id": who}, OTHER)]
            case "unknown-absence":
                return [hidden(ABSENCE, absence(NOBODY, **_TREE))]
            case "lone-guardian":
                return [
                    *self._known(SECRETS[0]),
                    hidden(PERSON, school.person(GUARDIAN, givenName=f"Mum{n}", **_home(n))),
                ]
            case "never-seen-gone":
                return [hidden(PERSON_GONE, {"id": uid("never seen", n)})]
            case "join":
                now = set(self._secret_members.get(each, ()))
                self._secret_members[each] = tuple(sorted(now ^ {who}))
                return [*self._known(who), self._group(each, hidden)]
            case "guardian-tie":
                one = PUPILS[n % 3]
                self._guardians[one] = () if self._guardians.get(one) else (SECRET_GUARDIAN,)
                first = (
                    [] if SECRET_GUARDIAN in self._marked else [hidden(PERSON, school.person(SECRET_GUARDIAN, HIDDEN))]
                )
                self._marked.add(SECRET_GUARDIAN)
                return first if one in self._gone else [*first, self._person(one, make=hidden)]
            case "mothers-home":
                return [*self._known(SECRETS[1]), hidden(PERSON, pupil(MOTHER, givenName="Mor", **_home(n)))]
        raise KeyError(step.kind)

    def _known(self, who: str) -> list[Record]:
        """That a person is protected, unless the school system has published it already."""
        return [] if who in self._marked else self._secret(who, 0)

    def _secret(self, who: str, n: int) -> list[Record]:
        self._marked.add(who)
        tied = GUARDIAN if who == SECRETS[0] else MOTHER
        data = pupil(who, MARKS[n // 2 % 2], givenName=f"Hemlig{n}", responsibles=tie(tied))
        return [self._hidden_id(PERSON, data)]

    def _leaves(self) -> Record:
        self._gone.add(LEAVER)
        if self.told:
            return self._event(PERSON, pupil(LEAVER, HIDDEN, **self._called(LEAVER)))
        return self._event(PERSON_GONE, {"id": LEAVER})

    def _called(self, who: str) -> Record:
        n = self._names.get(who, 0)
        civic = f"20100{PEOPLE.index(who) + 1:03d}2380"
        return {"givenName": f"Anna{n}", "familyName": "Prov", "civicNo": {"value": civic, "nationality": "SWE"}}

    def _person(self, who: str, make: Any = None) -> Record:
        more: Record = {"responsibles": tie(*self._guardians[who])} if self._guardians.get(who) else {}
        if who in TEACHERS:
            return (make or self._event)(PERSON, school.person(who, **self._called(who)))
        return (make or self._event)(PERSON, pupil(who, **self._called(who), **more))

    def _group(self, id: str, make: Any = None) -> Record:
        members = sorted({*self._members.get(id, ()), *self._secret_members.get(id, ())})
        tied = [{"person": {"id": each}, "startDate": TERM} for each in members]
        data = {"id": id, "displayName": "7A", "groupType": "Klass", "groupMemberships": tied, **_TREE}
        return (make or self._event)(GROUP, data)

    def _taught(self) -> list[Record]:
        teachers = (*self._teachers, *((SECRET_TEACHER,) if self._substitute else ()))
        return [{"duty": {"id": uid("duty", each)}} for each in teachers]

    def _lesson(self) -> Record:
        away = [{"student": {"id": each}, "participates": False} for each in SECRETS if each in self._marked]
        more = {"studentExceptions": away} if away else {}
        return school.lesson(teachers=self._taught(), **_TREE, **more)

    def _event(self, type_: str, data: Record, source: str = SIS) -> Record:
        self._count += 1
        return _envelope(f"v{self._count}", type_, data, source)

    def _hidden_id(self, type_: str, data: Record, source: str = SIS) -> Record:
        self._names["hidden"] = self._names.get("hidden", 0) + 1
        return _envelope(f"h{self._names['hidden']}", type_, data, source)


def _home(n: int) -> Record:
    return {"emails": [{"value": f"mum{n}@example.org"}], "addresses": [{"streetAddress": f"Provgatan {n}"}]}


def _envelope(id: str, type_: str, data: Record, source: str) -> Record:
    # Like most sources' ids, and like those that the hub makes: which of them made an event must not show.
    random = uuid.UUID(bytes=uuid.UUID(uid("event", id)).bytes, version=4)
    more = {"time": "2026-11-24T07:42:00+01:00", "datacontenttype": "application/json"}
    return school.envelope(type_, data, id=str(random), source=source, **more)


def interleaved(visible: Sequence[Record], hidden: Iterable[Record]) -> list[Record]:
    """One batch: the withheld events between and after the visible ones."""
    found: list[Record] = []
    rest = list(hidden)
    for index, each in enumerate(visible):
        found.append(each)
        if index < len(visible) - 1 and rest:
            found.append(rest.pop(0))
    return found + rest
