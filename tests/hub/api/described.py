"""Every 2xx JSON answer to a client with these hooks is held to `/openapi.json`, or the test fails.

The document lets objects have more members than it names, so that a later version can add some. Here they may not: a
member that the document lacks fails too.
"""

import re
from collections.abc import Callable
from functools import cache
from typing import Any

import httpx
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

UNDESCRIBED = (
    "/openapi.json",  # the document itself
    "/v1/operator/backup",  # on the local socket alone, for the command line
    "/connectors/",  # each connector answers as it likes
)

Json = dict[str, Any]
_found: list["Document"] = []  # depends on the code alone, so that all tests of a process can share one


class Document:
    """The answers that `/openapi.json` describes."""

    def __init__(self, document: Json) -> None:
        paths = sorted(document["paths"], key=lambda path: path.count("{"))  # `/a/b` before `/a/{id}`
        self._paths = [(path, re.compile(_pattern(path))) for path in paths]
        self._operations = document["paths"]
        self._components = _closed(document["components"])
        self._validator = cache(self._compiled)

    def check(self, answer: httpx.Response) -> None:
        """Raises AssertionError."""
        called = answer.request.url.path
        path = next((path for path, pattern in self._paths if pattern.fullmatch(called)), None)
        assert path is not None, f"no path for {called}"
        method, status = answer.request.method.lower(), str(answer.status_code)
        media_type = answer.headers["content-type"]
        if wrong := best_match(self._validator(path, method, status, media_type).iter_errors(answer.json())):
            raise AssertionError(f"{method} {path} {status}: {wrong.json_path}: {wrong.message}")

    def _compiled(self, path: str, method: str, status: str, media_type: str) -> Draft202012Validator:
        described = self._operations[path][method]["responses"].get(status, {})
        assert media_type in described.get("content", {}), f"{method} {path} has no {status} of {media_type}"
        schema = _closed(described["content"][media_type]["schema"])
        return Draft202012Validator({**schema, "components": self._components})


def described_by(openapi: Callable[[], Json]) -> dict[str, list[Callable[..., Any]]]:
    """`event_hooks` for a client of this API."""

    async def check(answer: httpx.Response) -> None:
        is_json = answer.headers.get("content-type", "").endswith("json")
        if not answer.is_success or not is_json or answer.request.method == "HEAD":
            return
        if answer.request.url.path.startswith(UNDESCRIBED):
            return
        await answer.aread()
        if not _found:
            _found.append(Document(openapi()))
        _found[0].check(answer)

    return {"response": [check]}


def _pattern(path: str) -> str:
    # A subject has a slash in it: `person/<uuid>`.
    return re.sub(r"\\\{(\w+)\\\}", lambda name: ".+" if name[1] == "subject" else "[^/]+", re.escape(path))


def _closed(value: Any) -> Any:
    """A schema whose objects have no other members than those that it names."""
    if isinstance(value, list):
        return [_closed(each) for each in value]
    if not isinstance(value, dict):
        return value
    found = {key: _closed(each) for key, each in value.items()}
    if isinstance(value.get("properties"), dict) and value.get("type") == "object":
        found.setdefault("additionalProperties", False)
    return found
