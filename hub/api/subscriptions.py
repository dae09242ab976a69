"""`/v1/subscriptions`: a client makes, changes, pauses, tests and replays its own subscriptions.

A subscriber sees no backlog, lag or position (promise 5). Operators do.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any, Final, cast

from fastapi import APIRouter, Query, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from starlette.responses import JSONResponse, Response

from hub.api.answers import (
    AttemptList,
    DiscardedCount,
    EndedLetterList,
    Lane,
    Lanes,
    LetterList,
    ShownSubscription,
    SubscriptionList,
    TestOutcome,
)
from hub.assembly.services import Services
from hub.bus.base import Position
from hub.clock import from_us
from hub.config.model import Role
from hub.delivery.again import MAX_REPLAYS
from hub.delivery.base import PULLED, EmptySpan, TooManyLanes
from hub.http.access import Caller, Parts, Spoken, subscription_of
from hub.http.as_json import Answer, Route, as_json
from hub.http.auth import Principal
from hub.http.problems import ApiProblem, invalid_content
from hub.http.unread import Unread
from hub.operating import attempts, dead_letters, replays
from hub.operating.replays import ReplayCount
from hub.operating.subscriptions import subscription as standing_of
from hub.registry.registry import PAUSED
from hub.subscriptions.model import Status, Subscription
from hub.subscriptions.spec import SubscriptionSpec, WebhookSpec
from hub.texts import both, text

MAX_OWN: Final = 1000  # subscriptions of one client

_EMPTY_SPAN: Final = ApiProblem(
    "invalid-content",
    both("refusal.span-empty"),
    more={"errors": [{"where": "until", "rule": "span-empty", "detail": text("refusal.span-empty", "en")}]},
)

router = APIRouter(prefix="/v1/subscriptions", tags=["subscriptions"], route_class=Route)


class Stretch(BaseModel):
    """Which events to send again: accepted from `since` (or after the feed cursor `after`) up to `until`.

    Left out: from the oldest stored event, up to now.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    after: str | None = Field(None, max_length=1024)
    dry_run: bool = Field(False, description="Send nothing: only count the events. For operators")


class Letters(BaseModel):
    """`ids`: of dead letters of this subscription."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    ids: tuple[Annotated[str, Field(max_length=200)], ...] = Field(min_length=1, max_length=1000)


class Discarded(Letters):
    """`why`: in a person's words, for whoever asks later. Name no person in it."""

    why: str = Field(min_length=1, max_length=500)


@router.post("", status_code=201, summary="Make a subscription", response_class=JSONResponse)
async def make(spec: SubscriptionSpec, parts: Parts, who: Caller) -> Answer[ShownSubscription]:
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
async def mine(parts: Parts, who: Caller) -> Answer[SubscriptionList]:
    """An operator gets the subscriptions of all clients, each with the state of its delivery."""
    who.require(Role.SUBSCRIBER, Role.OPERATOR)
    of_all = Role.OPERATOR in who.roles
    found = [each for each in parts.subscriptions.all() if of_all or each.recipient.name == f"client/{who.id}"]
    return as_json({"subscriptions": [_shown(parts, each, who) for each in found]})


@router.get("/{id}", summary="One subscription", response_class=JSONResponse)
async def one(id: str, parts: Parts, who: Caller) -> Answer[ShownSubscription]:
    return as_json(_shown(parts, subscription_of(parts, who, id, also_operator=True), who))


@router.patch(
    "/{id}",
    summary="Change a subscription",
    response_class=JSONResponse,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                media_type: {
                    "schema": {
                        "type": "object",
                        "description": "JSON merge patch (RFC 7396)",
                        "additionalProperties": True,
                    }
                }
                for media_type in ("application/merge-patch+json", "application/json")
            },
        }
    },
)
async def change(id: str, changes: dict[str, Any], parts: Parts, who: Caller) -> Answer[ShownSubscription]:
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
async def pause(id: str, parts: Parts, who: Caller) -> Answer[ShownSubscription]:
    """No event is lost: events stay for as long as the hub keeps any, and a resumed subscription catches up."""
    return await _set(parts, who, id, to=Status.PAUSED, reason=PAUSED)


@router.post("/{id}/resume", summary="Go on", response_class=JSONResponse)
async def resume(id: str, parts: Parts, who: Caller) -> Answer[ShownSubscription]:
    """The hub asks a webhook for its consent now. The subscription is `pending` until the webhook has given it."""
    return await _set(parts, who, id, to=Status.ACTIVE, reason="")


@router.post("/{id}/test", summary="Send a test event", response_class=JSONResponse)
async def test(id: str, parts: Parts, who: Caller) -> Answer[TestOutcome]:
    """The hub sends an event about no person now. The answer has the outcome, with a code such as `http-503`."""
    found = subscription_of(parts, who, id, also_operator=True)
    if found.sink["kind"] in PULLED:
        raise ApiProblem("state-conflict", both("refusal.pulled"))
    if found.sink["kind"] == "connector":  # its class handles only the types that it names
        raise ApiProblem("state-conflict", both("refusal.test-of-connector"))
    if found.status is Status.PENDING:
        raise ApiProblem("state-conflict", both("refusal.not-consented"))
    outcome = await parts.delivery.test(id)
    return as_json({"result": outcome.result, "reason": outcome.reason})


@router.post(
    "/{id}/replay",
    status_code=202,
    summary="Send events again",
    response_class=JSONResponse,
    responses={200: {"description": "With `dry_run`", "model": ReplayCount}},
)
async def replay(id: str, stretch: Stretch, parts: Parts, who: Caller) -> Answer[Lane] | Answer[ReplayCount]:
    """The events come in a lane of their own, marked `skolnavlane`. Each is decided anew; the live cursor stays put.
    With `dry_run` an operator gets the number of `events` instead (200), and nothing is sent.
    """
    subscription_of(parts, who, id, also_operator=True)
    if stretch.after is not None and stretch.since is not None:
        raise ApiProblem("invalid-request", "Send `since` or `after`, not both.")
    since: datetime | Position | None = stretch.since
    now = parts.clock.utc()
    begins = max(now - parts.config.retention, stretch.since or datetime.min.replace(tzinfo=UTC))
    if begins > now:
        raise _EMPTY_SPAN  # here too, so that a count with `dry_run` tells it
    if stretch.after is not None:
        cursor = await parts.pages.open(id, stretch.after)
        since, begins = cursor.read.position, from_us(cursor.read_us)
    if stretch.until is not None and stretch.until <= begins:
        raise _EMPTY_SPAN
    if stretch.dry_run:
        who.require(Role.OPERATOR)  # the count holds what is withheld
        return as_json(await replays.count(parts, id, since=since, until=stretch.until))
    try:
        lane = await parts.delivery.replay(id, since=since, until=stretch.until, by=who.id)
    except EmptySpan:
        raise _EMPTY_SPAN from None
    except TooManyLanes:
        raise ApiProblem("state-conflict", both("refusal.too-many-replays", most=MAX_REPLAYS)) from None
    parts.pages.wake()
    return as_json(Lane(lane=lane), 202)


@router.get("/{id}/dead-letters", summary="What was given up", response_class=JSONResponse)
async def letters(
    id: str,
    parts: Parts,
    who: Caller,
    spoken: Spoken,
    after: Annotated[str, Query(max_length=200, description="The last id of the page before")] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Answer[LetterList]:
    """`reason` is a code; `says`: what it means, in the caller's language."""
    subscription_of(parts, who, id, also_operator=True)
    found = await dead_letters.page(parts, subscription=id, after=after, limit=limit, language=spoken)
    # An event without an id was trimmed while it waited, perhaps for a decision: only an operator may see that.
    shown = [each for each in found if each.event.id or Role.OPERATOR in who.roles]
    return as_json({"dead_letters": shown})


@router.post("/{id}/dead-letters/{letter}/resend", status_code=202, summary="Try it again", response_class=JSONResponse)
async def resend(id: str, letter: str, parts: Parts, who: Caller) -> Answer[Lane]:
    """The event comes in a lane of its own, and is decided anew. The letter leaves the list for the history."""
    subscription_of(parts, who, id, also_operator=True)
    [lane] = await parts.delivery.resend(id, [letter], by=who.id)
    parts.pages.wake()
    return as_json({"lane": lane}, 202)


@router.post("/{id}/dead-letters/resend", status_code=202, summary="Try some again", response_class=JSONResponse)
async def resend_some(id: str, letters: Letters, parts: Parts, who: Caller) -> Answer[Lanes]:
    """As one letter, but all in one step, and the events of an ordering key in their order. 404 if one of the letters
    is not there any more; then nothing is done.
    """
    subscription_of(parts, who, id, also_operator=True)
    found = await parts.delivery.resend(id, letters.ids, by=who.id)
    parts.pages.wake()
    return as_json({"lanes": found}, 202)


@router.post("/{id}/dead-letters/discard", summary="Send some no more", response_class=JSONResponse)
async def discard(id: str, letters: Discarded, parts: Parts, who: Caller) -> Answer[DiscardedCount]:
    """The letters leave the list for the history, with the caller's id and `why`. 404 if one of the letters is not
    there any more; then nothing is done.
    """
    subscription_of(parts, who, id, also_operator=True)
    await parts.delivery.discard(id, letters.ids, note=letters.why, by=who.id)
    return as_json({"discarded": len(set(letters.ids))})


@router.get("/{id}/dead-letters/history", summary="What became of dead letters", response_class=JSONResponse)
async def letters_history(
    id: str,
    parts: Parts,
    who: Caller,
    spoken: Spoken,
    before: Annotated[str | None, Query(max_length=200, description="The last letter's id of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Answer[EndedLetterList]:
    """Letters that were sent again or discarded, newest first. They are stored for as long as events (`retention`)."""
    subscription_of(parts, who, id, also_operator=True)
    found = await dead_letters.history(parts, subscription=id, before=before, limit=limit, language=spoken)
    if Role.OPERATOR not in who.roles:
        own = (each for each in found if each.letter.event.id)
        found = [each if each.by == who.id else replace(each, by="", note="") for each in own]
    return as_json({"letters": found})


@router.get("/{id}/attempts", summary="Attempts that failed", response_class=JSONResponse)
async def failed_attempts(
    id: str,
    parts: Parts,
    who: Caller,
    before: Annotated[
        int | None, Query(ge=1, lt=1 << 62, description="The last attempt's id of the page before")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Answer[AttemptList]:
    """Each attempt to deliver that failed, newest first: which event, when, the HTTP `status` (null if no answer came),
    the `reason` as a code, how long it took, and what followed (`result`: `retry`, `dead`, `gone` or `misconfigured`).
    No bodies. A delivery that succeeds at once is not listed. They are stored for as long as events (`retention`).
    """
    subscription_of(parts, who, id, also_operator=True)
    return as_json({"attempts": await attempts.page(parts, subscription=id, before=before, limit=limit)})


def _secret(parts: Services, id: str) -> str | None:
    """A webhook's secret. Shown only by the answer to the call that has set it."""
    spec = parts.subscriptions.spec(id)
    if spec is None or not isinstance(spec.sink, WebhookSpec) or spec.sink.secret is None:
        return None
    return spec.sink.secret.get_secret_value()


async def _set(parts: Services, who: Principal, id: str, *, to: Status, reason: str) -> Answer[ShownSubscription]:
    subscription_of(parts, who, id, also_operator=True)
    changed = await parts.subscriptions.set_status(id, to, reason, who.id)
    if changed is None:
        raise ApiProblem("not-found", both("refusal.removed"))
    return as_json(_shown(parts, changed, who))


def _shown(parts: Services, found: Subscription, who: Principal) -> ShownSubscription:
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
    return cast(ShownSubscription, shown)
