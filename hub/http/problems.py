"""Problem documents (RFC 9457): every error of the API, in one shape, without a word of what was sent.

`type` is a stable URN that programs may act on. `title` is Swedish where the caller prefers it (`Accept-Language`);
`detail` says what, where and what to do, in English, as the rest of the API does.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from schemas import Problem as EventProblem

MEDIA_TYPE: Final = "application/problem+json"
URN: Final = "urn:skolnav:problem:"

NO_SUCH_PATH: Final = "No such path. See /openapi.json for what is served."

SHOWN: Final = 100  # entries of `errors`, at most

# code -> (status, English title, Swedish title)
TITLES: Final[Mapping[str, tuple[int, str, str]]] = {
    "invalid-request": (400, "The request is not valid", "Anropet är inte giltigt"),
    "cursor-unknown": (400, "The cursor is not one of this subscription", "Markören hör inte till prenumerationen"),
    "unauthenticated": (401, "No valid credentials", "Giltig inloggning saknas"),
    "role-missing": (403, "The client lacks a role", "Klienten saknar en roll"),
    "not-permitted-to-publish": (403, "The client may not publish this", "Klienten får inte publicera detta"),
    "no-contract": (403, "The client has no data contract", "Klienten saknar dataavtal"),
    "contract-too-wide": (403, "More than the client's contract allows", "Mer än klientens avtal tillåter"),
    "not-found": (404, "Nothing here", "Ingenting finns här"),
    "method-not-allowed": (405, "The method is not allowed here", "Metoden är inte tillåten här"),
    "request-timeout": (408, "The request took too long to arrive", "Anropet tog för lång tid att komma fram"),
    "id-conflict": (409, "A known id came with other content", "Ett känt id kom med annat innehåll"),
    "owned-by-file": (409, "The configuration file owns this", "Konfigurationsfilen äger detta"),
    "state-conflict": (409, "Not possible in its present state", "Inte möjligt i nuvarande läge"),
    "cursor-too-old": (410, "The cursor is older than what is kept", "Markören är äldre än det som sparas"),
    "too-large": (413, "Too much at once", "För mycket på en gång"),
    "media-type": (415, "This content type is not taken", "Innehållstypen tas inte emot"),
    "invalid-event": (422, "An event is not valid", "En händelse är inte giltig"),
    "invalid-content": (422, "The content is not valid", "Innehållet är inte giltigt"),
    "too-many-requests": (429, "Too many requests at a time", "För många anrop samtidigt"),
    "internal": (500, "The hub failed", "Hubben misslyckades"),
    "unavailable": (503, "Not possible right now", "Inte möjligt just nu"),
}

_NAMED_BY_CALLER: Final = frozenset({"extra_forbidden", "filter.value"})
_SWEDISH_FIRST: Final = re.compile(r"\s*sv\b", re.IGNORECASE)


@dataclass
class ApiProblem(Exception):
    """An error that ends a request. `detail` never quotes input; `more` are extension members."""

    code: str
    detail: str
    headers: Mapping[str, str] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def status(self) -> int:
        return TITLES[self.code][0]

    def body(self, accept_language: str = "") -> bytes:
        status, english, swedish = TITLES[self.code]
        title = swedish if language(accept_language) == "sv" else english
        return orjson.dumps(
            {
                "type": URN + self.code,
                "title": title,
                "status": status,
                "detail": self.detail,
                **self.more,
            }
        )


def language(accept_language: str) -> str:
    """`sv` where the header asks for Swedish first, else `en`."""
    return "sv" if _SWEDISH_FIRST.match(accept_language) else "en"


def invalid_events(problems: Iterable[EventProblem]) -> ApiProblem:
    """422 with one entry per thing that is wrong, at most `SHOWN` of them."""
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
    """422 from pydantic's errors: place, rule and what it says; the input is left out.

    Only the expected names may stand in a place, never a key that the caller made up: those become `(unknown)`.
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
        "Mend what `errors` names; /openapi.json describes what is taken here.",
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
        "The token is not known here, or it has run out. Check it, or get a new one from POST /oauth/token."
        if token_given
        else "Send `Authorization: Bearer <token>`: the client's own token, or one from POST /oauth/token.",
        headers={"WWW-Authenticate": challenge},
    )


def unavailable(detail: str, retry_after_s: int) -> ApiProblem:
    return ApiProblem("unavailable", detail, headers={"Retry-After": str(retry_after_s)})
