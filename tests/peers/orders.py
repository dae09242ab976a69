"""A real HTTPS server that takes orders as JSON, on loopback under a certificate of its own authority."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.peers.tls import Authority
from tests.peers.webhook import Received, WebhookReceiver, status, then_close

TOKEN = "hemlig-token-1"


class Orders:
    """The system: orders by key. Also `plugins.testing.suites.FaultyPeer`."""

    def __init__(self, server: WebhookReceiver, authority: Authority, *, readable: bool) -> None:
        self.server = server
        self.authority = authority
        self.readable = readable
        self.orders: dict[str, bytes] = {}  # in the order in which they came
        self.answers: list[Any] = []  # instead of its own, one for each request to come
        self.refuses: dict[str, int] = {}  # kitchen: the status that its orders get
        self.probed = 0  # the status that a question for an order of an unknown kitchen gets; 0: as for any other
        self.keep = True  # False: says yes and forgets
        self._down, self._slow_s, self._wrong = False, 0.0, False
        server.answer = self._answer

    def settings(self, **changes: Any) -> dict[str, Any]:
        """The settings of a wire that reaches it."""
        return {
            "url": f"https://127.0.0.1:{self.server.port}/orders",
            "token": TOKEN,
            "ca_file": str(self.authority.file()),
            "read_back": self.readable,
            "timeout_s": 5,  # a busy machine needs some of it
            "deadline_s": 10,
            **changes,
        }

    def transport(self, **changes: Any) -> dict[str, Any]:
        """The same as the kitchen connector's `transport`."""
        return {"kind": "https", **self.settings(**changes)}

    def documents(self) -> list[dict[str, Any]]:
        return [json.loads(body) for body in self.orders.values()]

    def effects(self) -> Sequence[tuple[str, bytes]]:
        return list(self.orders.items())

    def bytes(self) -> bytes:
        """Every request line, header and body that came."""
        return b"\n".join(
            f"{each.method} {each.path} {each.headers}\n".encode() + each.body for each in self.server.received
        )

    def reset(self) -> None:
        self.orders.clear()
        self.server.received.clear()

    def far_side(self, effect: tuple[str, bytes]) -> str:
        return effect[0].partition("/")[0]

    def refuse_one(self, kitchen: str, on: bool) -> None:
        self.refuses = {kitchen: 422} if on else {}

    def down(self, on: bool) -> None:
        self._down = on

    def slow(self, seconds: float) -> None:
        self._slow_s = seconds

    def wrong(self, on: bool) -> None:
        self._wrong = on

    async def _answer(self, request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._down:
            writer.close()
            return
        await asyncio.sleep(self._slow_s)
        if self._wrong:
            answer = status(200, "Content-Type: text/html; charset=utf-8", body=b"<html>Logga in</html>")
        elif self.answers:
            answer = self.answers.pop(0)
        else:
            answer = self._own(request)
        await answer(request, reader, writer)

    def _own(self, request: Received) -> Any:
        key = request.path.removeprefix("/orders/")
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return then_close(status(401))
        if request.method == "PUT" and (refused := self.refuses.get(key.partition("/")[0])):
            return status(refused, body=b"secret-of-the-server")
        if request.method == "GET":
            if self.probed and key.startswith("SKOLNAV-TEST"):
                return status(self.probed)
            if not self.readable:
                return status(405)
            return status(200, body=self.orders[key]) if key in self.orders else status(404)
        if request.method != "PUT" or request.headers.get("idempotency-key") != f'"{key}"':
            return status(400)
        if key in self.orders:
            return status(200 if self.orders[key] == request.body else 409)
        if self.keep:
            self.orders[key] = request.body
        return status(201)


@asynccontextmanager
async def order_peer(
    folder: Path, *, readable: bool = False, name: str = "127.0.0.1", expired: bool = False
) -> AsyncIterator[Orders]:
    """Run one, with a certificate for `name`."""
    folder.mkdir(parents=True, exist_ok=True)
    authority = Authority(folder)
    async with WebhookReceiver(tls=authority.server_context(name, expired=expired)) as server:
        yield Orders(server, authority, readable=readable)
