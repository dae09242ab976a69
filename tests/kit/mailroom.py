"""A right connector that is called (`receive`), and one that listens (`run`), with a source for it to listen to."""

import asyncio
import hashlib
import hmac
import json
import socketserver
import threading
import time
from typing import Any

from pydantic import Field, SecretStr

from plugins import Answer, Connector, ConnectorConfig, Received
from tests.kit.right import AwayCount


class MailroomConfig(ConnectorConfig):
    key: SecretStr = Field(description="Key of the signatures.")


def sign(body: bytes) -> str:
    return hmac.new(b"a-very-secret-token", body, hashlib.sha256).hexdigest()


def read_count(body: bytes) -> dict[str, Any] | None:
    """None for what is no count."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or not isinstance(found.get("away"), int):
        return None
    id = found.get("id")
    return found if isinstance(id, str) and len(id) <= 100 else None


class Mailroom(Connector[MailroomConfig]):
    """Takes counts that a source sends, signed, each with an id."""

    name = "mailroom"
    config_model = MailroomConfig
    produces = (AwayCount,)

    async def receive(self, request: Received) -> Answer | None:
        body = await request.body()
        if not self.is_known(request, body):
            return None
        counted = self.read(body)
        if counted is None:
            return Answer(422)
        await self.take(counted)
        return Answer(202)

    def is_known(self, request: Received, body: bytes) -> bool:
        key = self.config.key.get_secret_value().encode()
        wanted = hmac.new(key, body, hashlib.sha256).hexdigest()
        return hmac.compare_digest(wanted, request.headers.get("x-sign", ""))

    def read(self, body: bytes) -> dict[str, Any] | None:
        return read_count(body)

    def is_taken(self, state: Any, counted: dict[str, Any]) -> bool:
        return f"taken/{counted['id']}" in state

    async def take(self, counted: dict[str, Any]) -> None:
        async with self.ctx.commit() as tx:
            if not self.is_taken(tx.state, counted):
                tx.state[f"taken/{counted['id']}"] = self.ctx.clock.school().date().isoformat()
                tx.publish(AwayCount, {"board": "B1", "away": counted["away"]})


class WireConfig(ConnectorConfig):
    port: int = Field(gt=0, lt=65536, description="TCP port of the source.")


class Wire(Connector[WireConfig]):
    """Listens to a source that sends a line for each count, and again until it has its acknowledgement."""

    name = "wire"
    config_model = WireConfig
    produces = (AwayCount,)

    async def run(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.config.port)
        try:
            while line := await self.line(reader):
                if (counted := self.read(line)) is not None:
                    await self.take(counted, writer)
        finally:
            writer.close()

    async def line(self, reader: asyncio.StreamReader) -> bytes:
        """The next line; what is left of one that is too long comes as the next."""
        while True:
            try:
                return await reader.readline()
            except ValueError:
                continue

    def read(self, line: bytes) -> dict[str, Any] | None:
        return read_count(line)

    async def take(self, counted: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        await self.keep(counted)
        self.acknowledge(counted, writer)

    async def keep(self, counted: dict[str, Any]) -> None:
        async with self.ctx.commit() as tx:
            if f"taken/{counted['id']}" not in tx.state:
                tx.state[f"taken/{counted['id']}"] = True
                tx.publish(AwayCount, {"board": "B1", "away": counted["away"]})

    def acknowledge(self, counted: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        writer.write(f"{counted['id']}\n".encode())


class Source:
    """The other end of `Wire`: sends what is not acknowledged, to whom connects and while connected."""

    def __init__(self) -> None:
        self._sent = 0
        self._times = 0
        self._unacknowledged: dict[tuple[str, int], bytes] = {}  # by id and number of the sending
        self._ended = threading.Event()
        source = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                told: set[tuple[str, int]] = set()
                reading = threading.Thread(target=source._read, args=(self.rfile,), daemon=True)
                reading.start()
                while reading.is_alive() and not source._ended.is_set():
                    for (id, time_), line in list(source._unacknowledged.items()):
                        if (id, time_) not in told:
                            told.add((id, time_))
                            self.wfile.write(line)
                    time.sleep(0.01)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            allow_reuse_address = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                pass  # a client that left

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def _read(self, lines: Any) -> None:
        try:
            for line in lines:
                for key in [each for each in self._unacknowledged if each[0] == line.decode().strip()]:
                    self._unacknowledged.pop(key, None)
        except OSError:
            return

    def push(self) -> None:
        self._sent += 1
        self.again()

    def again(self) -> None:
        self._times += 1
        id = f"count-{self._sent}"
        self._unacknowledged[id, self._times] = json.dumps({"id": id, "away": self._sent}).encode() + b"\n"

    def waiting(self) -> int:
        return sum(id != "" for id, _ in list(self._unacknowledged))

    def garbage(self, body: bytes) -> None:
        self._times += 1
        self._unacknowledged["", self._times] = body.replace(b"\n", b" ") + b"\n"

    def effects(self) -> list[Any]:
        return []

    def bytes(self) -> bytes:
        return b""

    def reset(self) -> None:
        self._sent = 0
        self._unacknowledged.clear()

    def close(self) -> None:
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()
