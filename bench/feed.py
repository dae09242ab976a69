"""Reads a pull feed or a stream to its end, as a consumer that catches up does."""

import http.client
import re
import time
from dataclasses import dataclass
from typing import Final

from bench.load import TOKEN

PAGE: Final = 1000
_EVENT: Final = b'"specversion"'
_NEXT: Final = re.compile(r'<([^>]+)>\s*;\s*rel="?next"?')


@dataclass(frozen=True)
class Read:
    events: int
    pages: int
    took_s: float


def read_all(port: int, subscription: str) -> Read:
    """Page after page until one is empty. Events are counted, not parsed: the hub is what is measured."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    path = f"/v1/subscriptions/{subscription}/events?limit={PAGE}"
    events = pages = 0
    began = time.perf_counter()
    while True:
        connection.request("GET", path, headers={"Authorization": f"Bearer {TOKEN}"})
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise SystemExit(f"the feed answered {answer.status}: {body[:500]!r}")
        found = body.count(_EVENT)
        if not found:
            break
        events, pages = events + found, pages + 1
        link = _NEXT.search(answer.headers["Link"])
        assert link is not None
        path = link[1]
    connection.close()
    return Read(events, pages, time.perf_counter() - began)


def follow(port: int, subscription: str, number: int) -> float:
    """Open a stream from its beginning, and read so many events. Gives the seconds until the last of them."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    began = time.perf_counter()
    connection.request("GET", f"/v1/subscriptions/{subscription}/stream", headers={"Authorization": f"Bearer {TOKEN}"})
    answer = connection.getresponse()
    if answer.status != 200:
        raise SystemExit(f"the stream answered {answer.status}")
    found, end = 0, b""
    while found < number:
        piece = answer.read1(1 << 16)
        if not piece:
            raise SystemExit(f"the stream ended after {found} of {number} events")
        found += (end + piece).count(_EVENT)
        end = piece[1 - len(_EVENT) :]  # shorter than what is looked for, which a read may cut
    took_s = time.perf_counter() - began
    connection.close()
    return took_s
