"""Values as JSON answers: dataclasses by their fields, times as RFC 3339.

A route's return type says what the answer holds: `Answer[Alerts]`. `mypy` compares it with the value that is sent, and
`hub.api.openapi` makes the answer's schema from it.
"""

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

import orjson
from fastapi.routing import APIRoute
from starlette.responses import Response

T = TypeVar("T")


class Answer(Response, Generic[T]):
    """A JSON answer that holds a `T`: a dataclass, or a TypedDict of `hub.api.answers`."""


def as_json(value: T, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer[T]:
    return Answer(orjson.dumps(value), status, headers=headers, media_type="application/json")


class Route(APIRoute):
    """A route that may return an `Answer`. FastAPI itself would validate each answer by the return type."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **more: Any) -> None:
        super().__init__(path, endpoint, **{**more, "response_model": None})
