"""Values as JSON answers: dataclasses by their fields, times as RFC 3339."""

from collections.abc import Mapping

import orjson
from starlette.responses import Response


def as_json(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(orjson.dumps(value), status, headers=headers, media_type="application/json")
