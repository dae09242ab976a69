"""`POST /absences`, `/attendances`, `/attendanceEvents`: a client's report becomes an event of a source of its own.

The answer repeats what the client sent, with the new id, and reveals nothing else, for every person alike. Only a
client that may read the attendance it corrects gets that attendance's id and times.
"""

import hmac
import uuid
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, Final

import orjson
from starlette.responses import Response

from hub.assembly.services import Services
from hub.bus.base import IdConflict, OwnedByAnother, Stored, corrects_all
from hub.clock import from_us
from hub.config.model import Role
from hub.http.auth import Principal
from hub.ss12000 import attendance
from hub.ss12000.answers import Provider
from hub.ss12000.errors import JSON, Refused, bad_request
from hub.ss12000.index import reports_of
from hub.ss12000.render import rfc3339
from hub.ss12000.resources import ABSENCES, ATTENDANCE_EVENTS, ATTENDANCES, Resource
from hub.ss12000.shapes import ABSENCE_TYPES, Shaper, moment
from hub.ss12000.sight import Sight
from schemas import Described, Event, InvalidEvent

POSTED: Final = (ABSENCES, ATTENDANCES, ATTENDANCE_EVENTS)
MAX_KEY: Final = 255
_LEAVE: Final = "Beviljad ledighet"


def _absence(data: Mapping[str, Any]) -> str:
    if data.get("type") not in ABSENCE_TYPES:
        raise bad_request("body-invalid", "`type` must be one of the standard's: Anmäld frånvaro, Beviljad ledighet.")
    start, end = moment(data.get("startTime")), moment(data.get("endTime"))
    if start is not None and end is not None and end < start:
        raise bad_request("body-invalid", "`endTime` lies before `startTime`. Nothing was stored.")
    what = "leave_granted" if data["type"] == _LEAVE else "reported"
    return f"se.skolnav.absence.{what}.v1"


def _attendance(data: Mapping[str, Any]) -> str:
    return "se.skolnav.attendance.recorded.v1"


def _presence(data: Mapping[str, Any]) -> str:
    if data.get("eventType") not in ("In", "Ut"):
        raise bad_request("body-invalid", "`eventType` must be In or Ut.")
    if data.get("group") is None:  # the catalogue does not require it, since school systems leave it out
        raise bad_request("body-invalid", "`group` is required by the standard. Nothing was stored.")
    return f"se.skolnav.attendance.checked_{'in' if data['eventType'] == 'In' else 'out'}.v1"


_TYPES: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "absence": _absence, "attendance": _attendance, "presence": _presence,
}  # fmt: skip


def source_of(services: Services, client: str) -> str:
    """The source of a client's reports. The client's `sources` in the configuration must cover it."""
    return f"{reports_of(services.config.tenant)}{client}"


async def post(provider: Provider, who: Principal, resource: Resource, *, body: Any, key: str | None) -> Response:
    """Store a report. With an `Idempotency-Key` (`key`) a repeat is harmless. Raises Refused, LogUnavailable."""
    services = provider.services
    if not isinstance(body, dict):
        raise bad_request("body-invalid", "The body must be one JSON object.")
    if key is not None and not 0 < len(key) <= MAX_KEY:
        raise bad_request("key-invalid", f"An Idempotency-Key must have 1 to {MAX_KEY} characters.")
    for name, value in body.items():
        if name in ("id", "meta"):
            continue  # readOnly: the hub sets them
        if isinstance(value, dict) and not isinstance(value.get("id"), str) and name != "_embedded":
            raise bad_request("body-invalid", "A reference must have an `id`.")
    shaped = resource.shape({name: value for name, value in body.items() if name != "id"}, Shaper(named=False)) or {}
    type_ = _TYPES[resource.kind](shaped)
    source = source_of(services, who.id)
    rule = who.may_not_publish(type_, source)
    if rule is not None:
        raise Refused(
            403, "not-permitted-to-publish",
            f"The client's `{rule}` in the configuration does not cover this. Events posted here have the source "
            "urn:skolnav:<tenant>:ss12000:<client>.",
        )  # fmt: skip
    # Values that the standard's object does not allow stay in, so that the catalogue names them in its error.
    listed = {name: body[name] for name, _ in resource.shape.fields if body.get(name) is not None and name != "id"}
    data = _as_known(services, who, {**listed, **shaped}, body)
    event_id, own_id = _ids(services, who, resource, data=data, key=key)
    data["id"] = own_id
    # Checked before anything is worked out from it: a body of the wrong shape must not reach the known attendance.
    described = _described(services, {"id": event_id, "source": source, "type": type_}, data)
    before = await attendance.known(services.log, data) if resource is ATTENDANCES else None
    if before is not None:
        _correct(data, before, provider)
        described = _described(services, {"id": event_id, "source": source, "type": type_}, data)
    # Only the client's own last report is compared: the answer's time must not reveal reports of others.
    if before is not None and before.source == source and attendance.is_same(resource, before.parsed["data"], data):
        stored: Stored | None = before
    else:
        stored = await _append(services, who, described, resource)
    at = rfc3339(from_us(stored.accepted_us) if stored is not None else services.clock.utc())
    answer = {"id": own_id, "meta": {"created": at, "modified": at}, **shaped}
    if resource is not ATTENDANCES or who.recipient is None or Role.SUBSCRIBER not in who.roles:
        return Response(orjson.dumps(answer), 200, media_type=JSON)

    async def make(sight: Sight) -> Any:
        # This may repeat a report that was stored before the known attendance got its id.
        if before is None or stored is None or stored.entity != before.entity or not sight.may(resource.meta):
            return answer
        row = provider.index.row(resource.kind, before)
        seen = sight.judge(row, before)
        if seen is None:
            return answer
        sight.use(seen)
        return {**answer, "id": row.id, "meta": {"created": rfc3339(from_us(row.created_us)), "modified": at}}

    return provider.answer(who.recipient, f"{resource.path}/post", make)


def _described(services: Services, attributes: Mapping[str, str], data: dict[str, Any]) -> Described:
    """The report as an event of the catalogue. Raises Refused (400)."""
    try:
        return services.catalogue.describe(Event({"specversion": "1.0", **attributes}, data))
    except InvalidEvent as error:
        places = ", ".join(dict.fromkeys(f"{each.where.removeprefix('data.')}: {each.rule}" for each in error.problems))
        raise bad_request("body-invalid", f"Not valid; nothing was stored. {places}") from None


def _correct(data: dict[str, Any], before: Stored, provider: Provider) -> None:
    """Fill in `data` from the known attendance, so that the event holds the whole attendance after the correction."""
    row = provider.index.row(ATTENDANCES.kind, before)
    data["id"] = row.id
    data["meta"] = {"created": rfc3339(from_us(row.created_us))}
    known = before.parsed["data"]
    if known.get("organisation") is not None:  # a field of the hub: the standard's object has none
        data["organisation"] = known["organisation"]
    for name in attendance.PEOPLE:  # a report without a mark does not lift the mark of another source
        ref, own = known.get(name), data.get(name)
        if ref and own and "securityMarking" not in own and own["id"].lower() == ref["id"].lower():
            mark = ref.get("securityMarking")
            data[name] = own if mark in (None, "Ingen") else {**own, "securityMarking": mark}


async def _append(services: Services, who: Principal, described: Described, resource: Resource) -> Stored | None:
    """The stored event, whether this call or an earlier one stored it. Raises Refused (409), LogUnavailable."""
    event = described.event
    source, id = event.source, event.id
    try:
        # The standard's report of an attendance corrects the known one, whoever made that.
        corrects = corrects_all if resource is ATTENDANCES else who.corrects
        appended = await services.log.append([described], corrects)
    except IdConflict:
        # A repeat differs from the first request if the attendance has got another id since.
        stored = await services.log.find(source, id)
        if stored is None or not attendance.is_same(resource, stored.parsed["data"], event.data):
            raise Refused(
                409, "key-conflict", "This Idempotency-Key has been used with other content; nothing was stored."
            ) from None
        return stored
    except OwnedByAnother as refused:
        services.refusals.note(f"clients.{who.id}", [(event.type, owner) for owner in refused.owners])
        raise Refused(409, "owned-by-another", "This belongs to another source; nothing was stored.") from None
    return appended.stored[0] if appended.stored else await services.log.find(source, id)


def _as_known(services: Services, who: Principal, shaped: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    """The data with persons by SS 12000 id, and with the security marks of the references."""
    data = dict(shaped)
    for name in attendance.PEOPLE:
        ref = data.get(name)
        if not isinstance(ref, dict):
            continue
        known = dict(ref)
        if who.recipient is not None:
            try:
                known["id"] = services.gate.person_of(who.recipient, ref["id"])
            except ValueError:
                raise bad_request("body-invalid", f"`{name}.id` is not a UUID.") from None
        mark = body[name].get("securityMarking")  # the gate reads it
        if isinstance(mark, str):
            known["securityMarking"] = mark
        data[name] = known
    return data


def _ids(
    services: Services, who: Principal, resource: Resource, *, data: Mapping[str, Any], key: str | None
) -> tuple[str, str]:
    """(event id, entity id). A pupil has one attendance at a lesson: a second report corrects the first."""
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
