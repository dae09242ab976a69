"""A connector's process: it runs one connector behind the `Context`, and knows the hub only by the socket.

What the connector commits is kept here as it is in the hub, so that its state is read without asking. The hub has the
last word: where it refuses what was kept here, it ends this process, and another begins with the hub's state.
"""

import asyncio
import ctypes
import gc
import importlib
import logging
import os
import pickle
import resource
import signal
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator, Collection, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import date, datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, Final, NoReturn, cast

import orjson

from hub.config.limits import Limits
from hub.hosting.blocking import DaemonPool
from hub.hosting.calls import checked_answer, checked_waiting
from hub.hosting.connector_state import ConnectorState
from hub.hosting.context import CALL, DirectoryFromAfar, InstanceContext, Staged
from hub.hosting.isolated import failures, staging
from hub.hosting.isolated.beginning import Beginning, declared
from hub.hosting.isolated.frames import BadFrame, Channel
from hub.hosting.isolated.output import Lines
from hub.hosting.keeping import Kept
from hub.hosting.moments import MomentChanges, Moments
from hub.hosting.own_thread import cancelled_from_outside
from hub.hosting.publishing import Publisher
from hub.store.moments import Target
from plugins.connector import Connector, Unfinished
from plugins.errors import ConfigurationError, PermanentError
from plugins.receiving import Received
from plugins.timers import moment_timers_of
from schemas import Catalogue, Event, core_catalogue
from schemas.school_time import SCHOOL_ZONE

BLOCKING_THREADS: Final = 4
STACK: Final = 8 << 20  # bytes of address space for a thread's stack
NICE: Final = 5  # the hub comes first where the processor is short
MOST: Final = 1 << 40  # bytes of a frame from the hub, which is trusted
_PR_SET_PDEATHSIG: Final = 1

_STAGING: Final = frozenset({"handle", "confirm"})
_core: list[Catalogue] = []  # made before the fork


def preload() -> None:
    """Import what most connectors need. Called in the fork server."""
    _core.append(core_catalogue())
    for name in ("plugins.rest", "plugins.wires.https", "plugins.wires.settings"):
        with suppress(ImportError):
            importlib.import_module(name)


def main(channel: int, output: int) -> NoReturn:
    """In a process that was just forked: run until the hub closes the channel."""
    code = 1
    try:
        os.setsid()
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # for the fork server's end, which is the hub's
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for fd in (1, 2):
            os.dup2(output, fd)
        os.close(output)
        os.set_inheritable(channel, False)  # for what the connector starts
        sys.stdout = os.fdopen(1, "w", buffering=1, closefd=False, errors="backslashreplace")
        sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False, errors="backslashreplace")
        gc.enable()
        with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
            runner.run(Child().serve(socket.socket(fileno=channel)))
        code = 0
    finally:
        os._exit(code)  # at once: what the package has registered for the end of the interpreter may hang


class Child:
    """One connector and its calls."""

    def __init__(self) -> None:
        self._channel = Channel(self._received, self._closed, most=MOST)
        self._connector: Connector[Any]
        self._context: ChildContext
        self._cls: type[Connector[Any]] | None = None
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._answers: dict[int, asyncio.Future[tuple[Any, list[bytes]]]] = {}
        self._numbers = count(1)
        self._over = asyncio.Event()
        self.school = datetime.now(SCHOOL_ZONE)  # for a clock that a test moves; the hub sends it before it is needed
        self._utc = self.school
        self._utc_at = 0.0

    async def serve(self, channel: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._unhandled)
        await loop.create_unix_connection(lambda: self._channel, sock=channel)
        await self._over.wait()

    # -- what the context needs ---------------------------------------------------------------------------------------

    def utc(self) -> datetime:
        return self._utc + timedelta(seconds=time.monotonic() - self._utc_at)

    def tell(self, *said: Any) -> None:
        """From the loop's thread or another: a connector may report a problem from `ctx.blocking`."""
        if threading.current_thread() is threading.main_thread():
            self._channel.send(["tell", *said])
        else:
            with suppress(RuntimeError):
                self._context.loop.call_soon_threadsafe(self._channel.send, ["tell", *said])

    async def ask(self, *question: Any, parts: Sequence[bytes] = ()) -> Any:
        """Raises what the hub raises."""
        number = next(self._numbers)
        answer = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        try:
            self._channel.send(["ask", number, *question], parts)
            return await answer
        except asyncio.CancelledError:
            self._channel.send(["forget", number])
            raise
        finally:
            self._answers.pop(number, None)

    # -- frames -------------------------------------------------------------------------------------------------------

    def _received(self, head: list[Any], parts: list[bytes]) -> None:
        match head:
            case ["call", number, what, *arguments]:
                task = asyncio.get_running_loop().create_task(self._call(number, what, arguments, parts))
                self._tasks[number] = task
                task.add_done_callback(partial(self._ended, number))
            case ["cancel", number]:
                if (task_ := self._tasks.get(number)) is not None:
                    task_.cancel()
            case ["answer", number, value]:
                if (answer := self._answers.get(number)) is not None and not answer.done():
                    answer.set_result(value)
            case ["refuse", number, error]:
                if (answer := self._answers.get(number)) is not None and not answer.done():
                    answer.set_exception(failures.raised(error))
            case ["now", school, utc]:
                self.school = datetime.fromisoformat(school).astimezone(SCHOOL_ZONE)
                self._utc, self._utc_at = datetime.fromisoformat(utc), time.monotonic()
            case ["ping"]:
                self._channel.send(["pong"])
            case ["end"]:
                self._channel.close()

    def _closed(self, error: BadFrame | None) -> None:
        self._over.set()

    def _unhandled(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if (error := context.get("exception")) is not None:
            self._channel.send(["tell", "unhandled", failures.described(error, self._cls)])

    # -- calls --------------------------------------------------------------------------------------------------------

    async def _call(self, number: int, what: str, arguments: list[Any], parts: list[bytes]) -> None:
        staged = Staged()
        if what in _STAGING:
            CALL.set(staged)
        try:
            result, more = await self._made(what, arguments, parts)
            staged.open = False
            described, values = staging.described(staged)
            self._channel.send(["done", number, result, len(more), described], [*more, *values])
            self._context.keep_here(staged)
        except BaseException as error:
            staged.open = False
            if cancelled_from_outside(error):
                raise
            self._channel.send(["raised", number, failures.described(error, self._cls)])

    def _ended(self, number: int, task: "asyncio.Task[None]") -> None:
        self._tasks.pop(number, None)
        if task.cancelled():  # perhaps before it had begun
            self._channel.send(["cancelled", number])

    async def _made(self, what: str, arguments: list[Any], parts: list[bytes]) -> tuple[Any, list[bytes]]:
        """Make a call. Returns JSON values and byte strings."""
        if what == "start":
            return await self._start(parts), []
        connector = self._connector
        match what, arguments:
            case "handle", []:
                await connector.handle(_event(parts[0]))
            case "receive", [method, path, query, headers]:
                request = Received(method, path, query=query, headers=headers, body=parts[0])
                if (answer := checked_answer(await connector.receive(request))) is not None:
                    return [answer.status, dict(answer.headers)], [answer.body]
            case "poll", []:
                left = await connector.poll()
                return [left.code, list(map(str, left.far_sides))] if isinstance(left, Unfinished) else left, []
            case "waiting", []:
                waiting = checked_waiting(await connector.waiting())
                return [[each.word, each.says, each.since.isoformat(), each.sv] for each in waiting], []
            case "timer", [name, due, *rest]:
                await getattr(connector, name)(datetime.fromisoformat(due).astimezone(SCHOOL_ZONE), *rest)
            case _:
                await getattr(connector, what)(*arguments)
        return None, []

    async def _start(self, parts: list[bytes]) -> list[Any]:
        """Import and make the connector, and start it. Returns its package, and what its class declares."""
        beginning: Beginning = pickle.loads(parts[0])  # noqa: S301 - from the hub
        _limit(beginning.limits)
        lines = Lines(beginning.limits.log_lines_s, f"skolnav.connector.{beginning.instance}")
        logging.basicConfig(handlers=[lines], level=beginning.log_level, force=True)
        sys.path[:] = beginning.path
        try:
            self._cls = cls = beginning.find()
            says = [beginning.package(), declared(cls)]
        except (ImportError, AttributeError) as error:
            logging.getLogger(beginning.module).error("%s: %s", type(error).__name__, error)  # nothing of a school yet
            raise ConfigurationError(
                f"the class of {beginning.instance} is not where it was when the hub started",
                fix="Restart the hub",
                code="upgraded",
            ) from None
        config = pickle.loads(parts[1]) if beginning.settings is None else beginning.config(cls)  # noqa: S301
        words = frozenset(map(str, config.sum_words()))
        self._context = ChildContext(self, beginning, cls, dict(zip(beginning.names, parts[2:], strict=True)), words)
        self._connector = cls(config, self._context)
        await self._connector.start()
        return says


def _event(body: bytes) -> Event:
    attributes = orjson.loads(body)
    return Event(attributes, attributes.pop("data", None))


def _limit(limits: Limits) -> None:
    with suppress(OSError):  # a filter of system calls may deny it, and the connector runs all the same
        os.nice(NICE)
    # Above the hub's own limit the system refuses any number; `check` and the log of the start have warned of it.
    descriptors = limits.descriptors_given
    resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold personal data
    # The hub measures memory and ends a process that has too much. This fence is for what is faster than the hub.
    now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    fence = now + (limits.memory_mib << 20) + limits.threads * STACK
    resource.setrlimit(resource.RLIMIT_AS, (fence, fence))


class ChildContext(InstanceContext):
    """`InstanceContext` in the connector's process. A commit is kept here, and by the hub."""

    def __init__(
        self,
        child: Child,
        beginning: Beginning,
        cls: type[Connector[Any]],
        values: dict[str, bytes],
        words: frozenset[str],
    ) -> None:
        self.loop = asyncio.get_running_loop()
        clock: Any = beginning.clock if beginning.clock is not None else HubClock(child)
        catalogue = _core[0]
        for model in (*cls.consumes, *cls.produces):
            if model.spec.type not in catalogue:
                catalogue.register(model)
        super().__init__(
            beginning.instance,
            tenant=beginning.tenant,
            clock=clock,
            state=ConnectorState(beginning.tenant, beginning.instance, values),
            moments=UncountedMoments(
                beginning.tenant, beginning.instance, declared=moment_timers_of(cls), loaded=(), sooner=lambda: None
            ),
            publisher=Publisher(f"urn:skolnav:{beginning.tenant}:{beginning.instance}", cls, catalogue, clock, words),
            directory=None if cls.contract is None else DirectoryFromAfar(cast(Any, Questions(child)), _here),
            pool=DaemonPool(f"skolnav-{beginning.instance}-blocking", BLOCKING_THREADS),
            durable=_nothing_durable,
            problem=lambda code, detail: child.tell("problem", str(code), str(detail)),
            far_side=lambda name, code, next_try: child.tell(
                "far_side", str(name), code, "" if next_try is None else next_try.isoformat()
            ),
            poll_soon=lambda: child.tell("poll_soon"),
        )
        self._child = child
        self._most_events = beginning.limits.outbox_rows

    async def keep(self, staged: Staged) -> None:
        described, parts = staging.described(staged)
        if parts or any(described):
            self.keep_here(staged)
            await self._child.ask("commit", described, parts=parts)

    def keep_here(self, staged: Staged) -> None:
        if staged.changes:
            self.values.apply(staged.changes)
            self.values.all_landed()

    def require_room(self, events: int) -> None:
        if events >= self._most_events:
            raise PermanentError(
                f"{self.instance} has published {events} events in one transaction",
                fix="Publish fewer at a time, or raise limits.outbox_rows",
                code="outbox-full",
            )


async def _nothing_durable(kept: Kept) -> None:
    raise AssertionError("the hub makes things durable")


class UncountedMoments(Moments):
    """Checks what the connector asks for. Which moments are pending is known to the hub, which checks the rest."""

    def require_room(self, target: Target, *staged: MomentChanges) -> None:  # type: ignore[override]
        """The hub counts."""

    def is_set(self, target: Target, *staged: MomentChanges) -> bool:  # type: ignore[override]
        return True


class HubClock:
    """The hub's clock where a test moves it."""

    def __init__(self, child: Child) -> None:
        self._child = child

    def school(self) -> datetime:
        return self._child.school

    def utc(self) -> datetime:
        return self._child.utc()

    async def sleep(self, seconds: float) -> None:
        await self._child.ask("sleep", seconds)

    @asynccontextmanager
    async def timeout(self, seconds: float) -> AsyncIterator[asyncio.Timeout]:
        async def run_out() -> None:
            await self.sleep(seconds)
            timer.reschedule(asyncio.get_running_loop().time())

        async with asyncio.timeout(None) as timer:
            running = asyncio.create_task(run_out())
            try:
                yield timer
            finally:
                running.cancel()


class Questions:
    """The methods of `plugins.connector.DirectoryView`: every question is the hub's to answer."""

    def __init__(self, child: Child) -> None:
        self._child = child

    def __getattr__(self, name: str) -> Any:
        return partial(self._ask, name)

    async def _ask(self, question: str, *given: Any, **named: Any) -> Any:
        said = {name: _plain(value) for name, value in named.items()}
        return await self._child.ask("directory", question, [_plain(value) for value in given], said)


def _plain(value: Any) -> Any:
    """An argument of a question, as JSON values: a date is an object."""
    if isinstance(value, date):
        return {"date": (value.date() if isinstance(value, datetime) else value).isoformat()}
    return list(value) if isinstance(value, Collection) and not isinstance(value, str) else value


async def _here(answering: Coroutine[Any, Any, Any]) -> Any:
    return await answering
