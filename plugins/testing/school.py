"""An invented school whose every value about a person can be told apart from any other text: canaries.

A value that turns up where it must not is found by looking for it. Everything is made anew for each school, so that
nothing can be found by chance.
"""

import copy
import re
import secrets
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from pydantic import ValidationError

from plugins.testing.writing import spelled
from schemas import Category, Payload
from schemas.catalogue import Catalogue, Entry, Field
from schemas.directory import (
    ActivityUpserted,
    DietUpserted,
    DirectoryCurrent,
    DutyUpserted,
    GroupUpserted,
    OrganisationUpserted,
    PersonUpserted,
    RoomUpserted,
)
from schemas.event import SPEC_VERSION
from schemas.schedule import DayClosed, LessonCancelled, LessonScheduled
from schemas.school_time import SCHOOL_ZONE

SOURCE: Final = "urn:test:school"
DIET_SOURCE: Final = "urn:test:diets"

_TOLD: Final = datetime(2026, 11, 24, 7, tzinfo=SCHOOL_ZONE)
_TIME: Final = re.compile(r"(T\d{2}:\d{2}):\d{2}(\.\d+)?")

# A recipient needs all categories of a field. A field of these categories alone holds nothing about people.
_IMPERSONAL: Final = frozenset({Category.NONE, Category.AGGREGATE})


@dataclass(frozen=True, slots=True)
class Canary:
    """One value, and the categories that a recipient must all have to see it. Empty: no recipient may."""

    value: str
    categories: frozenset[Category]


@dataclass(slots=True)
class School:
    """A school unit with a group, four pupils (the last of them protected), a special diet, two teachers (the second of
    them protected), two rooms and an activity.
    """

    unit: str = field(default_factory=lambda: str(uuid.uuid4()))
    group: str = field(default_factory=lambda: str(uuid.uuid4()))
    teacher: str = field(default_factory=lambda: str(uuid.uuid4()))
    protected_teacher: str = field(default_factory=lambda: str(uuid.uuid4()))
    pupils: list[str] = field(default_factory=lambda: [str(uuid.uuid4()) for _ in range(4)])
    room: str = field(default_factory=lambda: str(uuid.uuid4()))
    other_room: str = field(default_factory=lambda: str(uuid.uuid4()))
    activity: str = field(default_factory=lambda: str(uuid.uuid4()))
    canaries: list[Canary] = field(default_factory=list)
    diet_code: str = ""  # of the first pupil's diet; a canary, unless given
    _duties: dict[str, str] = field(default_factory=dict)  # by person

    def __post_init__(self) -> None:
        for person in (*self.pupils, self.teacher):
            self.canaries.append(Canary(person, frozenset({Category.IDENTITY})))
        self.canaries.append(Canary(self.protected_teacher, frozenset()))
        self.diet_code = self.diet_code or self._mark(Category.DIET)
        self._duties = {each: str(uuid.uuid4()) for each in (self.teacher, self.protected_teacher)}
        self.canaries.append(Canary(self.duty, frozenset({Category.STAFF})))
        self.canaries.append(Canary(self._duties[self.protected_teacher], frozenset()))

    @property
    def protected(self) -> str:
        """The protected pupil, who may appear in sums only."""
        return self.pupils[-1]

    @property
    def duty(self) -> str:
        """The duty (tjänstgöring) of the teacher who is not protected."""
        return self._duties[self.teacher]

    def directory(self, as_of: str) -> list[dict[str, Any]]:
        """Events that make the school known, complete as of a machine time (RFC 3339)."""
        enrolment = {"enroledAt": {"id": self.unit}, "schoolType": "GR", "schoolYear": 7, "startDate": "2020-08-15"}
        members = [{"person": {"id": pupil}, "startDate": "2020-08-15"} for pupil in self.pupils]
        persons = [self._person(pupil, enrolments=[enrolment]) for pupil in self.pupils]
        persons[-1]["securityMarking"] = "Sekretessmarkering"
        persons += [self._person(self.teacher), self._person(self.protected_teacher)]
        persons[-1]["securityMarking"] = "Skyddad folkbokföring"
        diet = {"id": str(uuid.uuid4()), "person": {"id": self.pupils[0]}, "codes": [self.diet_code]}
        unit = {"id": self.unit}
        return [
            self.event(
                OrganisationUpserted,
                {"id": self.unit, "displayName": "Provskolan", "organisationType": "Skolenhet", "schoolTypes": ["GR"]},
            ),
            *(self.event(PersonUpserted, person) for person in persons),
            *(self.event(DutyUpserted, self._duty(person)) for person in self._duties),
            self.event(RoomUpserted, {"id": self.room, "displayName": "B214", "seats": 30, "owner": unit}),
            self.event(RoomUpserted, {"id": self.other_room, "displayName": "B215", "seats": 30, "owner": unit}),
            self.event(
                GroupUpserted,
                {
                    "id": self.group,
                    "displayName": "7A",
                    "groupType": "Klass",
                    "organisation": unit,
                    "groupMemberships": members,
                },
            ),
            self.event(
                ActivityUpserted,
                {
                    "id": self.activity,
                    "displayName": "Matematik",
                    "organisation": unit,
                    "groups": [{"id": self.group}],
                    "teachers": [{"duty": {"id": duty}} for duty in self._duties.values()],
                },
            ),
            self.event(DietUpserted, diet, source=DIET_SOURCE),
            self.event(DirectoryCurrent, {"asOf": as_of}),
            self.event(DirectoryCurrent, {"asOf": as_of}, source=DIET_SOURCE),
        ]

    def lessons(self, on: date) -> list[dict[str, Any]]:
        """Events that schedule two lessons of the group on a day in school time, in the school's room.

        The first takes place from 09:40 to 11:00 with both teachers; two pupils, one of them protected, are excepted.
        The second, from 12:30 to 13:30 with the teacher who is not protected, is cancelled.
        """
        excepted = [{"student": {"id": pupil}, "participates": False} for pupil in (self.pupils[0], self.protected)]
        held = {**self._lesson(on, time(9, 40), time(11), self._duties), "studentExceptions": excepted}
        cancelled = {**self._lesson(on, time(12, 30), time(13, 30), [self.teacher]), "cancelled": True}
        return [self.event(LessonScheduled, held), self.event(LessonCancelled, cancelled)]

    def event(self, model: type[Payload], data: Mapping[str, Any], *, source: str = SOURCE) -> dict[str, Any]:
        """An event from this school, with a new id."""
        return {
            "specversion": SPEC_VERSION,
            "id": f"evt-{secrets.token_hex(8)}",
            "source": source,
            "type": model.spec.type,
            "datacontenttype": "application/json",
            "data": dict(data),
        }

    def about(self, model: type[Payload], pupil: str | None = None) -> dict[str, Any]:
        """An event of a type about one of the pupils (the first, unless given), at this school, with a canary in every
        text about people that the type has room for, and in places that the catalogue does not know.

        Made from the type's first example. Raises ValueError if it has none.
        """
        return self._about(model, pupil or self.pupils[0])

    def story(self, models: Iterable[type[Payload]]) -> list[dict[str, Any]]:
        """Events of these types that differ in person, room, day and outcome.

        The types of one kind of entity (notifications, lessons) are told as lives: the first entity gets the first type
        and stays so, the second is changed, the third is cancelled, and so on, so that each type is the last one of
        some entity. One more entity is on the next day, and one is about the protected pupil. Where a kind has both a
        change and an end, one entity is changed after its end, and goes on. A day is closed, and another one is closed
        and opened again. The first events of all lives come first.

        The `time` of these events, which their source gives, goes backwards: only `sequence` says which one is newer.
        """
        kinds: dict[str, list[type[Payload]]] = {}
        for model in models:
            kinds.setdefault((model.spec.entity or model.spec.subject).kind, []).append(model)
        lives = [life for kind in kinds.values() for life in self._lives(sorted(kind, key=_rank))]
        # Closed days come last: a day is closed when it has lessons.
        lives.sort(key=lambda life: life[0]["type"] == DayClosed.spec.type)
        story = [life[step] for step in range(max(map(len, lives), default=0)) for life in lives if step < len(life)]
        return [{**event, "time": (_TOLD - timedelta(minutes=n)).isoformat()} for n, event in enumerate(story)]

    def _lives(self, types: list[type[Payload]]) -> Iterator[list[dict[str, Any]]]:
        if types == [DayClosed]:
            for days, closed in ((0, (True,)), (1, (True, False))):  # the example is tomorrow
                yield [self._about(DayClosed, self.pupils[0], _Told(days=days, closed=each)) for each in closed]
            return
        for number in range(len(types)):
            yield self._life(types[: number + 1], self.pupils[number % (len(self.pupils) - 1)], number)
        yield self._life(types[:1], self.pupils[1], len(types), days=1)
        yield self._life(types[:1], self.pupils[2], len(types) + 1, days=2)
        yield self._life(types[:1], self.protected, len(types) + 2)
        changes, ends = ([each for each in types if _rank(each) == rank] for rank in (1, 2))
        if changes and ends:
            yield self._life([types[0], ends[0], changes[0]], self.pupils[0], len(types) + 3)

    def _life(self, types: list[type[Payload]], pupil: str, number: int, *, days: int = 0) -> list[dict[str, Any]]:
        id = str(uuid.uuid5(uuid.UUID(self.unit), f"{types[0].spec.family}/{types[0].spec.subject.kind}/{number}"))
        told = [_Told(id=id, days=days, number=number, step=step) for step in range(len(types))]
        return [self._about(model, pupil, each) for model, each in zip(types, told, strict=True)]

    def _about(self, model: type[Payload], pupil: str, told: "_Told | None" = None) -> dict[str, Any]:
        spec = model.spec
        if not spec.examples:
            raise ValueError(f"{spec.type} has no examples: give its EventSpec one")
        data = copy.deepcopy(dict(spec.examples[0]))
        for paths, value in (
            (spec.organisations, self.unit),
            (spec.groups, self.group),
            (spec.mentions, self.teacher),
            (spec.about, pupil),
        ):
            for path in paths:
                _put(data, path, value)
        if spec.entity is not None and spec.entity.path == "id" and "id" not in spec.about:
            # Reports, changes and withdrawals about one pupil are about one entity.
            data["id"] = str(uuid.uuid5(uuid.UUID(self.unit), f"{spec.family}/{pupil}"))
        if told is not None:
            told.vary(data, rooms=(self.room, self.other_room))
        fixed = {"id", *spec.about, *spec.mentions, *spec.organisations, *spec.groups}
        self._fill(Catalogue([model]).entry(spec.type), data, fixed)
        data["unlistedField"] = self._mark()
        return {**self.event(model, data), "unlistedattribute": self._mark()}

    def found_in(self, text: bytes, allowed: Iterable[Category] = ()) -> list[str]:
        """The categories of the canaries in a text that a recipient with the categories `allowed` must not see.

        The answer names categories and not values, since a report with the values would itself be a leak.
        """
        may = frozenset(allowed)
        lower = text.lower()

        def has(value: str) -> bool:
            return value.lower().encode() in lower or any(each in text for each in spelled(value))

        return sorted(
            {
                "+".join(sorted(canary.categories)) or "unlisted"
                for canary in self.canaries
                if not (canary.categories and canary.categories <= may) and has(canary.value)
            }
        )

    def _mark(self, *categories: Category) -> str:
        value = f"canary{secrets.token_hex(6)}"
        self.canaries.append(Canary(value, frozenset(categories)))
        return value

    def _person(self, id: str, **more: Any) -> dict[str, Any]:
        return {
            "id": id,
            "givenName": self._mark(Category.NAME),
            "familyName": self._mark(Category.NAME),
            "civicNo": {"value": self._mark(Category.IDENTITY)},
            "emails": [{"value": self._mark(Category.CONTACT), "type": "Skola"}],
            "phoneNumbers": [{"value": self._mark(Category.CONTACT)}],
            "addresses": [{"streetAddress": self._mark(Category.PROTECTED_ADDRESS)}],
            "securityMarking": "Ingen",
            "personStatus": "Aktiv",
            **more,
        }

    def _duty(self, person: str) -> dict[str, Any]:
        return {
            "id": self._duties[person],
            "person": {"id": person},
            "dutyAt": {"id": self.unit},
            "dutyRole": "Lärare",
            "assignmentRole": [{"group": {"id": self.group}, "assignmentRoleType": self._mark(Category.STAFF)}],
            "signature": self._mark(Category.STAFF, Category.NAME),
            "description": self._mark(Category.STAFF, Category.FREE_TEXT),
            "startDate": "2020-08-15",
        }

    def _lesson(self, on: date, begin: time, end: time, teachers: Iterable[str]) -> dict[str, Any]:
        return {
            "id": str(uuid.uuid5(uuid.UUID(self.unit), f"lesson/{on}/{begin}")),
            "activity": {"id": self.activity},
            "startTime": datetime.combine(on, begin, SCHOOL_ZONE).isoformat(),
            "endTime": datetime.combine(on, end, SCHOOL_ZONE).isoformat(),
            "organisation": {"id": self.unit},
            "groups": [{"id": self.group}],
            "rooms": [{"id": self.room}],
            "teachers": [{"duty": {"id": self._duties[each]}, "person": {"id": each}} for each in teachers],
            "comment": self._mark(Category.FREE_TEXT),
        }

    def _fill(self, entry: Entry, data: dict[str, Any], fixed: set[str]) -> None:
        """Put a canary wherever the type accepts any text about people."""
        for holder, name, path, categories in list(_text_places(data, entry.fields)):
            if path in fixed or not categories - _IMPERSONAL:
                continue
            before = holder.get(name)
            canary = f"canary{secrets.token_hex(6)}"
            # Tells a time apart without changing the minute. With its seconds, since a log's stamps have fractions too.
            moment = f":{secrets.randbelow(60):02}.{secrets.randbelow(900_000) + 100_000}"
            choices: list[tuple[str, Any]] = [(canary, canary), (canary, [canary]), (canary, {"value": canary})]
            if isinstance(before, str) and _TIME.search(before):
                choices = [(moment, _TIME.sub(rf"\g<1>{moment}", before))]
            for mark, value in choices:
                holder[name] = value
                try:
                    entry.validate(data)
                except ValidationError:
                    continue
                self.canaries.append(Canary(mark, categories - _IMPERSONAL))
                break
            else:
                if before is None:
                    del holder[name]
                else:
                    holder[name] = before


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """How an event of a story differs from the type's example."""

    id: str | None = None
    days: int = 0  # later than the example
    number: int = 0  # of the life
    step: int = 0  # of the event in it
    closed: bool | None = None

    def vary(self, data: dict[str, Any], rooms: Sequence[str]) -> None:
        if self.id is not None and "id" in data:
            data["id"] = self.id
        # Lessons come one after the other, so that one in a room does not hide another.
        later = timedelta(days=self.days, minutes=90 * self.number if "rooms" in data else 0)
        for name in ("startTime", "endTime", "date"):
            if isinstance(data.get(name), str):
                data[name] = _later(data[name], later)
        # Each step tells something new, and one life differs from another: by half hours, and by the room.
        if isinstance(data.get("endTime"), str) and isinstance(data.get("startTime"), str):
            begin, end = (datetime.fromisoformat(data[name]) for name in ("startTime", "endTime"))
            earlier = end - timedelta(minutes=10 * self.step + 5 * self.number)
            data["endTime"] = max(earlier, begin + timedelta(minutes=5)).isoformat()
        if "rooms" in data:
            data["rooms"] = [{"id": rooms[(self.number + self.step) % len(rooms)]}]
        if self.closed is not None:
            data["closed"] = self.closed


def _later(text: str, by: timedelta) -> str:
    if "T" in text:
        return (datetime.fromisoformat(text) + by).isoformat()
    return (date.fromisoformat(text) + by).isoformat()


def _rank(model: type[Payload]) -> int:
    """Where a type comes in the life of an entity: beginning, change, end."""
    what = model.spec.type.split(".")[-2]
    if what in ("cancelled", "withdrawn", "deleted", "closed"):
        return 2
    return 1 if what in ("changed", "message_added", "decided") else 0


def _text_places(
    data: dict[str, Any], fields: Mapping[str, Field], prefix: str = "", inherited: frozenset[Category] = frozenset()
) -> Iterator[tuple[dict[str, Any], str, str, frozenset[Category]]]:
    """(object, name in it, path, categories) of each place in `data` that holds text, or is empty and could hold it."""
    for name, known in fields.items():
        categories = known.categories | inherited
        path = f"{prefix}{name}{'[]' if known.many else ''}"
        value = data.get(name)
        if known.inside is None:
            if value is None or isinstance(value, str | list | dict):
                yield data, name, path, categories
            continue
        for item in value if isinstance(value, list) else (value,):
            if isinstance(item, dict):
                yield from _text_places(item, known.inside, f"{path}.", categories)


def _put(data: Any, path: str, value: str) -> None:
    """Set what `path` leads to, where the example has the objects on the way."""
    name, _, rest = path.partition(".")
    key = name.removesuffix("[]")
    if not isinstance(data, dict) or (rest and key not in data):
        return
    if not rest:
        data[key] = [value] if name.endswith("[]") else value
        return
    inner = data[key]
    for item in inner if isinstance(inner, list) else (inner,):
        _put(item, rest, value)
