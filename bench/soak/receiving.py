"""Recipients of every kind. Each notes what came, and at once what must never come."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import quote

from bench.soak.clients import AGAIN_S, ANSWER_S, Client, Gone, Line
from bench.soak.truth import Protection, Truth
from tests.peers.hub import Answer
from tests.peers.webhook import Received, WebhookReceiver, hang, status

MARGIN: Final = timedelta(seconds=10)  # an event is stored a moment after the time that the hub gives it
_BASE: Final = "/ss12000/v2.0"


class Arrivals:
    """What one recipient got. `live` has each event's first arrival that no replay brought."""

    def __init__(self, name: str, truth: Truth) -> None:
        self.name = name
        self.live: dict[str, None] = {}
        self.repeats = 0
        self.replayed = 0
        self.restated = 0
        self.paused = False
        """The hub has acknowledged that nothing is delivered to this recipient."""
        self._truth = truth
        self._newest: dict[tuple[str, str], int] = {}

    def arrived(self, event: dict[str, Any]) -> None:
        """An event reached the recipient. It counts once the recipient has accepted it."""
        who = self._truth.absences.get(event["data"]["id"])
        if who is None:
            self._truth.fault(f"{self.name} got an event that was never published", event["id"])
        elif who.hidden:
            self._truth.fault(f"{self.name} got an event about a protected person", event["id"])
        if self.paused:
            self._truth.fault(f"{self.name} got an event while paused", event["id"])

    def accepted(self, event: dict[str, Any]) -> None:
        id = event["id"]
        who = self._truth.absences[event["data"]["id"]]
        publisher, _, number = id.rpartition("-")
        if "skolnavlane" in event:
            self.replayed += 1
        elif who.protection is not Protection.NEVER:
            self.restated += 1  # what was denied first comes late, in no order
        elif id in self.live:
            self.repeats += 1
        elif not number.isdecimal():
            self._truth.fault(f"{self.name} got a restated event of a person who was never protected", id)
        else:
            key = (publisher, who.id)
            if int(number) < self._newest.get(key, 0):
                self._truth.fault(f"{self.name} got a first arrival after a later one of its key", id)
            self._newest[key] = int(number)
            self.live[id] = None


class Hook:
    """A webhook's receiver. `trouble` is how it misbehaves; each event suffers from that twice at most."""

    def __init__(self, arrivals: Arrivals, receiver: WebhookReceiver) -> None:
        self.arrivals = arrivals
        self.trouble = ""
        self._suffered: dict[str, int] = {}
        self._receiver = receiver
        receiver.answer = self._answer

    @property
    def url(self) -> str:
        return self._receiver.url

    async def _answer(self, request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._receiver.received.clear()
        event = json.loads(request.body)
        self.arrivals.arrived(event)
        if self.trouble and self._suffered.get(event["id"], 0) < 2:
            self._suffered[event["id"]] = self._suffered.get(event["id"], 0) + 1
            if self.trouble == "slow":
                await asyncio.sleep(0.5)
            elif self.trouble == "fails":
                await status(503)(request, reader, writer)
                return
            elif self.trouble == "hangs":
                await hang(request, reader, writer)
            else:
                raise ConnectionError
        self.arrivals.accepted(event)
        await status(204)(request, reader, writer)


class Passing:
    """The receiver of subscriptions that come and go, each with a path. `deleted` has the paths of the deleted ones."""

    def __init__(self, arrivals: Arrivals, receiver: WebhookReceiver, truth: Truth) -> None:
        self.arrivals = arrivals
        self.deleted: set[str] = set()
        self.got = 0
        self._receiver, self._truth = receiver, truth
        receiver.answer = self._answer

    def url(self, path: str) -> str:
        return self._receiver.url.removesuffix("/hook") + path

    async def _answer(self, request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._receiver.received.clear()
        if request.path in self.deleted:
            self._truth.fault("a deleted subscription's webhook was called", f"{request.method} {request.path}")
        if request.method == "OPTIONS":
            await status(200, "WebHook-Allowed-Origin: *")(request, reader, writer)
            return
        self.got += 1
        self.arrivals.arrived(json.loads(request.body))
        await status(204)(request, reader, writer)


class Pull:
    """What the readers share: a client, its subscription, and what an answer means."""

    def __init__(self, arrivals: Arrivals, client: Client, port: int, truth: Truth) -> None:
        self.arrivals = arrivals
        self.client = client
        self._port, self._truth = port, truth
        self._refused = 0

    def _ended(self, token: str) -> None:
        if token in self.client.ended:
            self._truth.fault(f"{self.arrivals.name} was answered under a token that had ended")

    async def _wait(self, code: int, body: bytes) -> None:
        """After an answer without events."""
        self._refused = self._refused + 1 if code == 401 else 0
        # Between `apply` and its answer this client does not know yet that its token has ended.
        if code not in (401, 409, 429, 503) or self._refused > 50:
            self._truth.fault(f"{self.arrivals.name} got {code}", body.decode()[:300])
        await asyncio.sleep(AGAIN_S)


class FeedReader(Pull):
    """Long polls, one page after the other."""

    async def run(self) -> None:
        line = Line(self.client, self._port)
        try:
            await self._read(line)
        finally:
            line.close()

    async def _read(self, line: Line) -> None:
        path = f"/v1/subscriptions/{self.arrivals.name}/events?limit=50&wait=5"
        while True:
            try:
                answer = await line.call("GET", path)
            except TimeoutError:
                self._truth.fault(f"{self.arrivals.name} got no answer")
            except Gone:
                await asyncio.sleep(AGAIN_S)
            else:
                if answer.status == 200:
                    self._refused = 0
                    path = self._page(answer, line.token)
                else:
                    await self._wait(answer.status, answer.body)

    def _page(self, answer: Answer, token: str) -> str:
        """Returns the path of the next page."""
        self._ended(token)
        for event in answer.json():
            self.arrivals.arrived(event)
            self.arrivals.accepted(event)
        return answer.headers["link"].partition(">")[0].removeprefix("<")


class StreamReader(Pull):
    """Server-sent events; connects again with the last id."""

    async def run(self) -> None:
        last = ""
        while True:
            token = self.client.token
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port, limit=1 << 22)
            except OSError:
                await asyncio.sleep(AGAIN_S)
                continue
            try:
                resume = f"Last-Event-ID: {last}\r\n" if last else ""
                writer.write(
                    f"GET /v1/subscriptions/{self.arrivals.name}/stream HTTP/1.1\r\nHost: hub\r\n"
                    f"Authorization: Bearer {token}\r\n{resume}\r\n".encode()
                )
                head = await reader.readuntil(b"\r\n\r\n")
                if (code := int(head[9:12])) == 200:
                    self._refused = 0
                    async for frame in _frames(reader):
                        last = self._frame(frame, token) or last
                else:
                    await self._wait(code, b"")
            except TimeoutError:
                self._truth.fault(f"{self.arrivals.name} got neither an event nor a heartbeat")
            except Gone:
                pass
            finally:
                writer.transport.abort()
            await asyncio.sleep(AGAIN_S)

    def _frame(self, frame: bytes, token: str) -> str:
        """Returns its id; empty: a heartbeat."""
        if frame.startswith(b":"):
            return ""
        self._ended(token)
        fields = dict(line.split(b": ", 1) for line in frame.splitlines())
        if b"data" in fields:
            event = json.loads(fields[b"data"])
            self.arrivals.arrived(event)
            self.arrivals.accepted(event)
        return fields[b"id"].decode()


async def _frames(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """The frames of a chunked event stream."""
    kept = b""
    while True:
        async with asyncio.timeout(ANSWER_S):
            size = int((await reader.readuntil(b"\r\n")).strip(), 16)
            kept += (await reader.readexactly(size + 2))[:-2]
        if not size:
            return
        *whole, kept = kept.split(b"\n\n")
        for frame in whole:
            yield frame


class SchoolReader(Pull):
    """Reads absences by the school standard, then what has changed, and keeps a mirror of them."""

    def __init__(self, arrivals: Arrivals, client: Client, port: int, truth: Truth) -> None:
        super().__init__(arrivals, client, port, truth)
        self.mirror: dict[str, str] = {}
        """The end of each absence."""
        self.read = 0
        self._line = Line(client, port)
        self._since = ""

    async def run(self) -> None:
        while True:
            await self.again()
            await asyncio.sleep(1)

    async def again(self) -> None:
        """Read what has changed since the last time."""
        began = datetime.now(UTC)
        changed = f"&meta.modified.after={self._since}" if self._since else ""
        self.mirror |= await self.absences(changed)
        if self._since:
            for id in await self._gone():
                self.mirror.pop(id, None)
        self._since = quote((began - MARGIN).isoformat().replace("+00:00", "Z"))

    def close(self) -> None:
        """Leave the hub; the next call connects again."""
        self._line.close()

    async def absences(self, query: str = "") -> dict[str, str]:
        """The end of each absence that a list has. The list is read anew where the hub went away."""
        while True:
            found: dict[str, str] = {}
            path = f"{_BASE}/absences?limit=200{query}"
            while (answer := await self._ask(path)) is not None:
                page = answer.json()
                for each in page["data"]:
                    if self._truth.absences[each["id"]].hidden:
                        self._truth.fault(f"{self.arrivals.name} read about a protected person", each["id"])
                    found[each["id"]] = each["endTime"]
                self.read += len(page["data"])
                if page["pageToken"] is None:
                    return found
                path = f"{_BASE}/absences?limit=200&pageToken={quote(page['pageToken'])}"
            await asyncio.sleep(AGAIN_S)

    async def _gone(self) -> list[str]:
        while True:
            found: list[str] = []
            path = f"{_BASE}/deletedEntities?after={self._since}&entities=Absence&limit=1000"
            while (answer := await self._ask(path)) is not None:
                page = answer.json()
                found += page["data"].get("absences", page["data"].get("Absence", []))
                if page["pageToken"] is None:
                    return found
                path = f"{_BASE}/deletedEntities?limit=1000&pageToken={quote(page['pageToken'])}"
            await asyncio.sleep(AGAIN_S)

    async def _ask(self, path: str) -> Answer | None:
        """None: no answer, or a refusal that passes."""
        try:
            answer = await self._line.call("GET", path)
        except TimeoutError:
            self._truth.fault(f"{self.arrivals.name} got no answer", path)
        except Gone:
            pass
        else:
            if answer.status == 200:
                self._refused = 0
                self._ended(self._line.token)
                return answer
            await self._wait(answer.status, answer.body)
        return None
