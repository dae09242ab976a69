"""Publishers: each has a client, a source and pupils of its own, and repeats a request until it is answered."""

import asyncio
import json
import random
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from bench.soak.clients import AGAIN_S, Client, Gone, Line
from bench.soak.truth import Pupil, Truth
from tests.peers.hub import BATCH, STRUCTURED, Answer
from tests.school import DAY, absence, envelope, uid

LARGEST: Final = 24  # events of one batch
LEFT: Final = 0.1  # the share of absences that are never withdrawn


class Mode(Enum):
    BATCH = "batch"
    STRUCTURED = "structured"
    BINARY = "binary"


@dataclass
class _Open:
    """A pupil's present absence. `end` empty: not reported yet."""

    number: int = 0
    changes: int = 0
    end: str = ""


class Publisher:
    """Sends one request at a time. `events` of one key have rising numbers, which their ids end with."""

    def __init__(self, client: Client, mode: Mode, truth: Truth, port: int, *, seed: str, pause_s: float) -> None:
        self.client = client
        self.pupils = truth.add_pupils(client.id, 32)
        self._mode, self._truth, self._pause_s = mode, truth, pause_s
        self._line = Line(client, port)
        self._random = random.Random(seed)
        self._number = 0
        self._open = {each.id: _Open() for each in self.pupils}
        self._ending = asyncio.Event()

    def end(self) -> None:
        """Send no new request; the last one is still repeated until it is answered."""
        self._ending.set()

    async def run(self) -> None:
        while not self._ending.is_set():
            events = [self._next() for _ in range(self._random.randint(1, LARGEST) if self._mode is Mode.BATCH else 1)]
            await self._publish(events)
            await asyncio.sleep(self._pause_s)
        self._line.close()

    def _next(self) -> dict[str, Any]:
        """A pupil is reported away, that is changed a few times, and most often withdrawn."""
        who = self._random.choice(self.pupils)
        now = self._open[who.id]
        id = uid("soak absence", who.id, now.number)
        # Each end differs from the one before: a change that changes nothing is no news, and reaches no recipient.
        now.changes += 1
        before, now.end = now.end, f"{DAY}T16:{now.changes % 60:02}:{self._random.randint(0, 59):02}+01:00"
        data = absence(who.id, id=id, endTime=now.end)
        if not before:
            what = "absence.reported"
        elif self._random.random() < 0.5:
            what = "absence.changed"
            data["changed"] = {"endTime": before}
        elif self._random.random() < LEFT:
            what = "absence.changed"
            data["changed"] = {"endTime": before}
            self._open[who.id] = _Open(now.number + 1)
        else:
            what = "absence.withdrawn"
            data["endTime"] = before
            self._open[who.id] = _Open(now.number + 1)
        self._truth.absences[id] = who
        self._number += 1
        return envelope(
            what, data, id=f"{self.client.id}-{self._number}", source=f"urn:soak:{self.client.id}",
            time=f"{DAY}T07:42:00+01:00",
        )  # fmt: skip

    async def _publish(self, events: list[dict[str, Any]]) -> None:
        """Until it is acknowledged."""
        refused = 0
        while True:
            try:
                answer = await self._send(events)
            except TimeoutError:
                self._truth.fault("a publisher got no answer", self.client.id)
            except Gone:
                pass
            else:
                if answer.status == 202:
                    self._acknowledge(events)
                    return
                refused += answer.status == 401
                # Between `apply` and its answer this client does not know yet that its token has ended.
                if answer.status not in (401, 408, 429, 500, 503) or refused > 50:
                    self._truth.fault(f"a publisher got {answer.status}", answer.body.decode()[:300])
                    return
            await asyncio.sleep(AGAIN_S)

    async def _send(self, events: list[dict[str, Any]]) -> Answer:
        if self._mode is Mode.BATCH:
            return await self._line.call("POST", "/v1/events", json.dumps(events).encode(), BATCH)
        [event] = events
        if self._mode is Mode.STRUCTURED:
            return await self._line.call("POST", "/v1/events", json.dumps(event).encode(), STRUCTURED)
        data = json.dumps(event["data"]).encode()
        headers = {f"ce-{name}": value for name, value in event.items() if name != "data"}
        return await self._line.call("POST", "/v1/events", data, "application/json", headers)

    def _acknowledge(self, events: list[dict[str, Any]]) -> None:
        self._truth.requests += 1
        for event in events:
            data = event["data"]
            self._truth.acknowledged[event["id"]] = self._truth.absences[data["id"]]
            self._truth.stands[data["id"]] = None if event["type"].endswith("withdrawn.v1") else data["endTime"]


async def publish_directory(client: Client, port: int, events: list[dict[str, Any]]) -> None:
    """Raises RuntimeError if the hub does not accept all of it."""
    line = Line(client, port)
    answer = await line.sure("POST", "/v1/events", json.dumps(events).encode(), BATCH)
    line.close()
    if answer.status != 202:
        raise RuntimeError(f"the directory got {answer.status}: {answer.body.decode()[:300]}")


def about(who: Pupil, *, hidden: bool) -> dict[str, Any]:
    """The directory's event that the pupil is, or is not, protected."""
    who.revision += 1
    return envelope(
        "directory.person.upserted", who.record(hidden=hidden), id=f"{who.id}-{who.revision}", source="urn:soak:sis",
    )  # fmt: skip
