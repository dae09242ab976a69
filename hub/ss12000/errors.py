"""Errors in the form of SS 12000: `{"code", "message"}`; a 404 has no body. They quote nothing of the request."""

import logging
import traceback
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from fastapi import Request
from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from hub.bus.base import LogUnavailable
from hub.http.problems import ApiProblem
from hub.privacy.telling import Unsettled
from hub.store.base import StoreUnavailable

JSON: Final = "application/json"

log = logging.getLogger(__name__)


@dataclass
class Refused(Exception):
    """An error that ends a request. `code` is stable, for programs; `message` says what the client should do."""

    status: int
    code: str
    message: str
    headers: Mapping[str, str] = field(default_factory=dict)


class NotFound(Exception):
    """There is no such entity, or the client may not see it."""


def bad_request(code: str, message: str) -> Refused:
    return Refused(400, code, message)


def unavailable(message: str, retry_after_s: int) -> Refused:
    return Refused(503, "unavailable", message, {"Retry-After": str(retry_after_s)})


def answer_to(error: Exception) -> Response:
    """The answer to an error. The place of an unexpected error is logged, and is not part of the answer."""
    match error:
        case NotFound():
            return Response(status_code=404)
        case Refused():
            refused = error
        case ApiProblem():
            refused = Refused(error.status, error.code, error.in_language("en"), error.headers)
        case ClientDisconnect():
            refused = bad_request("invalid-request", "The body ended early; send it again.")
        case LogUnavailable():
            refused = unavailable("The log cannot be read or written now; try again.", 5)
        case StoreUnavailable():
            refused = unavailable("The store cannot be read or written now; try again.", 5)
        case Unsettled():
            refused = unavailable("The directory is being loaded; try again.", 1)
        case _:
            where = "".join(traceback.format_tb(error.__traceback__)[-3:])
            log.error("ss12000 answer failed: %s\n%s", type(error).__name__, where)
            refused = Refused(500, "internal", "The request failed inside the hub. The hub's log says where.")
    body = orjson.dumps({"code": refused.code, "message": refused.message})
    return Response(body, refused.status, headers=dict(refused.headers), media_type=JSON)


class Ss12000Route(APIRoute):
    """A route that answers errors in the standard's form."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            try:
                return await handler(request)
            except Exception as error:
                return answer_to(error)

        return guarded
