"""The SS 12000 API as a part of `/openapi.json`: made from the lists, filters and shapes that serve it.

The standard's own file describes more than the hub offers. What is described here is what is answered here.
"""

from collections.abc import Iterator
from typing import Any, Final

from hub.ss12000 import deleted, filters, shapes, subscriptions
from hub.ss12000.callbacks import LIFETIME
from hub.ss12000.filters import DEFAULT_LIMIT, MAX_LIMIT, Filter
from hub.ss12000.posting import MAX_KEY, POSTED
from hub.ss12000.resources import ATTENDANCE_EVENTS, ENDPOINTS, RESOURCES, Resource
from hub.ss12000.routes import PREFIX

Json = dict[str, Any]

TAG: Final = "ss12000"
_TIME: Final[Json] = {"type": "string", "format": "date-time"}
_UUID: Final[Json] = {"type": "string", "format": "uuid"}
_META: Final[Json] = {
    "type": "object",
    "description": "When the hub received the object first, and when it received the last change",
    "required": ["created", "modified"],
    "properties": {"created": _TIME, "modified": _TIME},
}
_EMBEDDED: Final[Json] = {"type": "object", "description": "What `expand` asked for", "additionalProperties": True}
_TOKEN: Final[Json] = {
    "type": ["string", "null"],
    "description": "Where the next page begins; null on the last page",
}
_ERRORS: Final = {
    "400": "What the call gets wrong; nothing was stored",
    "401": "The token is missing, unknown or has expired",
    "403": "The client's roles or its data contract do not allow this",
    "404": "There is no such object, or the client may not see it: no body",
    "429": "Too many calls: wait for `Retry-After`",
    "503": "The hub can't answer now: send it again after `Retry-After`",
}
_CALLBACK: Final[Json] = {
    "type": "object",
    "required": ["name", "target", "resourceTypes"],
    "properties": {
        "id": {**_UUID, "readOnly": True},
        "name": {"type": "string", "minLength": 1, "maxLength": subscriptions.MAX_NAME},
        "target": {
            "type": "string",
            "format": "uri",
            "description": "The URL that the hub calls; its path is a secret",
        },
        "resourceTypes": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["resource"],
                "properties": {"resource": {"type": "string", "enum": sorted(ENDPOINTS)}},
            },
        },
        "expires": {**_TIME, "readOnly": True, "description": f"At most {LIFETIME.days} days ahead; PATCH extends it"},
    },
}


def paths() -> Json:
    """The `paths` of the SS 12000 API, as OpenAPI 3.1 has them."""
    found: Json = {}
    for resource in RESOURCES:
        name, called = resource.resource, resource.path
        here = f"{PREFIX}/{called}"
        listed = _page({"type": "array", "items": _ref(name)})
        found[here] = {"get": _operation(f"List {called}", f"list_{called}", listed, list(_parameters(resource)))}
        if resource in POSTED:
            found[here]["post"] = _posting(resource)
        found[f"{here}/lookup"] = {
            "post": {
                **_operation(
                    f"Look up {called}", f"look_up_{called}", {"type": "array", "items": _ref(name)},
                    list(_presentation(resource)),
                ),
                "requestBody": _body(_lookup(resource)),
            }
        }  # fmt: skip
        found[f"{here}/{{id}}"] = {
            "get": _operation(f"One of {called}", f"get_{called}", _ref(name), [_ID, *_presentation(resource)])
        }
    found[f"{PREFIX}/{deleted.PATH}"] = {
        "get": _operation(
            "What was deleted", "list_deleted",
            _page({"type": "object", "additionalProperties": {"type": "array", "items": _UUID}}), list(_gone()),
        )
    }  # fmt: skip
    return {**found, **_subscriptions()}


def components() -> Json:
    """The schemas that `paths` names."""
    found: Json = {
        "Ss12000Error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {"code": {"type": "string", "description": "For programs"}, "message": {"type": "string"}},
        },
        "Ss12000Reference": {
            "type": "object",
            "required": ["id"],
            "properties": {
                "id": _UUID,
                "displayName": {"type": "string", "description": "With `expandReferenceNames` only"},
            },
        },
        "Ss12000Subscription": _CALLBACK,
    }
    for resource in RESOURCES:
        shaped = shapes.schema_of(resource.shape)
        expanded = {"_embedded": _EMBEDDED} if resource.expand else {}
        found[f"Ss12000{resource.resource}"] = {
            "type": "object",
            "required": ["id"],
            "properties": {"id": _UUID, "meta": _META, **shaped["properties"], **expanded},
        }
    return found


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/Ss12000{name}"}


def _page(data: Json) -> Json:
    return {"type": "object", "required": ["data", "pageToken"], "properties": {"data": data, "pageToken": _TOKEN}}


def _body(schema: Json, *, required: bool = True) -> Json:
    return {"required": required, "content": {"application/json": {"schema": schema}}}


def _operation(
    summary: str, id: str, answer: Json | None, parameters: list[Json], *, status: str = "200", says: str = "Answered"
) -> Json:
    content = {} if answer is None else {"content": {"application/json": {"schema": answer}}}
    return {
        "tags": [TAG],
        "summary": summary,
        "operationId": f"ss12000_{id}",
        **({"parameters": parameters} if parameters else {}),
        "responses": {status: {"description": says, **content}, **{code: _error(code) for code in _ERRORS}},
    }


def _error(status: str) -> Json:
    content = {} if status == "404" else {"content": {"application/json": {"schema": _ref("Error")}}}
    return {"description": _ERRORS[status], **content}


def _parameter(name: str, schema: Json, *, says: str = "", required: bool = False, many: bool = False) -> Json:
    return {
        "name": name,
        "in": "query",
        "required": required,
        **({"description": says} if says else {}),
        "schema": {"type": "array", "items": schema} if many else schema,
    }


_ID: Final[Json] = {"name": "id", "in": "path", "required": True, "schema": _UUID}
_LIMIT: Final = _parameter("limit", {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT})
_NEXT: Final = _parameter("pageToken", {"type": "string"}, says="Of the page before; combine it with `limit` only")


def _filter(name: str, known: Filter) -> Json:
    needs = ", ".join(sorted(known.needs))
    says = [
        *(["Required, except with `pageToken`."] if known.required else []),
        *([f"A contract without {needs} gets 403."] if needs else []),
    ]
    return _parameter(name, filters.schema_of(known.parse), says=" ".join(says), many=known.many)


def _parameters(resource: Resource) -> Iterator[Json]:
    yield from (_filter(name, known) for name, known in resource.filters.items())
    yield from (_parameter(name, _TIME) for name in filters.META)
    if resource.sorts:
        yield _parameter("sortkey", {"type": "string", "enum": sorted(resource.sorts)})
    yield from _presentation(resource)
    yield from (_LIMIT, _NEXT)


def _presentation(resource: Resource) -> Iterator[Json]:
    if resource.expand:
        values: Json = {"type": "string", "enum": sorted(resource.expand)}
        yield {**_parameter("expand", values, many=True), "explode": False}
    yield _parameter("expandReferenceNames", {"type": "boolean", "default": False})


def _gone() -> Iterator[Json]:
    yield _parameter("after", _TIME)
    yield _parameter("entities", {"type": "string", "enum": sorted(ENDPOINTS)}, many=True)
    yield from (_LIMIT, _NEXT)


def _lookup(resource: Resource) -> Json:
    ids = {"type": "array", "items": _UUID}
    lists = {
        name: {"type": "array", "items": filters.schema_of(known.parse)} for name, known in resource.lookups.items()
    }
    return {"type": "object", "additionalProperties": False, "properties": {"ids": ids, **lists}}


_REQUIRED: Final = {
    "absence": ["student", "startTime", "endTime", "type"],
    "attendance": ["calendarEvent", "student", "isReported"],
    "presence": ["time", "eventType", "person", "group"],
}


def _posting(resource: Resource) -> Json:
    shaped = shapes.schema_of(resource.shape)
    given = {name: schema for name, schema in shaped["properties"].items() if name != "id"}
    key = {
        "name": "Idempotency-Key",
        "in": "header",
        "required": False,
        "description": "With it, a repeat is stored once (within 30 days)",
        "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY},
    }
    operation = _operation(
        f"Report {'an' if resource is not ATTENDANCE_EVENTS else 'a'} {resource.resource}", f"report_{resource.path}",
        _ref(resource.resource), [key], says="Stored durably",
    )  # fmt: skip
    operation["responses"]["409"] = {
        "description": "The key has been used with other content, or the object belongs to another source",
        "content": {"application/json": {"schema": _ref("Error")}},
    }
    return {
        **operation,
        "requestBody": _body({"type": "object", "required": _REQUIRED[resource.kind], "properties": given}),
    }


def _subscriptions() -> Json:
    here, one = f"{PREFIX}/{subscriptions.PATH}", _ref("Subscription")
    extend = {"type": "object", "properties": {"expires": _TIME}}
    gone = _operation("End a subscription", "delete_subscription", None, [_ID], status="204", says="Ended")
    return {
        here: {
            "get": _operation(
                "The client's subscriptions", "list_subscriptions", _page({"type": "array", "items": one}),
                [_LIMIT, _NEXT],
            ),
            "post": {
                **_operation("Subscribe", "subscribe", one, [], status="201", says="Made"),
                "requestBody": _body(one),
            },
        },
        f"{here}/{{id}}": {
            "get": _operation("One subscription", "get_subscription", one, [_ID]),
            "patch": {
                **_operation("Extend a subscription", "extend_subscription", one, [_ID]),
                "requestBody": _body(extend, required=False),
            },
            "delete": gone,
        },
    }  # fmt: skip
