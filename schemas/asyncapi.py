"""The catalogue as AsyncAPI 3: how events are published, and the three ways in which recipients get them."""

from typing import Any, Final

from pydantic.json_schema import models_json_schema

from schemas.catalogue import Catalogue, Entry
from schemas.event import BATCH, STRUCTURED
from schemas.export import ENVELOPE, Plain, description

Json = dict[str, Any]

_HTTP: Final = "0.3.0"  # the version of the HTTP bindings
_ID: Final[Json] = {"id": {"description": "The subscription's id, from the answer to POST /v1/subscriptions"}}
_CURSOR: Final = "An opaque cursor: where the reader continues"
_PAGE: Final[Json] = {
    "type": "object",
    "properties": {
        "after": {"type": "string", "description": f"{_CURSOR}. Left out: where the subscription begins"},
        "limit": {"type": "integer", "minimum": 1, "maximum": 5000, "default": 100},
        "wait": {"type": "integer", "minimum": 0, "maximum": 60, "description": "Seconds to wait for the next event"},
    },
}
_SIGNED: Final[Json] = {
    "type": "object",
    "required": ["webhook-id", "webhook-timestamp", "webhook-signature"],
    "properties": {
        "webhook-id": {"type": "string", "description": "The same on every repeat"},
        "webhook-timestamp": {"type": "string", "description": "Seconds since 1970, when the attempt was made"},
        "webhook-signature": {
            "type": "string",
            "description": "Standard Webhooks: `v1,` (HMAC-SHA256) or `v1a,` (Ed25519) and base64, separated by spaces",
        },
    },
}


def asyncapi(
    catalogue: Catalogue,
    *,
    version: str,
    title: str = "Skolnav",
    host: str = "hub.example",
    protocol: str = "https",
) -> Json:
    """An AsyncAPI 3.0 document: a channel for publishing, one each for webhooks, feeds and streams.

    `version` is the version of the hub; `host` (with a port if it has one) and `protocol` are its address. Messages are
    whole CloudEvents in structured mode.
    """
    entries = list(catalogue)
    names, definitions = models_json_schema(
        [(entry.model, "validation") for entry in entries],
        ref_template="#/components/schemas/{model}",
        schema_generator=Plain,
    )
    messages = {entry.type: _message(catalogue, entry, names[entry.model, "validation"]) for entry in entries}
    signed = {f"webhook.{entry.type}": _signed(entry) for entry in entries}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": title,
            "version": version,
            "description": "Event types of the school's integration hub. A recipient gets only the fields whose "
            "categories its data contract allows: see `x-category` on the fields.",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": STRUCTURED,
        "servers": _servers(host, protocol),
        "channels": _channels(list(messages), list(signed)),
        "operations": _operations(),
        "components": {
            "messages": {**messages, **signed},
            "messageTraits": {
                "signed": {
                    "description": "A delivery to a webhook is signed. Verify it before reading the body.",
                    "headers": _SIGNED,
                    "bindings": {"http": {"headers": _SIGNED, "bindingVersion": _HTTP}},
                }
            },
            "schemas": {"CloudEvent": ENVELOPE, **definitions.get("$defs", {})},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "The client's own token"},
                "oauth": {
                    "type": "oauth2",
                    "flows": {
                        "clientCredentials": {"tokenUrl": f"{protocol}://{host}/oauth/token", "availableScopes": {}}
                    },
                },
            },
        },
    }


def _message(catalogue: Catalogue, entry: Entry, data: Json) -> Json:
    return {
        "name": entry.type,
        "contentType": STRUCTURED,
        "summary": description(entry.model).partition("\n")[0],
        "payload": {
            "allOf": [
                {"$ref": "#/components/schemas/CloudEvent"},
                {"properties": {"type": {"const": entry.type}, "data": data}},
            ]
        },
        "examples": [
            {"name": f"example-{index + 1}", "payload": catalogue.example(entry, index)}
            for index in range(len(entry.spec.examples))
        ],
    }


def _signed(entry: Entry) -> Json:
    return {
        "name": entry.type,
        "contentType": STRUCTURED,
        "summary": description(entry.model).partition("\n")[0],
        "payload": {"$ref": f"#/components/messages/{entry.type}/payload"},
        "traits": [{"$ref": "#/components/messageTraits/signed"}],
    }


def _servers(host: str, protocol: str) -> Json:
    return {
        "hub": {
            "host": host,
            "protocol": protocol,
            "description": "The hub: publishing, feeds and streams",
            "security": [{"$ref": f"#/components/securitySchemes/{each}"} for each in ("bearer", "oauth")],
        },
        "recipient": {
            "host": "{recipient}",
            "protocol": "https",
            "description": "A recipient's own server, which its webhook subscription names in `sink.url`",
            "variables": {"recipient": {"default": "recipient.example", "description": "Host and port of `sink.url`"}},
        },
    }


def _channels(messages: list[str], signed: list[str]) -> Json:
    plain = {name: {"$ref": f"#/components/messages/{name}"} for name in messages}
    hub = [{"$ref": "#/servers/hub"}]
    return {
        "publish": {
            "address": "/v1/events",
            "description": f"One event, {STRUCTURED}, or a batch, {BATCH}, or binary mode. The hub answers 202 when "
            "all of it is durable.",
            "servers": hub,
            "messages": plain,
        },
        "webhook": {
            "address": "{path}",
            "description": "The hub sends one event at a time per ordering key to the recipient's URL.",
            "servers": [{"$ref": "#/servers/recipient"}],
            "parameters": {"path": {"description": "The path of `sink.url`"}},
            "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in signed},
        },
        "feed": {
            "address": "/v1/subscriptions/{id}/events",
            "description": f"A page of events, {BATCH}. The header `Link` (rel=next) leads to the next page.",
            "servers": hub,
            "parameters": _ID,
            "messages": plain,
        },
        "stream": {
            "address": "/v1/subscriptions/{id}/stream",
            "description": "Server-sent events, text/event-stream: `event` is the type, `data` the event, and `id` the "
            "cursor, which a reader sends as `Last-Event-ID` when it connects again.",
            "servers": hub,
            "parameters": _ID,
            "messages": plain,
        },
    }


def _operations() -> Json:
    def operation(action: str, channel: str, summary: str, method: str, **more: Any) -> Json:
        return {
            "action": action,
            "channel": {"$ref": f"#/channels/{channel}"},
            "summary": summary,
            "bindings": {"http": {"method": method, **more, "bindingVersion": _HTTP}},
        }

    return {
        "publish": operation("receive", "publish", "A client publishes events", "POST"),
        "deliver": operation("send", "webhook", "The hub delivers an event to a webhook", "POST"),
        "read": operation("send", "feed", "A client reads a page of its feed", "GET", query=_PAGE),
        "stream": operation("send", "stream", "A client listens to its stream", "GET"),
    }
