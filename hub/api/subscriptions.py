"""`/v1/subscriptions`: a client makes, changes, pauses, tests and replays its own subscriptions.

A subscriber sees no backlog, lag or position (promise 5). Operators do.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from starlette.responses import JSONResponse, Response

from hub.assembly.services import Services
from hub.bus.base import Position
from hub.clock import from_us
from hub.config.model import Role
from hub.delivery.again import MAX_REPLAYS
from hub.delivery.base import PULLED, EmptySpan, TooManyLanes
from hub.http.access import Caller, Parts, subscription_of
from hub.http.as_json import as_json
from hub.http.auth import Principal
from hub.http.problems import ApiProblem, invalid_content
from hub.http.unread import Unread
from hub.operating import dead_letters
from hub.operating.subscriptions import subscription as standing_of
from hub.registry.registry import PAUSED
from hub.subscriptions.model import Status, Subscription
from hub.subscriptions.spec import SubscriptionSpec, WebhookSpec

MAX_OWN: Final = 1000  # subscriptions of one client

_EMPTY_SPAN: Final = invalid_content(
    [{"loc": ("until",), "type": "span-empty", "msg": "the span must end after it begins, and begin before now"}]
)

router = APIRouter(prefix="/v1/subscriptions", tags=["subscriptions"])


class Stretch(BaseModel):
    """Which events to send again: accepted from `since` (or after the feed cursor `after`) up to `until`.

    Left out: from the oldest stored event, up to now.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    after: str | None = Field(None, max_length=1024)


@router.post("", status_code=201, summary="Make a subscription", response_class=JSONResponse)
async def make(spec: SubscriptionSpec, parts: Parts, who: Caller) -> Response:
    """The hub asks a webhook for its consent first (status `pending`). Only this answer shows the webhook's secret."""
    who.require(Role.SUBSCRIBER)
    own = sum(each.recipient.name == f"client/{who.id}" for each in parts.subscriptions.all())
    if own >= MAX_OWN:
        raise ApiProblem("state-conflict", f"A client has at most {MAX_OWN} subscriptions. Delete some first.")
    made = await parts.subscriptions.add(spec, who.id)
    shown = _shown(parts, made, who)
    if (secret := _secret(parts, made.id)) is not None:
        shown["sink"]["secret"] = secret
    return as_json(shown, 201, headers={"Location": f"/v1/subscriptions/{made.id}", "Cache-Control": "no-store"})


@router.get("", summary="The caller's subscriptions", response_class=JSONResponse)
async def mine(parts: Parts, who: Caller) -> Response:
    """An operator gets the subscriptions of all clients, each with the state of its delivery."""
    who.require(Role.SUBSCRIBER, Role.OPERATOR)
    of_all = Role.OPERATOR in who.roles
    found = [each for each in parts.subscriptions.all() if of_all or each.recipient.name == f"client/{who.id}"]
    return as_json({"subscriptions": [_shown(parts, each, who) for each in found]})


@router.get("/{id}", summary="One subscription", response_class=JSONResponse)
async def one(id: str, parts: Parts, who: Caller) -> Response:
    return as_json(_shown(parts, subscription_of(parts, who, id, also_operator=True), who))


@router.patch(
    "/{id}",
    summary="Change a subscription",
    response_class=JSONResponse,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                media_type: {"schema": {"type": "object", "description": "JSON merge patch (RFC 7396)"}}
                for media_type in ("application/merge-patch+json", "application/json")
            },
        }
    },
)
async def change(id: str, changes: dict[str, Any], parts: Parts, who: Caller) -> Response:
    """A key that is left out keeps its value, and null removes one. 409 for a subscription of the configuration file:
    change it there. A webhook that has no secret gets one, which only this answer shows.
    """
    subscription_of(parts, who, id)
    before = _secret(parts, id)
    try:
        changed = await parts.subscriptions.update(id, changes, who.id)
    except ValidationError as error:
        raise invalid_content(error.errors(include_input=False, include_url=False)) from None
    shown = _shown(parts, changed, who)
    if (secret := _secret(parts, id)) not in (None, before):
        shown["sink"]["secret"] = secret
    return as_json(shown, headers={"Cache-Control": "no-store"})


@router.delete("/{id}", status_code=204, summary="Delete a subscription", response_class=Response)
async def delete(id: str, parts: Parts, who: Caller, request: Request) -> Response:
    """Its cursor, parked keys and dead letters are deleted too. After the answer nothing of it leaves the hub."""
    subscription_of(parts, who, id, also_operator=True)
    await parts.subscriptions.remove(id, who.id)
    await parts.delivery.ended(id)
    await parts.pages.answers.ended(id)
    unread: Unread = request.app.state.unread
    unread.cut_ended()
    return Response(status_code=204)


@router.post("/{id}/pause", summary="Deliver nothing for now", response_class=JSONResponse)
async def pause(id: str, parts: Parts, who: Caller) -> Response:
    """No event is lost: events stay for as long as the hub keeps any, and a resumed subscription catches up."""
    return await _set(parts, who, id, to=Status.PAUSED, reason=PAUSED)


@router.post("/{id}/resume", summary="Go on", response_class=JSONResponse)
async def resume(id: str, parts: Parts, who: Caller) -> Response:
    """The hub asks a webhook for its consent now. The subscription is `pending` until the webhook has given it."""
    return await _set(parts, who, id, to=Status.ACTIVE, reason="")


@router.post("/{id}/test", summary="Send a test event", response_class=JSONResponse)
async def test(id: str, parts: Parts, who: Caller) -> Response:
    """The hub sends an event about no person now. The answer has the outcome, with a code such as `http-503`."""
    found = subscription_of(parts, who, id, also_operator=True)
    if found.sink["kind"] in PULLED:
        raise ApiProblem("state-conflict", "A feed or stream is tested by reading it; nothing is sent from here.")
    if found.status is Status.PENDING:
        raise ApiProblem(
            "state-conflict",
            "The webhook has not consented yet, and gets nothing before. Resume the subscription to ask it again.",
        )
    outcome = await parts.delivery.test(id)
    return as_json({"result": outcome.result, "reason": outcome.reason})


@router.post("/{id}/replay", status_code=202, summary="Send events again", response_class=JSONResponse)
async def replay(id: str, stretch: Stretch, parts: Parts, who: Caller) -> Response:
    """The events come in a lane of their own, marked `skolnavlane`. Each is decided anew; the live cursor stays put."""
    subscription_of(parts, who, id, also_operator=True)
    if stretch.after is not None and stretch.since is not None:
        raise ApiProblem("invalid-request", "Send `since` or `after`, not both.")
    since: datetime | Position | None = stretch.since
    begins = parts.clock.utc() - parts.config.retention
    if stretch.after is not None:
        cursor = await parts.pages.open(id, stretch.after)
        since, begins = cursor.read.position, from_us(cursor.read_us)
    if stretch.until is not None and stretch.until <= begins:
        raise _EMPTY_SPAN
    try:
        lane = await parts.delivery.replay(id, since=since, until=stretch.until, by=who.id)
    except EmptySpan:
        raise _EMPTY_SPAN from None
    except TooManyLanes:
        raise ApiProblem(
            "state-conflict", f"{MAX_REPLAYS} replays of this subscription wait or run. Wait until some have ended."
        ) from None
    parts.pages.wake()
    return as_json({"lane": lane}, 202)


@router.get("/{id}/dead-letters", summary="What was given up", response_class=JSONResponse)
async def letters(
    id: str,
    parts: Parts,
    who: Caller,
    after: Annotated[str, Query(max_length=200, description="The last id of the page before")] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Response:
    subscription_of(parts, who, id, also_operator=True)
    found = await dead_letters.page(parts, subscription=id, after=after, limit=limit)
    # An event without an id was trimmed while it waited, perhaps for a decision: only an operator may see that.
    shown = [each for each in found if each.event.id or Role.OPERATOR in who.roles]
    return as_json({"dead_letters": shown})


@router.post("/{id}/dead-letters/{letter}/resend", status_code=202, summary="Try it again", response_class=JSONResponse)
async def resend(id: str, letter: str, parts: Parts, who: Caller) -> Response:
    """The event comes in a lane of its own, and is decided anew. The letter leaves the list."""
    subscription_of(parts, who, id, also_operator=True)
    lane = await parts.delivery.resend(id, letter, by=who.id)
    parts.pages.wake()
    return as_json({"lane": lane}, 202)


def _secret(parts: Services, id: str) -> str | None:
    """A webhook's secret. Shown only by the answer to the call that has set it."""
    spec = parts.subscriptions.spec(id)
    if spec is None or not isinstance(spec.sink, WebhookSpec) or spec.sink.secret is None:
        return None
    return spec.sink.secret.get_secret_value()


async def _set(parts: Services, who: Principal, id: str, *, to: Status, reason: str) -> Response:
    subscription_of(parts, who, id, also_operator=True)
    changed = await parts.subscriptions.set_status(id, to, reason, who.id)
    if changed is None:
        raise ApiProblem("not-found", "The subscription was removed in the meantime.")
    return as_json(_shown(parts, changed, who))


def _shown(parts: Services, found: Subscription, who: Principal) -> dict[str, Any]:
    spec = parts.subscriptions.spec(found.id)
    asked: Mapping[str, Any] = (
        spec.public() if spec is not None else {"name": found.name, "types": sorted(found.types), "sink": found.sink}
    )
    shown = {
        "id": found.id,
        **asked,
        "status": found.status,
        "reason": found.reason,
        "origin": found.origin,
        "created": parts.subscriptions.created(found.id).isoformat(),
    }
    if Role.OPERATOR in who.roles:
        shown["delivery"] = standing_of(parts, found.id)
    return shown
