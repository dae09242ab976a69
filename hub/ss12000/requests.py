"""What the routes read from a request: the client, the query's parameters, the id in the path, and the JSON body."""

from typing import Any

import orjson
from fastapi import Request

from hub.config.model import Role
from hub.http.access import caller
from hub.http.auth import Principal
from hub.http.ground import ask_again
from hub.privacy.base import Recipient
from hub.ss12000 import filters
from hub.ss12000.errors import bad_request


async def reader(request: Request) -> Recipient:
    """The client that asks, as a recipient. Raises ApiProblem (401, 403)."""
    who = await caller(request)
    who.require(Role.SUBSCRIBER)
    return who.recipient_or_403()


def parameters(request: Request) -> dict[str, list[str]]:
    """The parameters of the query string, each with all its values."""
    found: dict[str, list[str]] = {}
    for name, value in request.query_params.multi_items():
        found.setdefault(name, []).append(value)
    return found


def path_id(request: Request) -> str:
    """Raises Refused (400)."""
    try:
        return filters.uuid(request.path_params["id"])
    except ValueError:
        raise bad_request("id-invalid", "An id must be a UUID.") from None


async def publisher(request: Request) -> Principal:
    """The client, which may publish. Raises ApiProblem."""
    who = await caller(request)
    who.require(Role.PUBLISHER)
    return who


async def json_body(request: Request) -> Any:
    """The body, after which the caller still has the rights that it had before. Raises Refused (400), ApiProblem."""
    body = await request.body()
    ask_again(request.scope)
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise bad_request("body-invalid", "The body is not JSON.") from None


async def json_object(request: Request) -> dict[str, Any]:
    """Raises Refused (400), ApiProblem."""
    body = await json_body(request)
    if not isinstance(body, dict):
        raise bad_request("body-invalid", "The body must be one JSON object.")
    return body
