"""A whole hub in virtual time: the real assembly, its API called in this process, and a network that is a list.

    house = House(folder, config)
    house.run(scenario)          # `scenario` is a coroutine function; time jumps when all that is ready has run

Blocking work (commits, reads) takes a fixed virtual time: an answer's time counts the I/O on the caller's path.
"""

import asyncio
import contextlib
import heapq
import random
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeVar
from unittest.mock import patch

from fastapi.routing import _EffectiveRouteContext

from hub.api.app import Api, create_app
from hub.assembly.hub import Hub
from hub.bus.base import Position
from hub.bus.sqlite import SqliteLog
from hub.clock import Clock
from hub.config import HubConfig
from hub.engines import root_key
from hub.hosting import hosts
from hub.keys import Keys
from hub.privacy.parts import Parts
from hub.ss12000.resources import RESOURCES
from hub.store.sql import SqlStore
from hub.testing.empty_store import write_empty_store
from plugins.manager import Plugins
from schemas import Catalogue
from tests.hub.delivery.virtual import SimClock, SimRunner, VirtualLoop

T = TypeVar("T")

Headers = list[tuple[str, str]]


class _Fixed(random.Random):
    """Dice that always fall the same way: each read takes 1 ms, each commit 4 ms, and takes all that waits."""

    def random(self) -> float:
        return 0.5

    def randint(self, a: int, b: int) -> int:
        return b


@dataclass(frozen=True)
class Arrived:
    """A request that left the hub, as bytes: when (virtual seconds), and to which port."""

    at: float
    port: int
    head: bytes
    body: bytes


class Network:
    """What the hub sends to others. Every connection that it opens ends here; each request is answered with 200.

    `refused` are ports that answer 500.
    """

    def __init__(self) -> None:
        self.arrived: list[Arrived] = []
        self.refused: dict[int, bytes] = {}


class _Far(asyncio.Transport):
    """The hub's end of a connection whose far side is a `Network`."""

    def __init__(self, loop: "WireLoop", protocol: asyncio.Protocol, port: int) -> None:
        super().__init__()
        self._loop = loop
        self._protocol = protocol
        self._port = port
        self._read = b""
        self._closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._read += bytes(data)
        while (end := self._read.find(b"\r\n\r\n")) >= 0:
            head, rest = self._read[:end], self._read[end + 4 :]
            length = 0
            for line in head.split(b"\r\n"):
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            if len(rest) < length:
                return
            self._read = rest[length:]
            network = self._loop.network
            network.arrived.append(Arrived(self._loop.time(), self._port, head, rest[:length]))
            status = network.refused.get(self._port, b"200 OK")
            answer = b"HTTP/1.1 %b\r\nContent-Length: 0\r\nWebHook-Allowed-Origin: *\r\n\r\n" % status
            self._loop.call_later(0.001, self._answer, answer)

    def _answer(self, answer: bytes) -> None:
        if not self._closed:
            self._protocol.data_received(answer)

    def is_closing(self) -> bool:
        return self._closed

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._loop.call_soon(self._protocol.connection_lost, None)

    abort = close

    def get_write_buffer_size(self) -> int:
        return 0

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default


_MOST_SPINS: Final = 500


class _Timer(asyncio.TimerHandle):
    """Of timers that are due at the same moment, the one that was set first runs first.

    A heap alone leaves their order to whatever other timers there are, so that answers to requests of the same moment
    would come in another order in each world.
    """

    order = 0

    def __lt__(self, other: asyncio.TimerHandle) -> bool:
        assert isinstance(other, _Timer)
        return (self.when(), self.order) < (other.when(), other.order)


class WireLoop(VirtualLoop):
    """A virtual loop without threads and without sockets."""

    def __init__(self, now: float, network: Network) -> None:
        super().__init__(now)
        self.network = network

    _spins = 0
    _spun_at = 0.0

    def _run_once(self) -> None:
        """Time moves by a nanosecond where many turns took none: a time-out of a rounding error's length never ends."""
        self._spins = self._spins + 1 if self.now == self._spun_at else 0
        if self._spins > _MOST_SPINS:
            self.now += 1e-9
        self._spun_at = self.now
        super()._run_once()  # type: ignore[misc]

    _timers = 0

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., Any], *args: Any, context: Any = None
    ) -> _Timer:
        timer = _Timer(when, callback, args, self, context)
        timer.order = self._timers = self._timers + 1
        heapq.heappush(self._scheduled, timer)  # type: ignore[attr-defined]
        timer._scheduled = True  # type: ignore[attr-defined]
        return timer

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> Any:  # type: ignore[override]
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        return future

    async def create_connection(self, protocol_factory: Any, host: Any = None, port: Any = None, **_: Any) -> Any:
        protocol = protocol_factory()
        transport = _Far(self, protocol, port)
        protocol.connection_made(transport)
        return transport, protocol


class _Engine:
    """The embedded engine's log and store, on a runner without threads and a disk that is not waited for."""

    durability = "none: a test"
    restored: Position | None = None

    def __init__(self, log: SqliteLog, store: SqlStore, keys: Keys, cleanup: AsyncExitStack) -> None:
        self.log, self.store, self.keys = log, store, keys
        self._cleanup = cleanup

    @classmethod
    async def open(cls, config: HubConfig, *, catalogue: Catalogue, clock: Clock) -> "_Engine":
        async with AsyncExitStack() as cleanup:
            runner = SimRunner(_Fixed())
            log = await SqliteLog.open(
                config.data / "log.db", catalogue=catalogue, clock=clock, runner=runner, compare=Parts(catalogue)
            )
            cleanup.push_async_callback(log.close)
            store = await SqlStore.open(config.data / "store.db", tenant=config.tenant, runner=runner)
            cleanup.push_async_callback(store.close)
            log._db.execute("PRAGMA synchronous=OFF")
            store._writer_engine.raw_connection().driver_connection.execute("PRAGMA synchronous=OFF")  # type: ignore[union-attr]
            keys = await root_key.open_keys(config, store)
            return cls(log, store, keys, cleanup.pop_all())

    async def keep_keys(self) -> None:
        await root_key.remember(self.keys, self.store)

    async def back_up(self, folder: Path) -> int:
        raise AssertionError("no pair of worlds makes a backup")

    async def close(self) -> None:
        await self._cleanup.aclose()


@dataclass
class Answer:
    """An answer of the API: its parts, when the first byte came, and how long it took (virtual seconds)."""

    status: int
    headers: Headers
    body: bytes
    took_s: float

    def header(self, name: str) -> str:
        return next((value for each, value in self.headers if each == name), "")


class Reading:
    """An open answer, such as a stream. `frames` grows as the hub sends: (virtual seconds, bytes)."""

    def __init__(self, task: "asyncio.Task[None]") -> None:
        self.status = 0
        self.headers: Headers = []
        self.frames: list[tuple[float, bytes]] = []
        self._task = task

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


PLUGINS: Final = cache(Plugins.of)


class House:
    """One world's hub, over its restarts. Use it within `running`, from its own loop."""

    def __init__(self, config: HubConfig) -> None:
        self._config = config
        self.network = Network()
        self.loop = WireLoop(0.0, self.network)
        self.clock = SimClock(self.loop)
        self._hub: Hub | None = None
        self._api: Api | None = None
        self._open: set[Reading] = set()

    # -- life -------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        self._hub = await Hub.start(
            self._config, clock=self.clock, plugins=PLUGINS(), open_engine=_Engine.open,
        )  # fmt: skip
        self._api = create_app(self._hub.services)
        await self._api.start()
        # The first answer about a kind reads all entities of the kind, which docs/privacy.md states as left.
        index = self._api.fastapi.state.ss12000.index
        await asyncio.gather(*(index.table(each.kind) for each in RESOURCES))

    async def stop(self) -> None:
        for reading in tuple(self._open):
            await reading.close()
        if self._api is not None:
            await self._api.stop()
        if self._hub is not None:
            self._hub.services.pages.close()
            await self._hub.stop()
        self._api = self._hub = None

    @property
    def hub(self) -> Hub:
        assert self._hub is not None
        return self._hub

    @property
    def api(self) -> Api:
        assert self._api is not None
        return self._api

    async def until(self, second: float) -> None:
        """Let the hub work until this virtual second."""
        left = second - self.loop.time()
        assert left >= 0, "the step before took longer than its slot"
        await asyncio.sleep(left)

    # -- calls ------------------------------------------------------------------------------------------------------

    async def call(
        self, token: str, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        reading = self.open(token, method, path, body, headers)
        since = self.loop.time()
        await asyncio.wait([reading._task])
        reading._task.result()
        took_s = self.loop.time() - since
        return Answer(reading.status, reading.headers, b"".join(part for _, part in reading.frames), took_s)

    def open(
        self, token: str, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Reading:
        """Send a request, and read its answer as it comes."""
        bare, _, query = path.partition("?")
        sent = {"host": "hub.example", "authorization": f"Bearer {token}", **(headers or {})}
        if body:
            sent = {"content-type": "application/json", **sent, "content-length": str(len(body))}
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
            "path": bare, "raw_path": bare.encode(), "root_path": "", "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
            "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8080),
        }  # fmt: skip
        messages = [{"type": "http.request", "body": body, "more_body": False}]
        loop, app = self.loop, self.api

        async def receive() -> dict[str, Any]:
            if messages:
                return messages.pop()
            await asyncio.get_running_loop().create_future()
            raise AssertionError

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                reading.status = message["status"]
                reading.headers = [(name.decode().lower(), value.decode()) for name, value in message["headers"]]
            elif message.get("body"):
                reading.frames.append((loop.time(), message["body"]))

        async def answer() -> None:
            await app(scope, receive, send)

        reading = Reading(loop.create_task(answer()))
        self._open.add(reading)
        reading._task.add_done_callback(lambda _: self._open.discard(reading))
        return reading


def play(config: Callable[[Path], HubConfig], scenario: Callable[[House], Awaitable[T]]) -> T:
    """Run a scenario in a house of its own that begins empty, and return what it returns."""
    folder = Path(tempfile.mkdtemp(prefix="skolnav-silence-", dir=_MEMORY if _MEMORY.is_dir() else None))
    try:
        write_empty_store(folder / "store.db")
        house = House(config(folder))
        # There is no thread to watch, and each look costs a turn of the loop.
        with patch.object(hosts, "WATCH_S", 60.0), patch.object(_EffectiveRouteContext, "from_api_route", _known_route):
            return _run(house, scenario)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _known_route(*, original_route: Any, include_context: Any) -> Any:
    """What FastAPI works out for each route of each application, kept: it is half of what a small world costs."""
    key = id(original_route), include_context.prefix
    if key not in _ROUTES:
        _ROUTES[key] = _work_out(original_route=original_route, include_context=include_context)
    return _ROUTES[key]


_ROUTES: Final[dict[tuple[int, str], Any]] = {}
_work_out: Final = _EffectiveRouteContext.from_api_route
_MEMORY: Final = Path("/dev/shm")  # a file system in memory


def _run(house: House, scenario: Callable[[House], Awaitable[T]]) -> T:
    loop = house.loop
    asyncio.set_event_loop(loop)

    async def whole() -> T:
        await house.start()
        try:
            return await scenario(house)
        finally:
            await house.stop()

    work: Coroutine[Any, Any, T] = whole()
    try:
        return loop.run_until_complete(work)
    finally:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        with contextlib.suppress(Exception):
            loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        asyncio.set_event_loop(None)
        loop.close()
