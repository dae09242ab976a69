"""The hub's two doors: HTTP at the address in the configuration, and a local socket for the command line."""

import asyncio
import contextlib
import os
import socket
from collections.abc import Generator
from functools import partial
from pathlib import Path
from typing import Any, Final, cast

import uvicorn

from hub.api.access_log import AccessLog
from hub.api.answers import Applied
from hub.api.app import Api, create_app
from hub.api.door import Door
from hub.api.limits import Room, Standing
from hub.api.protocol import Connection
from hub.assembly.reload import Reloaded, Reloader
from hub.assembly.services import Services
from hub.config import ConfigErrors
from hub.http.problems import ApiProblem
from hub.tasks import Tasks
from hub.texts import Text, both
from plugins.errors import ConfigurationError

SOCKET_NAME: Final = "hub.sock"
BACKLOG: Final = 1024  # connections that the kernel holds until the hub accepts them
ACCEPTED: Final = 128  # connections that are accepted in one turn: fewer than the reserve of file descriptors
STOP_S: Final = 5  # how long open requests may take when the hub stops
READ_S: Final = 2.0  # how long a client may still take to read its answers then


class _Server(uvicorn.Server):
    """A server that leaves signals to the command line. `up` is set when it listens."""

    def __init__(self, settings: uvicorn.Config) -> None:
        super().__init__(settings)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


class Servers:
    """Serves from `start` to `stop`. `address` is where it listens; port 0 becomes the port that the system chose."""

    def __init__(self, services: Services, reloader: Reloader | None = None) -> None:
        """`reloader` serves `POST /v1/operator/apply`. None: the hub was not started from a file."""
        self._services = services
        self.app: Api | None = None
        self._reloader = reloader
        self._running: list[tuple[_Server, asyncio.Task[None]]] = []
        self._watching = Tasks()
        self.standing = Standing()
        self.doors: list[Door] = []  # of the address, then of the local socket
        self.address = (services.config.host, services.config.port)
        self.socket_path = services.config.data / SOCKET_NAME

    async def start(self) -> None:
        """Raises OSError if the address or the socket can't be listened on."""
        config = self._services.config
        family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
        # asyncio sets TCP_NODELAY on accepted connections only where the protocol is named.
        outside = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        outside.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            outside.bind((config.host, config.port))
            outside.listen(BACKLOG)  # at once, since two hubs that start together can both bind
            self.address = outside.getsockname()[:2]
            local = _local_socket(self.socket_path)
        except OSError:
            outside.close()
            raise
        clock, standing = self._services.clock, self.standing
        apply = self._apply if self._reloader is not None else None
        self.app = create_app(self._services, apply=apply, door=standing)
        await self.app.start()
        self._watching.start(self.app.unread.watch(), "unread answers")
        await self._serve(self.app, outside, Door(clock, Room.outside(), standing, config.trusted_proxies))
        operators = create_app(self._services, local=True, apply=apply, door=standing, watched=self.app)
        await self._serve(operators, local, Door(clock, Room.local(), standing))

    async def stop(self) -> None:
        self._services.pages.close()  # ends open streams and long polls
        for server, _ in self._running:
            server.should_exit = True
        running = [task for _, task in self._running]
        if running:
            await asyncio.wait(running, timeout=READ_S)
        # uvicorn would wait until STOP_S for clients that read nothing, and then log each of them as a failed request.
        if self.app is not None:
            self.app.unread.cut_all()
        await asyncio.gather(*running, return_exceptions=True)
        self._running.clear()
        await self._watching.stop()
        if self.app is not None:
            await self.app.stop()
        self.socket_path.unlink(missing_ok=True)

    async def reload(self, *, dry_run: bool = False) -> Reloaded:
        """Read the configuration file again. When this returns, no answer leaves under rights that the file has ended.

        Raises what `Reloader.apply` raises.
        """
        if self._reloader is None:
            raise ConfigurationError("this hub was not started from a file")
        reloaded = await self._reloader.apply(dry_run=dry_run)
        if self.app is not None:
            self.app.unread.cut_ended()
        return reloaded

    async def _apply(self, *, dry_run: bool) -> Applied:
        """`hub.api.operator.Apply`. Raises ApiProblem."""
        try:
            return cast(Applied, (await self.reload(dry_run=dry_run)).to_json())
        except ConfigErrors as errors:
            raise ApiProblem(
                "invalid-content",
                both("refusal.config"),
                more={"errors": [each.to_json() for each in errors.errors]},
            ) from None
        except ConfigurationError as error:
            raise ApiProblem("state-conflict", Text(error.sv or str(error), str(error))) from None

    async def _serve(self, app: Api, listening: socket.socket, door: Door) -> None:
        protocol: Any = partial(Connection, door=door, unread=app.unread)
        served: Any = AccessLog(app, self._services) if self._services.config.log.access else app
        settings = uvicorn.Config(
            served, http=protocol, ws="none", lifespan="off", log_config=None, access_log=False, server_header=False,
            proxy_headers=False, backlog=ACCEPTED, timeout_graceful_shutdown=STOP_S,
        )  # fmt: skip
        server = _Server(settings)
        task = asyncio.get_running_loop().create_task(server.serve(sockets=[listening]), name="http")
        self._running.append((server, task))
        self.doors.append(door)
        self._watching.start(door.watch(), "door")
        await server.up.wait()
        # asyncio takes `backlog` for two things: connections that the kernel holds, and those accepted in one turn.
        listening.listen(BACKLOG)


def _local_socket(path: Path) -> socket.socket:
    """A socket that only the hub's own user may call. It replaces one that a killed hub left behind.

    It is bound through the folder's handle, since the address of a Unix socket holds at most 107 bytes.
    """
    path.unlink(missing_ok=True)
    local = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    folder = os.open(path.parent, os.O_RDONLY)
    old = os.umask(0o177)
    try:
        local.bind(f"/proc/self/fd/{folder}/{path.name}")
    except OSError:
        local.close()
        raise
    finally:
        os.umask(old)
        os.close(folder)
    return local
