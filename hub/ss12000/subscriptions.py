"""`/subscriptions`: a client asks for a call when there is something to fetch. They expire; PATCH extends them."""

import uuid
from datetime import datetime
from typing import Any, Final

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from hub.assembly.services import Services
from hub.clock import from_us
from hub.outbound.addresses import UrlRefused, check_url
from hub.privacy.base import Recipient
from hub.ss12000 import filters
from hub.ss12000.callbacks import LIFETIME, MAX_EACH, Callback
from hub.ss12000.errors import JSON, NotFound, Refused, Ss12000Route, bad_request
from hub.ss12000.notify import Notifier
from hub.ss12000.paging import Place
from hub.ss12000.render import rfc3339
from hub.ss12000.requests import json_object, parameters, path_id, reader
from hub.ss12000.resources import ENDPOINTS
from plugins.names import is_plain, mixes_alphabets

PATH: Final = "subscriptions"
MAX_NAME: Final = 200

router = APIRouter(route_class=Ss12000Route)


def _client(recipient: Recipient) -> str:
    return recipient.name.removeprefix("client/")


def _notifier(request: Request) -> Notifier:
    notifier: Notifier = request.app.state.ss12000_notifier
    return notifier


async def _own(request: Request) -> Callback:
    """The client's subscription with this id. Raises NotFound, also for the subscription of another client."""
    recipient = await reader(request)
    id = path_id(request)
    for each in _notifier(request).of(_client(recipient)):
        if each.id == id:
            return each
    raise NotFound


@router.get(f"/{PATH}")
async def listed(request: Request) -> Response:
    recipient = await reader(request)
    asked = parameters(request)
    if not asked.keys() <= {"limit", "pageToken"}:
        raise bad_request("parameter-unknown", "Only `limit` and `pageToken` are allowed here.")
    tokens, limit = request.app.state.ss12000.tokens, filters.page_limit(asked)
    after = ""
    if "pageToken" in asked:
        token = filters.one("pageToken", asked["pageToken"], filters.text)
        after = tokens.read(recipient.name, PATH, token, limit).after
    found = [each for each in _notifier(request).of(_client(recipient)) if each.id > after]
    shown = found[:limit]
    following = Place(filters.Query(), after=shown[-1].id) if len(found) > limit else None
    return _json(
        {
            "data": [_shown(each) for each in shown],
            "pageToken": following and tokens.make(recipient.name, PATH, following),
        }
    )


@router.post(f"/{PATH}")
async def created(request: Request) -> Response:
    recipient = await reader(request)
    parts: Services = request.app.state.services
    notifier = _notifier(request)
    body = await json_object(request)
    name, target = body.get("name"), body.get("target")
    if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME:
        raise bad_request("body-invalid", f"`name` must be a string of 1 to {MAX_NAME} characters.")
    if not is_plain(name):
        raise bad_request("body-invalid", "`name` must have visible characters only, and at least one.")
    if mixes_alphabets(name):
        raise bad_request("body-invalid", "`name` must have letters of one alphabet only.")
    if not isinstance(target, str):
        raise bad_request("body-invalid", "`target` must be the URL that the hub shall call.")
    resources = _resources(body.get("resourceTypes"))
    try:
        check_url(target, notifier.allowed())
    except UrlRefused as refused:
        raise bad_request("target-refused", f"{refused}.") from None
    if len(notifier.of(_client(recipient))) >= MAX_EACH:
        raise Refused(403, "too-many", f"A client has at most {MAX_EACH} subscriptions. Delete one.")
    made = Callback(
        id=str(uuid.uuid4()),
        client=_client(recipient),
        name=name,
        target=target,
        resources=resources,
        expires=parts.clock.utc() + LIFETIME,
        position=parts.log.head().pack(),
    )
    await notifier.add(made)
    return _json(_shown(made), 201)


@router.get(f"/{PATH}/{{id}}")
async def by_id(request: Request) -> Response:
    return _json(_shown(await _own(request)))


@router.patch(f"/{PATH}/{{id}}")
async def extended(request: Request) -> Response:
    """Extend a subscription. The standard has no body here; clients send `{"expires"}`, which can ask for less time."""
    own = await _own(request)
    now = request.app.state.services.clock.utc()
    until: datetime = now + LIFETIME
    if await request.body():
        asked = (await json_object(request)).get("expires")
        if asked is not None:
            try:
                wanted_us = filters.instant(asked) if isinstance(asked, str) else 0
            except ValueError:
                wanted_us = 0
            wanted = from_us(wanted_us)
            if wanted <= now:
                raise bad_request("body-invalid", "`expires` must be an RFC 3339 time in the future.")
            until = min(until, wanted)
    return _json(_shown(await _notifier(request).extend(own.id, until)))


@router.delete(f"/{PATH}/{{id}}")
async def deleted(request: Request) -> Response:
    own = await _own(request)
    await _notifier(request).remove(own.id)
    return Response(status_code=204)


def _resources(given: Any) -> tuple[str, ...]:
    """The lists' names, from objects `{"resource"}`, or strings as in the standard's example. Raises Refused (400)."""
    if not isinstance(given, list) or not given:
        raise bad_request("body-invalid", "`resourceTypes` must be a list of at least one `{resource}`.")
    found: dict[str, None] = {}
    for each in given:
        resource = each.get("resource") if isinstance(each, dict) else each
        if not isinstance(resource, str) or resource not in ENDPOINTS:
            raise bad_request("body-invalid", "`resourceTypes` has a resource that the standard does not name.")
        found[resource] = None
    return tuple(found)


def _shown(callback: Callback) -> dict[str, Any]:
    return {
        "id": callback.id,
        "name": callback.name,
        "target": callback.target,
        "resourceTypes": [{"resource": each} for each in callback.resources],
        "expires": rfc3339(callback.expires),
    }


def _json(content: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(content), status, media_type=JSON)
