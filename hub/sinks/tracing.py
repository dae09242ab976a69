"""A delivery's W3C Trace Context: the `traceparent` and `tracestate` that the event's publisher has given it.

The event keeps both, as CloudEvents' distributed tracing extension. As HTTP headers too, a recipient's tracing
continues the publisher's trace. The headers come from the permitted bytes, so they hold what the recipient may see.
Where the hub makes spans, its own span of the attempt takes the publisher's place as the parent, in the same trace.
https://www.w3.org/TR/trace-context/
"""

import json
import re
from typing import Final

_PARENT: Final = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_STATE: Final = re.compile(r"[\x20-\x7e]{1,512}")  # what every participant passes on
_MARK: Final = b'"traceparent"'


def trace_headers(body: bytes, ours: str = "") -> bytes:
    """The header lines for a body that is one JSON event; empty where it has no well-formed `traceparent`.

    `ours`: the `traceparent` of the hub's own span, if it makes one.
    """
    if _MARK not in body:
        return b""
    event = json.loads(body)
    parent, state = event.get("traceparent"), event.get("tracestate")
    if not isinstance(parent, str) or not _PARENT.fullmatch(parent):
        return b""
    if ours[3:35] == parent[3:35]:  # the trace id: a trace that the recipient may not see is never named
        parent = ours
    lines = f"traceparent: {parent}\r\n"
    if isinstance(state, str) and _STATE.fullmatch(state):
        lines += f"tracestate: {state}\r\n"
    return lines.encode("ascii")
