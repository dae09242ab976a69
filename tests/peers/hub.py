"""A hub in a process of its own, as `skolnav run` starts it, and an HTTP client that keeps every byte it gets.

async with HubProcess(tmp_path, {"clients": [client("sis", "publisher")], ...}) as hub:
    caller = hub.caller("sis")
    answer = await caller.post_events([...])
    await hub.kill()
    await hub.start()
"""

import asyncio
import json
import os
import random
import socket
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from tests import warm
from tests.until import until

SECRET: Final = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # of a hub that lives for one test
REPOSITORY: Final = Path(__file__).parents[2]
READY_S: Final = 60.0
BATCH: Final = "application/cloudevents-batch+json"
STRUCTURED: Final = "application/cloudevents+json"
OPERATOR: Final = "operator"


def client(id: str, *roles: str, **more: Any) -> dict[str, Any]:
    """A client for the configuration; its token is in the hub's environment."""
    return {"id": id, "token": f"${{env:TOKEN_{id.upper()}}}", "roles": list(roles), **more}


def webhook(name: str, url: str, types: Sequence[str], **more: Any) -> dict[str, Any]:
    """A subscription for the configuration, signed with `SECRET`. `sink` adds to the sink."""
    sink = {"kind": "webhook", "url": url, "secret": "${env:SECRET}", "handshake": False, **more.pop("sink", {})}
    return {"name": name, "types": list(types), "sink": sink, **more}


class HubProcess:
    """`start` returns when it listens. `output` is all that it has written, over all its lives."""

    def __init__(
        self,
        folder: Path,
        config: Mapping[str, Any],
        *,
        data: Path | None = None,
        command: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
    ) -> None:
        """`config` is the configuration without `municipality`, `listen` and `data`; a client `operator` is added.

        `folder` holds the configuration file; `data` is where the hub keeps its own, left out: beside it. `command`
        replaces `skolnav run --config FILE` (FILE is added to it), which else begins with everything imported.
        """
        self.port = free_port()
        self.data = data or folder / "data"
        self.output = bytearray()
        self._file = folder / "skolnav.yaml"
        self._command = command
        self._more_env = dict(env or {})
        self._process: subprocess.Popen[bytes] | warm.Forked | None = None
        self._reading: asyncio.Task[None] | None = None
        self._callers: list[Caller] = []
        self.configure(config)

    def configure(self, config: Mapping[str, Any]) -> None:
        """Write the configuration file anew, for the next start."""
        whole = {
            "municipality": "Exempelkommun",
            "listen": f"127.0.0.1:{self.port}",
            "data": str(self.data),
            "outbound": {"allow": ["127.0.0.0/8"]},
            **config,
            "clients": [*config.get("clients", ()), client(OPERATOR, "operator", "auditor")],
        }
        self._file.write_text(json.dumps(whole, ensure_ascii=False))  # JSON is YAML
        self._env = {f"TOKEN_{each['id'].upper()}": token(each["id"]) for each in whole["clients"]}

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        code = await self.try_start()
        assert code is None, f"the hub ended with {code}:\n{self.output[-4000:].decode()}"

    async def try_start(self) -> int | None:
        """None once it listens; its exit code if it ends instead."""
        env = {**os.environ, **self._env, **self._more_env, "SECRET": SECRET}
        theirs, ours = os.pipe()
        with open(ours, "wb") as stdout:
            if self._command:
                self._process = subprocess.Popen(
                    [*self._command, str(self._file)], cwd=REPOSITORY, env=env, stdin=subprocess.DEVNULL, stdout=stdout,
                    stderr=subprocess.STDOUT,
                )  # fmt: skip
            else:
                command = ("run", "--config", str(self._file))
                self._process = warm.start(command, REPOSITORY, env, stdout=stdout.fileno())
        up = asyncio.Event()
        self._reading = asyncio.create_task(self._read(theirs, up))
        listening = asyncio.create_task(up.wait())
        try:
            async with asyncio.timeout(READY_S):
                await asyncio.wait([listening, self._reading], return_when=asyncio.FIRST_COMPLETED)
        finally:
            listening.cancel()
        return None if up.is_set() else await asyncio.to_thread(self._process.wait)

    async def _read(self, descriptor: int, up: asyncio.Event) -> None:
        with open(descriptor, "rb") as pipe:
            lines = asyncio.StreamReader()
            transport, _ = await asyncio.get_running_loop().connect_read_pipe(
                lambda: asyncio.StreamReaderProtocol(lines), pipe
            )
            with closing(transport):
                async for line in lines:
                    self.output += line
                    if line.startswith(b"Skolnav ") and b": http://" in line:
                        up.set()

    async def kill(self) -> None:
        """kill -9."""
        await self._end(kill=True)

    async def stop(self, timeout_s: float = 30) -> int:
        """SIGTERM; its exit code."""
        return await self._end(timeout_s=timeout_s)

    async def _end(self, *, kill: bool = False, timeout_s: float = 30) -> int:
        assert self._process is not None
        assert self._reading is not None
        if kill:
            self._process.kill()
        else:
            self._process.terminate()
        try:
            code = await asyncio.to_thread(self._process.wait, timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            await asyncio.to_thread(self._process.wait)
            raise
        finally:
            await self._reading
        return code

    def caller(self, id: str) -> "Caller":
        """Calls as this client; closed with the hub."""
        made = Caller(self.port, token(id))
        self._callers.append(made)
        return made

    async def subscriptions(self) -> dict[str, dict[str, Any]]:
        """How each subscription stands, by name, as operators see it."""
        answer = await self.caller(OPERATOR).request("GET", "/v1/operator/status")
        assert answer.status == 200, answer.body
        return {each["name"]: each for each in answer.json()["subscriptions"]}

    async def delivered(self, *names: str, timeout_s: float = 30) -> None:
        """Wait until no event waits for these recipients, or for any recipient if none is named."""
        quiet = 0

        async def twice_quiet() -> bool:
            nonlocal quiet
            found = await self.subscriptions()
            busy = any(
                each["open"] or each["parked"] or each["lag_s"]
                for name, each in found.items()
                if name in (names or found)
            )
            quiet = 0 if busy else quiet + 1
            return quiet == 2

        await until(twice_quiet, within_s=timeout_s)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        for caller in self._callers:
            caller.close()
        if self._process is not None and self._process.returncode is None:
            await self._end(kill=error is not None)


@dataclass(frozen=True)
class Answer:
    """Header names are lower-case."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Caller:
    """One client over one kept connection. `received` is every byte that came to it."""

    def __init__(self, port: int, token: str) -> None:
        self.received = bytearray()
        self._port = port
        self._head = f"Host: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n"
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def request(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        content_type: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Raises OSError or asyncio.IncompleteReadError where no whole answer comes."""
        kind = f"Content-Type: {content_type}\r\n" if content_type else ""
        more = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        head = f"{method} {path} HTTP/1.1\r\n{self._head}{kind}{more}Content-Length: {len(body)}\r\n\r\n"
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port, limit=1 << 24)
        reader, writer = self._streams
        try:
            writer.write(head.encode() + body)
            await writer.drain()
            return await self._answer(reader)
        except BaseException:
            self.close()
            raise

    async def _answer(self, reader: asyncio.StreamReader) -> Answer:
        head = await reader.readuntil(b"\r\n\r\n")
        self.received += head
        first, *lines = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if headers.get("transfer-encoding") == "chunked":
            body = b""
            while size := int(await reader.readline(), 16):
                body += (await reader.readexactly(size + 2))[:-2]
            await reader.readline()
        else:
            body = await reader.readexactly(int(headers.get("content-length", 0)))
        self.received += body
        if headers.get("connection", "").lower() == "close":
            self.close()
        return Answer(int(first.split(" ")[1]), headers, body)

    async def post_events(self, events: Sequence[Mapping[str, Any]]) -> Answer:
        """One batch."""
        return await self.request("POST", "/v1/events", json.dumps(events, ensure_ascii=False).encode(), BATCH)

    async def read_feed(self, name: str, limit: int = 100) -> list[dict[str, Any]]:
        """A feed from its beginning to its end."""
        found: list[dict[str, Any]] = []
        path = f"/v1/subscriptions/{name}/events?limit={limit}"
        while True:
            answer = await self.request("GET", path)
            assert answer.status == 200, answer.body
            page = answer.json()
            if not page:
                return found
            found += page
            path = answer.headers["link"].partition(">")[0].removeprefix("<")

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None


def token(id: str) -> str:
    return f"{id}-token-of-one-test-{os.getpid()}"


def free_port() -> int:
    """Below those that the system gives to outgoing connections: it must stay free over restarts of the hub."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as tried:
            try:
                tried.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
