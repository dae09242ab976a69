"""Everything that a client can ask for, enumerated from the code: a route or list that comes later is asked for too.

A door is a request that both worlds make. `{feed}`, `{hook}` and `{stream}` in a path are the observer's own
subscriptions. A path with a parameter that is not known here is an error: say what may stand in its place.
"""

import json
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, Final, NamedTuple, get_args
from urllib.parse import quote

from hub.ss12000.deleted import PATH as DELETED
from hub.ss12000.resources import RESOURCES, Resource
from hub.ss12000.routes import PREFIX as SS12000
from hub.subscriptions.spec import SubscriptionSpec
from tests.school import ABSENCE, DAY, TERM, UNIT, uid
from tests.silence import town

SINKS: Final = frozenset({"webhook", "feed", "stream"})
"""Kinds of sinks whose arrivals the observers note. Kafka is a kind that this version refuses."""
REFUSED_SINKS: Final = frozenset({"kafka"})

_IDS: Final = (
    *town.PUPILS[2:], *town.SECRETS, town.SECRET_TEACHER, town.GUARDIAN, town.MOTHER, town.NOBODY, *town.TEACHERS[:1],
    town.GROUPS[0], town.LESSON_ID, UNIT, *(uid("absence", each) for each in (town.PUPILS[3], town.SECRETS[0])),
    uid("duty", town.SECRET_TEACHER), uid("duty", town.TEACHERS[0]), uid("activity"), uid("room"),
)  # fmt: skip
_SUBJECTS: Final = (
    *(f"person/{each}" for each in town.PEOPLE), *(f"group/{each}" for each in town.GROUPS), f"lesson/{town.LESSON_ID}",
    *(f"absence/{uid('absence', each)}" for each in town.PEOPLE), f"duty/{uid('duty', town.SECRET_TEACHER)}",
    *(f"diet/{uid('diet', each)}" for each in town.PEOPLE), f"room/{uid('room')}", "person/x",
)  # fmt: skip
_VALUES: Final[dict[str, Sequence[str]]] = {
    "id": ("{feed}", "{hook}", "{stream}", "none"),
    "subject:path": _SUBJECTS,
    "type": (ABSENCE, "none"),
}
# What a route needs beside its path, to answer with more than 400.
_TIMES: Final = f"startTime.onOrAfter={TERM}T00:00:00%2B01:00&startTime.onOrBefore=2026-12-31T00:00:00%2B01:00"


class Door(NamedTuple):
    """One request."""

    method: str
    path: str
    body: str = ""


def sink_kinds() -> set[str]:
    """Every kind of sink that a subscription may have."""
    union = SubscriptionSpec.model_fields["sink"].annotation
    return {get_args(each.model_fields["kind"].annotation)[0] for each in get_args(union)}


def routes(api: Any) -> Iterator[tuple[str, str]]:
    """Each (method, path) of a FastAPI application, those of included routers too."""

    def flat(found: Any) -> Iterator[Any]:
        for each in found:
            if hasattr(each, "effective_candidates"):
                yield from flat(each.effective_candidates())
            else:
                yield each

    for each in flat(api.routes):
        for method in sorted(getattr(each, "methods", None) or ()):
            yield method, each.path


def opened(api: Any) -> list[Door]:
    """All doors of an API. Raises KeyError for a path parameter that is not known here."""
    found: list[Door] = []
    for method, path in routes(api):
        if method == "GET":
            found += [Door("GET", each) for each in _filled(path)]
    for resource in RESOURCES:
        found += _lists(resource)
        found += _lookups(resource)
    found.append(Door("GET", f"{SS12000}/{DELETED}?after={TERM}T00:00:00%2B01:00"))
    found.append(Door("GET", f"{SS12000}/{DELETED}?limit=1"))
    found += [Door("GET", f"/v1/subscriptions/{{feed}}/events?limit={limit}") for limit in (1, 2)]
    found += _posts()
    found += [Door("HEAD", each.path) for each in found if each.method == "GET" and "/v1/" in each.path][::7]
    return list(dict.fromkeys(found))


def _filled(path: str) -> Iterator[str]:
    begin, brace, rest = path.partition("{")
    if not brace:
        yield f"{path}?{_TIMES}" if path.endswith("/calendarEvents") else path
        return
    name, _, end = rest.partition("}")
    values = _IDS if path.startswith(SS12000) and name == "id" else _VALUES[name]
    for value in values:
        for after in _filled(end):
            yield f"{begin}{value}{after}"


def _lists(resource: Resource) -> Iterator[Door]:
    base = f"{SS12000}/{resource.path}"
    needed = f"&{_TIMES}" if resource.path == "calendarEvents" else ""
    yield Door("GET", f"{base}?limit=1{needed}")
    yield Door("GET", f"{base}?expandReferenceNames=true{needed}")
    yield Door("GET", f"{base}?meta.modified.after={DAY}T08:03:00%2B01:00{needed}")
    for expand in sorted(resource.expand):
        yield Door("GET", f"{base}?expand={expand}{needed}")
    for sort in sorted(resource.sorts):
        yield Door("GET", f"{base}?sortkey={sort}{needed}")
    for name in resource.filters:
        for value in (*_IDS[:8], _CIVIC, "Prov", "Elev", "Klass", "GR", DAY):
            if (parsed := _parses(resource.filters[name].parse, value)) and "Time" not in name:
                yield Door("GET", f"{base}?{name}={quote(parsed)}{needed}")


_CIVIC: Final = "201000012380"


def _parses(parse: Any, value: str) -> str:
    try:
        parse(value)
    except ValueError:
        return ""
    return value


def _lookups(resource: Resource) -> Iterator[Door]:
    base = f"{SS12000}/{resource.path}/lookup"
    yield Door("POST", base, json.dumps({"ids": _IDS}))
    for each in _IDS:
        yield Door("POST", base, json.dumps({"ids": [each]}))
    for name, wanted in resource.lookups.items():
        for value in (*_IDS[:8], _CIVIC, "Prov", "Elev"):
            if _parses(wanted.parse, value):
                yield Door("POST", base, json.dumps({name: [value]}))


def _posts() -> Iterator[Door]:
    """Reports of absence by a client that may publish: the answer must not tell who is here."""
    for who in (town.PUPILS[0], town.LEAVER, *town.SECRETS, town.NOBODY):
        yield Door("POST", f"{SS12000}/absences", json.dumps({
            "student": {"id": who}, "startTime": f"{DAY}T08:00:00+01:00", "endTime": f"{DAY}T16:00:00+01:00",
            "type": "Anmäld frånvaro", "organisation": {"id": UNIT}, "registeredBy": {"id": town.TEACHERS[0]},
        }))  # fmt: skip


@cache
def doors() -> tuple[Door, ...]:
    """The doors of this version's API."""
    from tests.silence.worlds import api_of_an_empty_hub  # it plays worlds, which need doors

    return tuple(opened(api_of_an_empty_hub()))
