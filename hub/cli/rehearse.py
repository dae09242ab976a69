"""One call of a connector in a hub of its own: nothing is done at the far side.

The call is an event that comes through the gate, a timer, or a request. The rehearsal knows the connector's class and
settings, and of its state what it is given. Every person in the event counts as known and
not protected. It needs no running hub.
"""

import json
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel

from hub.config import ConnectorEntry
from hub.testing import open_test_hub
from plugins.connector import Connector
from plugins.errors import SkolnavError
from plugins.receiving import Answer, Received
from plugins.rehearsal import Deed, Rehearsal
from schemas import Catalogue, Event
from schemas.directory import DirectoryCurrent, OrganisationUpserted, PersonUpserted
from schemas.payload import pluck

SOURCE: Final = "urn:skolnav:rehearsal"
_UNIT: Final = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{SOURCE}/unit"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    name: str
    key: str | None  # of a timer at a moment; None for a daily one
    complete: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What the connector is to do: an event, a timer or a request, exactly one."""

    event: Event | None = None
    timer: Timer | None = None
    request: Received | None = None
    state: Mapping[str, Any] = field(default_factory=dict, repr=False)  # what the connector has stored before
    at: datetime | None = None  # the time of the call, and when the timer was due; None: now


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsed:
    """What came of one call. Its fields may hold data from the event or the request."""

    handled: bool
    why: str  # why it was not handled; empty if it was
    withheld: bool  # the gate delivered nothing of the event
    answer: Answer | None  # to the request; None if the connector does not know the caller
    got: Any  # the data that the connector got
    taken_away: list[str]  # paths that the connector did not get
    deeds: list[Deed]
    published: list[dict[str, Any]]
    state: dict[str, Any]


async def rehearse(name: str, entry: ConnectorEntry, call: Call, catalogue: Catalogue) -> Rehearsed:
    """Raises ConfigurationError, InvalidEvent."""
    event, answer = call.event, None
    if event is not None:
        catalogue.describe(event)
    got: list[Event] = []
    errors: list[str] = []
    with Rehearsal() as rehearsal:
        places: dict[Path, Path] = {}
        config = _moved(entry.config, rehearsal.folder, places)
        # In this process whatever the environment says: another one would not be watched, and would really do things.
        async with open_test_hub(call.at or datetime.now(UTC), isolation="none") as hub:
            await hub.add(_watched(entry.cls, call, got, errors), config, name)
            if (status := await hub.status(name)) != "running":
                errors.append(status)
            await hub.post(_known(event, catalogue, hub.clock.utc()))
            await hub.settle()
            rehearsal.deeds.clear()  # what its start and its first poll would have asked
            got.clear()
            if event is not None:
                await hub.post([event])
                await hub.settle()
            elif call.request is not None:
                with suppress(Exception):  # it is in `errors`
                    answer = await hub.receive(name, call.request)
            else:
                with suppress(Exception):
                    await hub.reconcile(name)  # in whose place the timer runs
            published = [each.to_dict() for each in await hub.published()]
            state = await hub.state(name)
        deeds = [*rehearsal.deeds, *_written(places)]
    return Rehearsed(
        handled=(bool(got) or event is None) and not errors,
        why=errors[0] if errors else "",
        withheld=event is not None and not got,
        answer=answer,
        got=got[0].data if got else None,
        taken_away=sorted(set(_paths(event.data)) - set(_paths(got[0].data))) if event and got else [],
        deeds=deeds,
        published=published,
        state=state,
    )


def _watched(cls: type[Connector[Any]], call: Call, got: list[Event], errors: list[str]) -> type[Connector[Any]]:
    """The class, with notes of what `handle` gets and of how a call fails."""

    @contextmanager
    def noted() -> Iterator[None]:
        try:
            yield
        except SkolnavError as error:
            errors.append(f"{type(error).__name__} ({error.code}): {error}")
            raise
        except Exception as error:
            errors.append(f"{type(error).__name__}: {error}")
            raise

    async def start(self: Connector[Any]) -> None:
        if call.state:
            async with self.ctx.commit() as tx:
                for name, value in call.state.items():
                    tx.state[name] = value
        with noted():
            await cls.start(self)

    async def handle(self: Connector[Any], event: Event) -> None:
        got.append(event)
        with noted():
            await cls.handle(self, event)

    async def receive(self: Connector[Any], request: Received) -> Answer | None:
        with noted():
            return await cls.receive(self, request)

    async def timer(self: Connector[Any]) -> None:
        """In place of `reconcile`: a call of the hub whose commits are durable at once, as a timer's are."""
        assert call.timer is not None
        key = () if call.timer.key is None else (call.timer.key,)
        due = call.at or self.ctx.clock.school()
        with noted():
            await getattr(cls, call.timer.name)(self, due, call.timer.complete, *key)

    async def nothing(self: Connector[Any]) -> None:
        """A poll or a loop could read nothing, and its failure would pause the instance."""

    idle = {name: nothing for name in ("poll", "run") if getattr(cls, name) is not getattr(Connector, name)}
    own: dict[str, Any] = {"start": start, "__module__": cls.__module__}
    if call.event is not None:
        own["handle"] = handle
    elif call.request is not None:
        own["receive"] = receive
    else:
        own["reconcile"] = timer
    return type(cls.__name__, (cls,), {**idle, **own})


def _known(event: Event | None, catalogue: Catalogue, now: datetime) -> Iterable[dict[str, Any]]:
    """Directory events that make known whom the event is about or mentions, and where."""
    spec = catalogue.entry(event.type).spec if event is not None else None
    data_ = event.data if event is not None else {}
    persons = {id for path in (*spec.about, *spec.mentions) for id in pluck(data_, path)} if spec else set()
    units = ({id for path in spec.organisations for id in pluck(data_, path)} if spec else set()) or {_UNIT}
    for unit in sorted(units):
        yield _event(
            OrganisationUpserted.spec.type,
            {"id": unit, "displayName": "Provskolan", "organisationType": "Skolenhet", "schoolTypes": ["GR"]},
        )
    for person in sorted(persons):
        enrolments = [
            {"enroledAt": {"id": unit}, "schoolType": "GR", "schoolYear": 7, "startDate": "2020-08-15"}
            for unit in sorted(units)
        ]
        data = {"id": person, "givenName": "Prov", "familyName": "Person", "securityMarking": "Ingen",
                "personStatus": "Aktiv", "enrolments": enrolments}  # fmt: skip
        yield _event(PersonUpserted.spec.type, data)
    yield _event(DirectoryCurrent.spec.type, {"asOf": now.isoformat()})


def _event(type: str, data: Mapping[str, Any]) -> dict[str, Any]:
    return {"specversion": "1.0", "id": str(uuid.uuid4()), "source": SOURCE, "type": type, "data": dict(data)}


def _moved(model: Any, folder: Path, places: dict[Path, Path]) -> Any:
    """The settings with each folder in them replaced by an empty one, and each file by a copy. `places`: new to old."""
    if isinstance(model, BaseModel):
        changed = {name: _moved(getattr(model, name), folder, places) for name in type(model).model_fields}
        return model.model_copy(update=changed)
    if isinstance(model, list | tuple):
        return type(model)(_moved(each, folder, places) for each in model)
    if not isinstance(model, Path):
        return model
    inside = folder / str(len(places))
    inside.mkdir()
    if model.is_dir():
        places[inside] = model
        return inside
    places[inside] = model.parent
    if model.is_file():
        (inside / model.name).write_bytes(model.read_bytes())
    return inside / model.name


def _written(places: Mapping[Path, Path]) -> list[Deed]:
    """The files that are there now, under their real names; a copy that is unchanged was only read."""
    found = []
    for inside, real in places.items():
        for file in sorted(path for path in inside.rglob("*") if path.is_file()):
            there, content = real / file.relative_to(inside), file.read_bytes()
            if not (there.is_file() and there.read_bytes() == content):
                found.append(Deed(f"write {there}", content))
    return found


def _paths(value: Any, prefix: str = "") -> Iterable[str]:
    """The dotted paths of all values that are no object; `[]` after a list."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _paths(inner, f"{prefix}.{name}" if prefix else name)
    elif isinstance(value, list) and value:
        for inner in value:
            yield from _paths(inner, f"{prefix}[]")
    else:
        yield prefix


def recorded(name: str, event: Event, found: Rehearsed) -> str:
    """A case for a test: the event, and what came of it."""
    case = {
        "connector": name,
        "event": event.to_dict(),
        "got": found.got,
        "effects": [{"what": each.what, "content": each.content.decode(errors="replace")} for each in found.deeds],
        "published": [{"type": each["type"], "data": each.get("data")} for each in found.published],
    }
    return json.dumps(case, ensure_ascii=False, indent=1) + "\n"
