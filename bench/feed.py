"""Reads a pull feed to its end, as a consumer that catches up does."""

import http.client
import re
import time
from dataclasses import dataclass
from typing import Final

from bench.load import TOKEN

PAGE: Final = 1000
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
        found = body.count(b'"specversion"')
        if not found:
            break
        events, pages = events + found, pages + 1
        link = _NEXT.search(answer.headers["Link"])
        assert link is not None
        path = link[1]
    connection.close()
    return Read(events, pages, time.perf_counter() - began)
