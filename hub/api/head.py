"""What a request's head must be before a route sees the request (RFC 9112, 3 and 6)."""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final

from hub.api.limits import MAX_FIELDS, MAX_HEAD, MAX_PIPELINED, MAX_TARGET, Limit
from hub.http.problems import ApiProblem

_FIRST_LINE: Final = re.compile(rb"[A-Z][A-Z-]{0,31} [!-~]+ HTTP/1\.[01]\r\n")
_HOST: Final = re.compile(rb"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~%-]+)(?::[0-9]{0,5})?")

UNREADABLE: Final = ApiProblem(
    "invalid-request", "This is not a readable HTTP/1.1 request. Check the program that sends it."
)
TOO_LARGE: Final = ApiProblem(
    "head-too-large",
    f"A request's first line and header fields together hold at most {MAX_HEAD >> 10} KiB, in at most {MAX_FIELDS} "
    "fields. Send fewer or shorter ones.",
)
TARGET_TOO_LONG: Final = ApiProblem(
    "target-too-long", f"A path with its query holds at most {MAX_TARGET >> 10} KiB. Send a shorter one."
)
PIPELINED: Final = ApiProblem(
    "too-many-requests",
    f"At most {MAX_PIPELINED} requests of a connection wait for earlier answers. Read those, and send the rest again.",
    {"Retry-After": "1"},
)
HEAD_LATE: Final = ApiProblem("request-timeout", "The head of the request did not arrive in time. Send it again.")
BODY_LATE: Final = ApiProblem("request-timeout", "The body did not arrive in time. Send the request again.")
_METHOD_UNKNOWN: Final = ApiProblem("not-implemented", "This method is not known here. See /openapi.json.")
_NO_HOST: Final = ApiProblem("invalid-request", "Send exactly one `Host` header, with the name of the hub's address.")
_BAD_HOST: Final = ApiProblem("invalid-request", "`Host` is not a host with an optional port. Check the program.")
_BAD_CODING: Final = ApiProblem(
    "invalid-request", "`Transfer-Encoding` must be `chunked`, once, in an HTTP/1.1 request. Check the program."
)
_UNKNOWN_CODING: Final = ApiProblem(
    "not-implemented",
    "`chunked` is the only `Transfer-Encoding` that is understood here. Send the body without others.",
)


class HeadRefused(Exception):
    """The head can't be accepted. `problem` is the answer; `limit` is the limit that it exceeds, if it exceeds one."""

    def __init__(self, problem: ApiProblem, limit: Limit | None = None) -> None:
        super().__init__(problem.code)
        self.problem = problem
        self.limit = limit


def check(fields: Sequence[tuple[bytes, bytes]], target: bytes, version: Callable[[], str]) -> None:
    """Raises HeadRefused. `fields` have names in lower case; the parser has checked their syntax and the lengths."""
    if len(fields) > MAX_FIELDS:
        raise HeadRefused(TOO_LARGE, Limit.HEAD_FIELDS)
    if len(target) > MAX_TARGET:
        raise HeadRefused(TARGET_TOO_LONG, Limit.TARGET)
    named = dict(fields)
    if len(named) == len(fields) and b"transfer-encoding" not in named and is_host(named.get(b"host", b"")):
        return  # nearly every head
    hosts = 0
    codings = b""
    for name, value in fields:
        if name == b"host":
            hosts += 1
            if not is_host(value):
                raise HeadRefused(_BAD_HOST)
        elif name == b"transfer-encoding":
            codings += b"," + value if codings else value or b","
    if hosts != 1 and (hosts or version() != "1.0"):
        raise HeadRefused(_NO_HOST)
    if codings and (codings.lower() != b"chunked" or version() == "1.0"):
        each_coding = [each.strip().lower() for each in codings.split(b",") if each.strip()]
        known = each_coding.count(b"chunked") == len(each_coding)
        raise HeadRefused(_BAD_CODING if known or version() == "1.0" else _UNKNOWN_CODING)


@lru_cache(maxsize=64)  # clients send the same one again and again
def is_host(value: bytes) -> bool:
    """Whether it is a host with an optional port."""
    return _HOST.fullmatch(value) is not None


def unreadable(data: bytes) -> ApiProblem:
    """The answer to bytes that the parser refuses: 501 if only the method is unknown (RFC 9110, 9.1), else 400."""
    return _METHOD_UNKNOWN if _FIRST_LINE.match(data) else UNREADABLE


def size(fields: Sequence[tuple[bytes, bytes]], target: bytes) -> int:
    """The bytes of a head, without its first line's method and version."""
    return len(target) + sum(len(name) + len(value) + 4 for name, value in fields)
