"""`POST /absences`, `/attendances`, `/attendanceEvents`: what a client reports becomes an event of its own source.

The answer repeats what the client sent, under the id that it got: nothing else is told, whoever it is about.
"""

import hmac
import uuid
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, Final

import orjson
from starlette.responses import Response

from hub.api.auth import Principal
from hub.api.ss12000.errors import JSON, Refused, bad_request
from hub.api.ss12000.render import rfc3339
from hub.api.ss12000.resources import ABSENCES, ATTENDANCE_EVENTS, ATTENDANCES, Resource
from hub.api.ss12000.shapes import ABSENCE_TYPES, Shaper, moment
from hub.bus.base import IdConflict, Stored
from hub.clock import from_us
from hub.services import Services
from schemas import Event, InvalidEvent

POSTED: Final = (ABSENCES, ATTENDANCES, ATTENDANCE_EVENTS)
MAX_KEY: Final = 255
_LEAVE: Final = "Beviljad ledighet"
_PEOPLE: Final = ("student", "person", "registeredBy", "reporter")


def _absence(data: Mapping[str, Any]) -> str:
    if data.get("type") not in ABSENCE_TYPES:
        raise bad_request("body-invalid", "`type` is one of the standard's: Anmäld frånvaro, Beviljad ledighet.")
    start, end = moment(data.get("startTime")), moment(data.get("endTime"))
    if start is not None and end is not None and end < start:
        raise bad_request("body-invalid", "`endTime` lies before `startTime`. Nothing was stored.")
    what = "leave_granted" if data["type"] == _LEAVE else "reported"
    return f"se.skolnav.absence.{what}.v1"


def _attendance(data: Mapping[str, Any]) -> str:
    return "se.skolnav.attendance.recorded.v1"


def _presence(data: Mapping[str, Any]) -> str:
    if data.get("eventType") not in ("In", "Ut"):
        raise bad_request("body-invalid", "`eventType` is In or Ut.")
    if data.get("group") is None:  # for events of other sources it is not, since school systems leave it out
        raise bad_request("body-invalid", "`group` is required by the standard. Nothing was stored.")
    return f"se.skolnav.attendance.checked_{'in' if data['eventType'] == 'In' else 'out'}.v1"


_TYPES: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "absence": _absence, "attendance": _attendance, "presence": _presence,
}  # fmt: skip


def source_of(services: Services, client: str) -> str:
    """The source of what a client reports here; its `sources` in the configuration must cover it."""
    return f"urn:skolnav:{services.config.tenant}:ss12000:{client}"


async def post(services: Services, who: Principal, resource: Resource, body: Any, key: str | None) -> Response:
    """Store one. With an `Idempotency-Key` a repeat is harmless. Raises Refused, LogUnavailable."""
    if not isinstance(body, dict):
        raise bad_request("body-invalid", "The body is one JSON object.")
    if key is not None and not 0 < len(key) <= MAX_KEY:
        raise bad_request("key-invalid", f"An Idempotency-Key has 1 to {MAX_KEY} characters.")
    for name, value in body.items():
        if name in ("id", "meta"):
            continue  # readOnly: the hub's to give
        if isinstance(value, dict) and not isinstance(value.get("id"), str) and name != "_embedded":
            raise bad_request("body-invalid", "A reference has an `id`.")
    shaped = resource.shape({name: value for name, value in body.items() if name != "id"}, Shaper(False)) or {}
    type_ = _TYPES[resource.kind](shaped)
    source = source_of(services, who.id)
    rule = who.may_not_publish(type_, source)
    if rule is not None:
        raise Refused(
            403, "not-permitted-to-publish",
            f"The client's `{rule}` in the configuration does not cover this. Events posted here have the source "
            "urn:skolnav:<tenant>:ss12000:<client>.",
        )  # fmt: skip
    # What the standard's object does not take is left in, so that the catalogue names it.
    listed = {name: body[name] for name, _ in resource.shape.fields if body.get(name) is not None and name != "id"}
    data = _as_known(services, who, {**listed, **shaped}, body)
    event_id, data["id"] = _ids(services, who, resource, data, key)
    event = Event({"specversion": "1.0", "id": event_id, "source": source, "type": type_}, data)
    try:
        described = services.catalogue.describe(event)
    except InvalidEvent as error:
        places = ", ".join(dict.fromkeys(f"{each.where.removeprefix('data.')}: {each.rule}" for each in error.problems))
        raise bad_request("body-invalid", f"Not valid; nothing was stored. {places}") from None
    try:
        appended = await services.log.append([described])
    except IdConflict:
        raise Refused(
            409, "key-conflict", "The Idempotency-Key came before with other content; nothing was stored."
        ) from None
    stored: Stored | None = appended.stored[0] if appended.stored else await services.log.find(source, event_id)
    at = rfc3339(from_us(stored.accepted_us) if stored is not None else services.clock.utc())
    answer = {"id": data["id"], "meta": {"created": at, "modified": at}, **shaped}
    return Response(orjson.dumps(answer), 200, media_type=JSON)


def _as_known(services: Services, who: Principal, shaped: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    """The data with persons by SS 12000 id, and with the marks that stand on the references."""
    data = dict(shaped)
    for name in _PEOPLE:
        ref = data.get(name)
        if not isinstance(ref, dict):
            continue
        known = dict(ref)
        if who.recipient is not None:
            try:
                known["id"] = services.gate.person_of(who.recipient, ref["id"])
            except ValueError:
                raise bad_request("body-invalid", f"`{name}.id` is no UUID.") from None
        mark = body[name].get("securityMarking")  # the gate reads it
        if isinstance(mark, str):
            known["securityMarking"] = mark
        data[name] = known
    return data


def _ids(
    services: Services, who: Principal, resource: Resource, data: Mapping[str, Any], key: str | None
) -> tuple[str, str]:
    """(event id, entity id). A pupil has one attendance a lesson: a second report corrects the first."""
    seed = services.keys.derive(f"ss12000/ids/{services.config.tenant}")

    def made(*parts: str) -> str:
        digest = hmac.new(seed, "\n".join(parts).encode(), sha256).digest()
        return str(uuid.UUID(bytes=digest[:16], version=5))

    event_id = str(uuid.uuid4()) if key is None else made("event", who.id, resource.path, key)
    if resource is ATTENDANCES:
        lesson, student = data.get("calendarEvent"), data.get("student")
        if isinstance(lesson, dict) and isinstance(student, dict):
            return event_id, made("attendance", lesson["id"], student["id"])
    return event_id, str(uuid.uuid4()) if key is None else made("entity", who.id, resource.path, key)
