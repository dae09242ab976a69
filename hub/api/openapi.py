"""`/openapi.json`: FastAPI's description of its routes, and what the plain ASGI functions ahead of it serve."""

from collections.abc import Iterable
from importlib.metadata import version
from types import UnionType
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from pydantic import TypeAdapter
from pydantic.json_schema import JsonSchemaMode, JsonSchemaValue
from starlette.responses import JSONResponse, Response

from hub.api.addresses import url_of
from hub.api.inbound import PREFIX
from hub.api.ingest import MAX_BATCH, MAX_BODY, PATH
from hub.http.as_json import Answer, Route
from hub.http.browsers import ANY_ORIGIN
from hub.http.problems import MEDIA_TYPE, STATUSES, URN
from hub.ss12000 import described
from plugins.connector import Connector
from schemas.event import BATCH, JSON, STRUCTURED
from schemas.export import ENVELOPE, Plain

router = APIRouter(include_in_schema=False)

INBOUND: Final = PREFIX + "{instance}/{path}"

_OAUTH: Final = "/oauth/token"
PUBLIC: Final = frozenset(
    {
        INBOUND,
        "/healthz",
        "/readyz",
        "/v1/catalogue",
        "/v1/catalogue/{type}",
        "/asyncapi.json",
        "/openapi.json",
        _OAUTH,
    }
)
_EVENT: Final = {"$ref": "#/components/schemas/Event"}
_DELIVERED: Final = {"type": "array", "items": {"$ref": "#/components/schemas/DeliveredEvent"}}
_PULLED: Final = {
    "/v1/subscriptions/{id}/events": (BATCH, _DELIVERED),
    "/v1/subscriptions/{id}/stream": ("text/event-stream", {"type": "string"}),
    "/v1/state/{subject}": (BATCH, _DELIVERED),
}
_LOGGED_IN: Final[tuple[dict[str, list[str]], ...]] = ({"bearer": []}, {"oauth": []})  # either of them
_ERRORS: Final = (400, 401, 403, 404, 409, 410, 422, 429, 503)


@router.get("/openapi.json")
async def openapi_json(request: Request) -> Response:
    here = {"url": url_of(request), "description": "The address that this document was read from"}
    return JSONResponse({**request.app.openapi(), "servers": [here]}, headers=ANY_ORIGIN)


def describe(api: FastAPI, routers: Iterable[APIRouter]) -> None:
    """Make `api.openapi()` return the whole description, which is built at the first call.

    `routers`: those of the API whose routes return an `Answer`.
    """

    def whole() -> dict[str, Any]:
        if not api.openapi_schema:
            api.openapi_schema = _whole(api, routers)
        return api.openapi_schema

    api.openapi = whole  # type: ignore[method-assign]


def _whole(api: FastAPI, routers: Iterable[APIRouter]) -> dict[str, Any]:
    document = get_openapi(
        title="Skolnav",
        version=version("skolnav"),
        summary="The integration hub for Swedish schools",
        license_info={"name": "Apache 2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        description="Errors are problem documents (RFC 9457). None repeats anything that was sent.",
        routes=api.routes,
    )
    paths: dict[str, Any] = document["paths"]
    answers, answered = _answers(routers)
    for (path, method, status), holds in answers.items():
        paths[path][method]["responses"][status]["content"] = {JSON: {"schema": holds}}
    paths[PATH] = {"post": _ingest()}
    paths[INBOUND] = {"post": _inbound()}
    for path, operations in paths.items():
        for operation in operations.values():
            responses = operation.setdefault("responses", {})
            if path not in (PATH, INBOUND):
                responses.pop("422", None)  # FastAPI's own: the hub answers in another shape
                for error in _ERRORS:  # a route describes those that have another form
                    responses.setdefault(str(error), {"$ref": "#/components/responses/Problem"})
            if path in _PULLED:
                media_type, schema = _PULLED[path]
                responses["200"] = {"description": "Events", "content": {media_type: {"schema": schema}}}
                if path.endswith("/events"):
                    responses["200"]["headers"] = {
                        "Link": {
                            "description": 'Where to continue: `<...>; rel="next"`, with an opaque cursor',
                            "schema": {"type": "string"},
                        }
                    }
            operation["security"] = [] if path in PUBLIC else [dict(each) for each in _LOGGED_IN]
    for path, operations in described.paths().items():
        paths[path] = {
            method: {**operation, "security": [dict(each) for each in _LOGGED_IN]}
            for method, operation in operations.items()
        }
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas.update(described.components())
    schemas["Event"] = ENVELOPE
    schemas["DeliveredEvent"] = {
        **ENVELOPE,
        "description": "An event as the hub delivers it. With `payload` `id` or `none` there is no `data`.",
        "required": [name for name in ENVELOPE["required"] if name != "data"],
    }
    schemas["Problem"] = {
        "type": "object",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": {"enum": [URN + code for code in STATUSES]},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string", "description": "What is wrong and what to do"},
            "errors": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["where", "rule"],
                    "properties": {name: {"type": "string"} for name in ("where", "rule", "detail")},
                },
            },
        },
    }
    for name in schemas.keys() & answered:
        assert schemas[name] == answered[name], f"an answer and a request hold different things by the name {name}"
    schemas.update(answered)
    components.setdefault("responses", {})["Problem"] = {
        "description": "A problem document",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    components["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer", "description": "The client's own token"},
        "oauth": {"type": "oauth2", "flows": {"clientCredentials": {"tokenUrl": "/oauth/token", "scopes": {}}}},
    }
    return document


class _Sent(Plain):
    """The schemas of what the hub sends: a dataclass is sent with all its fields, also those with a default."""

    def field_is_required(self, field: Any, total: bool) -> bool:
        return bool(field.get("required", total)) if field["type"] == "typed-dict-field" else True


def _answers(routers: Iterable[APIRouter]) -> tuple[dict[tuple[str, str, str], JsonSchemaValue], dict[str, Any]]:
    """The schema of each route's `Answer` by path, method and status, and the components that these schemas name."""
    sent: list[tuple[tuple[str, str, str], JsonSchemaMode, TypeAdapter[Any]]] = []
    for route in (each for router in routers for each in router.routes if isinstance(each, Route)):
        returns = get_type_hints(route.endpoint, include_extras=True)["return"]
        # Of several answers the first has the route's own status. The decorator describes the others (`responses`).
        answer = get_args(returns)[0] if get_origin(returns) in (Union, UnionType) else returns
        if route.include_in_schema and get_origin(answer) is Answer:
            [holds] = get_args(answer)
            for method in route.methods or ():
                key = (route.path_format, method.lower(), str(route.status_code or 200))
                sent.append((key, "serialization", TypeAdapter(holds)))
    found, definitions = TypeAdapter.json_schemas(
        sent, schema_generator=_Sent, ref_template="#/components/schemas/{model}"
    )
    return {key: schema for (key, _), schema in found.items()}, definitions["$defs"]


def _ingest() -> dict[str, Any]:
    accepted = {
        "type": "object",
        "required": ["accepted", "duplicates", "ids"],
        "properties": {
            "accepted": {"type": "integer", "description": "Events that this request stored durably"},
            "duplicates": {"type": "integer", "description": "Events that were stored earlier with the same content"},
            "ids": {"type": "array", "items": {"type": "string"}, "description": "In the order of the batch"},
        },
    }
    return {
        "tags": ["events"],
        "summary": "Publish events",
        "description": f"One event or a batch, at most {MAX_BODY >> 20} MiB and {MAX_BATCH} events. The answer comes "
        "when all events are durable. A batch with one bad event stores nothing. Sending it again is harmless.",
        "operationId": "publish",
        "parameters": [
            {
                "name": f"ce-{name}",
                "in": "header",
                "required": False,
                "description": "In binary mode",
                "schema": {"type": "string"},
            }
            for name in ("specversion", "id", "source", "type", "time", "subject", "partitionkey")
        ],
        "requestBody": {
            "required": True,
            "content": {
                STRUCTURED: {"schema": _EVENT},
                BATCH: {"schema": {"type": "array", "items": _EVENT, "minItems": 1, "maxItems": MAX_BATCH}},
                JSON: {"schema": {"description": "Binary mode: `data` alone, attributes in `ce-` headers"}},
            },
        },
        "responses": {
            "202": {"description": "Durable", "content": {JSON: {"schema": accepted}}},
            **{
                str(status): {"$ref": "#/components/responses/Problem"}
                for status in (400, 401, 403, 408, 409, 413, 415, 422, 429, 503)
            },
        },
    }


def _inbound() -> dict[str, Any]:
    return {
        "tags": ["connectors"],
        "summary": "Send something to a connector",
        "description": "Each connector decides which methods and bodies it accepts here, how it answers, and how it "
        f"authenticates the caller: the hub asks for no token. At most {Connector.receive_limit >> 20} MiB, unless the "
        "connector's own documentation says otherwise. A path that a connector does not offer and a connector that "
        "does not exist get the same 404.",
        "operationId": "send_to_connector",
        "parameters": [
            {
                "name": name,
                "in": "path",
                "required": True,
                "description": meaning,
                "schema": {"type": "string"},
            }
            for name, meaning in (
                ("instance", "The name under `connectors` in the configuration"),
                ("path", "A path of the connector's own, which may contain slashes"),
            )
        ],
        "requestBody": {
            "description": "Of any media type, documented by the connector",
            # Not */*, which generators of clients skip or refuse.
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        },
        "responses": {
            "2XX": {"description": "What the connector answers"},
            **{str(status): {"$ref": "#/components/responses/Problem"} for status in (404, 408, 413, 429, 500, 503)},
        },
    }
