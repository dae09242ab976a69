"""Publishers over HTTP that outlive the hub: each has a key of its own, and publishes its next event after the last
was acknowledged. Their numbers are what `tests.faults.checks` looks at.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, Self

from tests.faults.checks import Numbered
from tests.peers.hub import STRUCTURED, HubProcess, client, token, webhook
from tests.school import (
    ABSENCE_CHANGED,
    CURRENT,
    DAY,
    LESSON_CHANGED,
    ORGANISATION,
    PERSON,
    absence,
    envelope,
    lesson,
    organisation,
    pupil,
    uid,
)

SOURCE: Final = "urn:skolnav:load"
TYPES: Final = ("se.skolnav.schedule.*", "se.skolnav.absence.*")
CONTRACT: Final = {
    "purpose": "a test",
    "legal_basis": "none: invented people",
    "categories": ["identity", "attendance", "group", "none"],
}
_TIME: Final = "2026-11-24T07:42:00+01:00"


def configuration(*hooks: str, **more: Any) -> dict[str, Any]:
    """A publisher, webhooks `hook0`, `hook1`, ... to these addresses, and a feed `all` of client `reader`."""
    return {
        "log_level": "warning",
        "clients": [client("load", "publisher"), client("reader", "subscriber", contract=CONTRACT)],
        "subscriptions": [
            *({"client": "reader", **webhook(f"hook{n}", url, TYPES)} for n, url in enumerate(hooks)),
            {"client": "reader", "name": "all", "types": list(TYPES), "sink": {"kind": "feed"}, "from": "oldest"},
        ],
        **more,
    }


def directory(keys: int) -> list[dict[str, Any]]:
    """What must be known first: every key's pupil."""
    return [
        _event("unit", ORGANISATION, organisation()),
        *(_event(f"pupil-{key}", PERSON, pupil(uid("pupil", key), givenName=f"Elev{key}")) for key in range(keys)),
        _event("current", CURRENT, {"asOf": datetime.now(UTC).isoformat()}),
    ]


def numbered(key: int, number: int, size: int = 0) -> dict[str, Any]:
    """Of even keys a lesson, which is about nobody; of odd ones an absence. The same whenever it is published again.

    Each has another end than the one before it: a state without news would not be delivered.
    """
    entity, end = uid("entity", key), f"{DAY}T{12 + number // 60 % 10}:{number % 60:02}:00+01:00"
    if key % 2:
        return _event(f"{key}-{number}", ABSENCE_CHANGED, absence(uid("pupil", key), id=entity, endTime=end))
    data = lesson(id=entity, activity={"id": entity, "displayName": "x" * size}, endTime=end)
    return _event(f"{key}-{number}", LESSON_CHANGED, data)


def number_of(event: dict[str, Any]) -> Numbered:
    key, _, number = event["id"].partition("-")
    return key, int(number)


def numbers(events: Iterable[bytes]) -> list[Numbered]:
    return [number_of(json.loads(each)) for each in events]


def _event(id: str, what: str, data: dict[str, Any]) -> dict[str, Any]:
    return envelope(what, data, id=id, source=SOURCE, time=_TIME, datacontenttype="application/json")


class Publishers:
    """So many connections at once. They pause while `up` is not set, and go on where they were."""

    def __init__(self, hub: HubProcess, keys: int = 64, *, size: int = 0, pause_s: float = 0) -> None:
        """`size` is added to each lesson, in bytes; `pause_s` is what each waits between two events."""
        self.acknowledged: list[Numbered] = []
        self.answers: Counter[int] = Counter()
        self.retry_after: list[str] = []  # what came with each 503
        self.up = asyncio.Event()
        self._port, self._keys, self._size, self._pause_s = hub.port, keys, size, pause_s
        self._head = f"POST /v1/events HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer {token('load')}\r\n"
        self._went = asyncio.Condition()
        self._tasks: list[asyncio.Task[None]] = []

    async def wait_for(self, acknowledged: int = 0, refused: int = 0, timeout_s: float = 60) -> None:
        """Until so many have been acknowledged, and so many answers were 503."""
        async with asyncio.timeout(timeout_s), self._went:
            await self._went.wait_for(
                lambda: (
                    (len(self.acknowledged) >= acknowledged and self.answers[503] >= refused)
                    or any(task.done() for task in self._tasks)
                )
            )
        for task in self._tasks:
            if task.done():
                task.result()

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(self._publish(key)) for key in range(self._keys)]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _publish(self, key: int) -> None:
        number = 0
        while True:
            await self.up.wait()
            with suppress(OSError, asyncio.IncompleteReadError):
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
                try:
                    while self.up.is_set():
                        body = json.dumps(numbered(key, number, self._size)).encode()
                        kind = f"Content-Type: {STRUCTURED}\r\nContent-Length: {len(body)}\r\n\r\n"
                        writer.write((self._head + kind).encode() + body)
                        number += await self._answered(reader, (str(key), number))
                        if self._pause_s:
                            await asyncio.sleep(self._pause_s)
                finally:
                    writer.transport.abort()
            await asyncio.sleep(0.02)  # the hub is away: the next try

    async def _answered(self, reader: asyncio.StreamReader, event: Numbered) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        status = int(head[9:12])
        length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
        answer = await reader.readexactly(int(length or 0))
        assert status in (202, 503), answer
        async with self._went:
            self.answers[status] += 1
            if status == 202:
                self.acknowledged.append(event)
            else:
                self.retry_after.append(head.partition(b"retry-after:")[2].partition(b"\r\n")[0].decode().strip())
            self._went.notify_all()
        if status == 503:
            await asyncio.sleep(0.1)  # sooner than it asked for: a test has no time
        return status == 202
