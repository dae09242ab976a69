"""Problem documents (RFC 9457): every error of the API, in one shape. None repeats anything that was sent.

`type` is a stable URN that programs may act on. `title` is Swedish where the caller prefers it (`Accept-Language`);
`detail` says what is wrong, where, and what to do: in the caller's
language where an operator's command can meet it, else in English.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from hub.http.languages import preferred
from hub.texts import Language, Text, both, text
from schemas import Problem as EventProblem

MEDIA_TYPE: Final = "application/problem+json"
URN: Final = "urn:skolnav:problem:"

NO_SUCH_PATH: Final = "No such path. See /openapi.json for what is served."

SHOWN: Final = 100  # entries of `errors`, at most

# Each code with its status. The title is the text `problem.<code>` of the catalogue (`hub.texts`).
STATUSES: Final[Mapping[str, int]] = {
    "invalid-request": 400,
    "cursor-unknown": 400,
    "unauthenticated": 401,
    "role-missing": 403,
    "not-permitted-to-publish": 403,
    "no-contract": 403,
    "contract-too-wide": 403,
    "not-found": 404,
    "method-not-allowed": 405,
    "request-timeout": 408,
    "id-conflict": 409,
    "owned-by-another": 409,
    "owned-by-file": 409,
    "state-conflict": 409,
    "cursor-too-old": 410,
    "too-large": 413,
    "target-too-long": 414,
    "media-type": 415,
    "invalid-event": 422,
    "invalid-content": 422,
    "too-many-requests": 429,
    "head-too-large": 431,
    "internal": 500,
    "not-implemented": 501,
    "unavailable": 503,
}

_NAMED_BY_CALLER: Final = frozenset({"extra_forbidden", "filter.value"})


@dataclass
class ApiProblem(Exception):
    """An error that ends a request. `detail` never quotes input; `more` are extension members."""

    code: str
    detail: str | Text
    headers: Mapping[str, str] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def status(self) -> int:
        return STATUSES[self.code]

    def in_language(self, language: Language) -> str:
        """The detail in this language, or in English where it has only that."""
        return self.detail if isinstance(self.detail, str) else self.detail.say(language, {})

    def body(self, accept_language: str = "") -> bytes:
        language = preferred(accept_language)
        return orjson.dumps(
            {
                "type": URN + self.code,
                "title": text(f"problem.{self.code}", language),
                "status": self.status,
                "detail": self.in_language(language),
                **self.more,
            }
        )


def invalid_events(problems: Iterable[EventProblem]) -> ApiProblem:
    """422 with an entry for each thing that is wrong, at most `SHOWN` entries."""
    found = list(problems)
    bad = len(found)
    left_out = f" The first {SHOWN} are listed." if bad > SHOWN else ""
    return ApiProblem(
        "invalid-event",
        f"{bad} {'thing is' if bad == 1 else 'things are'} wrong; nothing was stored.{left_out} "
        "Mend what `errors` names and send all of it again; GET /v1/catalogue/{type} has the schema and examples.",
        more={"errors": [{"where": p.where, "rule": p.rule, "detail": p.says} for p in found[:SHOWN]]},
    )


def invalid_content(errors: Iterable[Mapping[str, Any]], place: str = "body") -> ApiProblem:
    """422 from pydantic's errors: place, rule and text, without the input.

    A place holds only names that the model knows. A key that the caller made up becomes `(unknown)`.
    """
    listed = []
    for error in errors:
        loc = [part for part in error["loc"] if part != place]
        if error["type"] in _NAMED_BY_CALLER and loc:
            loc[-1] = "(unknown)"
        where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc).lstrip(".") or "$"
        listed.append({"where": where, "rule": error["type"], "detail": _says(error)})
    return ApiProblem(
        "invalid-content",
        both("refusal.content"),
        more={"errors": listed},
    )


def _says(error: Mapping[str, Any]) -> str:
    if error["type"] == "union_tag_invalid":  # pydantic's text quotes the tag that was sent
        return f"Input should be {error['ctx']['expected_tags']}"
    return str(error["msg"]).removeprefix("Value error, ")


def unauthenticated(*, token_given: bool) -> ApiProblem:
    challenge = 'Bearer realm="skolnav"' + (', error="invalid_token"' if token_given else "")
    return ApiProblem(
        "unauthenticated",
        "The token is unknown or has expired. Check it, or get a new one from POST /oauth/token."
        if token_given
        else "Send `Authorization: Bearer <token>`: the client's own token, or one from POST /oauth/token.",
        headers={"WWW-Authenticate": challenge},
    )


def unavailable(detail: str | Text, retry_after_s: int) -> ApiProblem:
    return ApiProblem("unavailable", detail, headers={"Retry-After": str(retry_after_s)})
