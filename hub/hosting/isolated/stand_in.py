"""In the place of a connector that runs in a process of its own: each call goes there, and what it keeps comes back.

Everything here runs in the instance's loop, except `close`. The process may be unwell: whatever it writes is checked,
and where it writes nonsense, or has kept what the hub refuses, the hub ends it.
"""

import asyncio
import logging
import os
import pickle
import socket
import sys
import threading
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import partial
from itertools import count
from typing import Any, Final

import orjson

from hub.clock import SystemClock
from hub.config.limits import Limits
from hub.hosting.connector_errors import ProcessEnded, coded
from hub.hosting.context import InstanceContext, Staged, staged_now
from hub.hosting.isolated import failures, staging
from hub.hosting.isolated.beginning import Beginning, Settings, declared, written
from hub.hosting.isolated.frames import BadFrame, Channel
from hub.hosting.isolated.output import Output, PerSecond
from hub.hosting.usage import measured
from plugins.connector import Connector, Unfinished, Waiting
from plugins.errors import ConfigurationError, SkolnavError, TemporaryError
from plugins.fork_server import ForkServer
from plugins.receiving import Answer, Received
from schemas import Event

MOST_BYTES: Final = 64 << 20  # of one frame of the process
MOST_FRAMES_S: Final = 10_000
MOST_ASKED: Final = 1000  # questions of the process that wait for an answer
MOST_UNREAD: Final = 1 << 20  # bytes that may wait for a process that does not read, before it is not read either
ANSWERS: Final = 16  # answers of the directory at a time to one process, which may be large
PING_S: Final = 1.0
END_S: Final = 2.0  # how long a process may take to end when its connector has stopped
_WAIT_S: Final = 0.05
_QUESTIONS: Final = frozenset(
    {"persons", "staff", "rooms", "lessons", "groups", "organisations", "activity", "complete"}
)

log = logging.getLogger(__name__)


class _CancelledThere(Exception):
    """A call has ended in the process because it was cancelled."""


class Outbox:
    """How many events of one instance wait for the log. The instance's thread adds, the hub's loop takes away."""

    def __init__(self, most: int) -> None:
        self.rows = 0
        self._most = most
        self._lock = threading.Lock()

    def takes(self, rows: int) -> bool:
        """Count these, if there is room for them."""
        with self._lock:
            if self.rows and self.rows + rows > self._most:
                return False
            self.rows += rows
            return True

    def moved(self, rows: int) -> None:
        with self._lock:
            self.rows = max(0, self.rows - rows)


@dataclass(frozen=True, slots=True)
class Isolation:
    """How an instance runs in a process of its own. `settings` None: its configuration is passed as it is."""

    limits: Limits = field(default_factory=Limits)
    settings: Settings | None = None
    distribution: str = ""  # that its class comes from, if it is installed


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a stand-in needs of its instance. All are called in the instance's loop."""

    forks: ForkServer
    spawn: Callable[[Coroutine[Any, Any, Any]], "asyncio.Task[Any]"]
    lost: Callable[[ProcessEnded], None]  # the process ended although it was not stopped
    unhandled: Callable[[BaseException], None]  # a task that nothing awaits has failed
    outbox: Outbox


class StandIn(Connector[Any]):
    """Called by `Calls` as the connector would be."""

    name = "stand-in"

    def __init__(
        self, config: Any, ctx: InstanceContext, *, cls: type[Connector[Any]], how: Isolation, around: Surroundings
    ) -> None:
        super().__init__(config, ctx)
        self.pid = 0  # of the process; 0 until it has one
        self.package = ""  # the distribution and version that the process has imported
        self._here = ctx
        self._cls = cls
        self._how = how
        self._around = around
        self._moved = not isinstance(ctx.clock, SystemClock)  # by a test: the process does not know what time it is
        self._numbers = count(1)
        self._replies: dict[int, asyncio.Future[tuple[Any, list[bytes], Staged]]] = {}
        self._asked: dict[int, tuple[asyncio.Task[Any], bool]] = {}  # questions of the process; may it be forgotten?
        self._answering = asyncio.Semaphore(ANSWERS)
        self._order = asyncio.Lock()  # what the process has kept one after the other is applied here in that order
        self._problems = PerSecond(how.limits.log_lines_s)
        self._channel: Channel | None = None
        self._output: Output | None = None
        self._loop = asyncio.get_running_loop()
        self._over: asyncio.Future[ProcessEnded] = self._loop.create_future()
        self._started = False
        self._stopped = False
        self._reason = ""  # why the hub ended it
        self._pinged: float | None = None  # machine time of a ping that has not been answered
        self._had_waited_s = 0.0  # for a processor, when it was pinged
        self._answered_at = 0.0

    # -- the process --------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Begin the process, which makes the connector and starts it. Raises what these raise, and ProcessEnded."""
        try:
            try:
                await self._begin()
            except OSError as error:  # no fault of the connector's, as the next lines' errors may be
                raise TemporaryError(
                    f"the process of {self._here.instance} can't begin", why=str(error), code="no-process"
                ) from None
            says, _, _ = await self._call("start", parts=self._beginning())
            self.package, there = str(says[0]), says[1]
            if there != orjson.loads(orjson.dumps(declared(self._cls))):
                raise ConfigurationError(
                    f"the installed package of {self._here.instance} declares something else than when the hub started",
                    fix="Restart the hub",
                    code="upgraded",
                )
        except BaseException:
            self.kill("not-started")
            raise
        self._started = True

    async def _begin(self) -> None:
        if not self._around.forks.begun:  # it has ended since: begin it without holding up this loop
            await asyncio.to_thread(self._around.forks.begin)
        ours, theirs = socket.socketpair()
        source, sink = os.pipe()
        output = Output(source, self._here.log, self._how.limits.log_lines_s, self._here.clock.monotonic)
        try:
            self.pid = self._around.forks.fork(theirs, sink)  # blocks for milliseconds
        except BaseException:
            ours.close()
            output.close()
            raise
        finally:
            theirs.close()
            os.close(sink)
        output.open(self._loop)
        self._output = output
        channel = Channel(
            self._received, self._gone, most=MOST_BYTES, most_a_second=MOST_FRAMES_S, most_unread=MOST_UNREAD
        )
        await self._loop.create_unix_connection(lambda: channel, sock=ours)
        self._channel = channel

    def _beginning(self) -> list[bytes]:
        context = self._here
        cls, made_by = written(self._cls)
        values = dict(context.values.values)
        beginning = Beginning(
            path=list(sys.path),
            instance=context.instance,
            tenant=context.tenant,
            module=cls.__module__,
            cls=cls.__qualname__,
            distribution=self._how.distribution,
            made_by=made_by,
            limits=self._how.limits,
            log_level=self._here.log.getEffectiveLevel(),
            clock=context.clock if isinstance(context.clock, SystemClock) else None,
            settings=self._how.settings,
            names=list(values),
        )
        config = b"" if self._how.settings is not None else pickle.dumps(self.config)
        return [pickle.dumps(beginning), config, *values.values()]

    def kill(self, reason: str) -> None:
        """End the process for a reason of the hub's: a short stable code."""
        self._reason = self._reason or reason
        if self._channel is not None:
            self._channel.close()
        elif self.pid:  # the channel did not come about
            self._around.forks.end(self.pid)
            self.pid = 0

    def close(self) -> None:
        """End the process if it has not ended. Blocks shortly; any thread may call it."""
        self._stopped = True
        if self.pid:
            self._around.forks.end(self.pid)

    def unanswered_s(self) -> float:
        """Seconds since a ping that its loop has not answered; 0 if there is none. Called on the hub's loop.

        Sends the next ping, PING_S after the last answer.
        """
        now = self._here.clock.monotonic()
        if (pinged := self._pinged) is not None:
            found = measured(self.pid)
            if found is None or found.reading:
                return 0.0
            # Without the time for which a machine with too much work has kept it from its answer.
            return now - pinged - (found.waited_s - self._had_waited_s)
        if self._started and now - self._answered_at >= PING_S:
            self._answered_at = now
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._ping)
        return 0.0

    def _ping(self) -> None:
        if self._channel is not None and (found := measured(self.pid)) is not None:
            self._pinged, self._had_waited_s = self._here.clock.monotonic(), found.waited_s
            self._send(["ping"])

    def forget_ping(self) -> None:
        self._pinged = None

    def _gone(self, bad: BadFrame | None) -> None:
        """The channel is closed, by either side."""
        self._channel = None
        how = self._around.forks.end(self.pid)
        self.pid = 0
        reason = self._reason or ("garbled" if bad is not None else "process-ended")
        error = ProcessEnded(f"the process of {self._here.instance} has ended", why=how, code=reason)
        if self._output is not None:
            self._output.close()
            self._output = None
        for task, _ in list(self._asked.values()):
            task.cancel()
        for reply in self._replies.values():
            if not reply.done():
                reply.set_exception(error)
        self._over.set_result(error)
        if self._started and not self._stopped:
            self._around.lost(error)

    # -- calls --------------------------------------------------------------------------------------------------------

    async def handle(self, event: Event) -> None:
        await self._keeping("handle", parts=[orjson.dumps(event.to_dict())])

    async def confirm(self, word: str) -> None:
        await self._keeping("confirm", word)

    async def run(self) -> None:
        await self._call("run")

    async def selftest(self) -> None:
        await self._call("selftest")

    async def reconcile(self) -> None:
        await self._call("reconcile")

    async def poll(self) -> str | Unfinished | None:
        left, _, _ = await self._call("poll")
        return Unfinished(str(left[0]), tuple(map(str, left[1]))) if isinstance(left, list) else left

    async def receive(self, request: Received) -> Answer | None:
        body = await request.body()
        asked = [request.method, request.path, request.query, dict(request.headers)]
        answer, parts, _ = await self._call("receive", *asked, parts=[body])
        return None if answer is None else Answer(int(answer[0]), parts[0], answer[1])

    async def waiting(self) -> Sequence[Waiting]:
        found, _, _ = await self._call("waiting")
        return [Waiting(word, says, datetime.fromisoformat(since), sv) for word, says, since, sv in found]

    async def stop(self) -> None:
        """Stop the connector, and end its process."""
        try:
            if self._channel is not None:
                await self._call("stop", patient=False)
        finally:
            self._stopped = True
            self._send(["end"])
            if self._channel is not None:
                await asyncio.wait([self._over], timeout=END_S)
            self.kill("stopped")

    async def timer(self, name: str, due: datetime, *arguments: Any) -> None:
        await self._call("timer", name, due.isoformat(), *arguments)

    def __getattr__(self, name: str) -> Any:
        """A timer of the class: `Calls` looks it up by its name."""
        if name.startswith("_") or not callable(getattr(self._cls, name, None)):
            raise AttributeError(name)
        return partial(self.timer, name)

    async def _keeping(self, what: str, *arguments: Any, parts: Sequence[bytes] = ()) -> None:
        """A call whose transactions belong to this one: what the process has staged is staged here."""
        _, _, staged = await self._call(what, *arguments, parts=parts)
        call = staged_now()
        assert call is not None
        try:
            async with self._order:
                await self._has_room(staged)
                call.add(staged)  # and `Calls` applies it in this turn
        except asyncio.CancelledError:
            self.kill("outbox-full")  # the process has kept what is dropped here
            raise

    async def _call(
        self, what: str, *arguments: Any, parts: Sequence[bytes] = (), patient: bool = True
    ) -> tuple[Any, list[bytes], Staged]:
        """Raises what the connector raises, and ProcessEnded.

        A call that is cancelled here is cancelled there, and is over when it has ended there: as in one process. If it
        is not `patient`, the process is ended instead.
        """
        if self._channel is None:
            raise self._over.result() if self._over.done() else ProcessEnded("no process yet", code="process-ended")
        number = next(self._numbers)
        reply: asyncio.Future[tuple[Any, list[bytes], Staged]] = self._loop.create_future()
        self._replies[number] = reply
        cancelled: asyncio.CancelledError | None = None
        try:
            self._send(["call", number, what, *arguments], parts)
            while True:
                try:
                    return await reply
                except asyncio.CancelledError as error:
                    if not reply.cancelled():  # the answer and the cancellation came in one turn
                        return reply.result()
                    cancelled = error
                    reply = self._replies[number] = self._loop.create_future()
                    self._send(["cancel", number])
                    if not patient:
                        self.kill("stopped")
                except _CancelledThere:
                    raise cancelled or asyncio.CancelledError from None
        finally:
            del self._replies[number]

    def _send(self, head: Sequence[Any], parts: Sequence[bytes] = ()) -> None:
        channel = self._channel
        if channel is None:
            return
        if self._moved and head[0] in ("call", "answer"):
            clock = self._here.clock
            channel.send(["now", clock.school().isoformat(), clock.utc().isoformat()])
        channel.send(head, parts)

    # -- what the process says ----------------------------------------------------------------------------------------

    def _received(self, head: list[Any], parts: list[bytes]) -> None:
        """Raises TypeError, ValueError or LookupError for what a process of ours does not say."""
        match head:
            case ["done", int(number), result, int(own), list(described)]:
                if (reply := self._replies.get(number)) is not None and not reply.done():
                    self._done(reply, result, parts[:own], described, parts[own:])
            case ["raised", int(number), dict(error)]:
                if (reply := self._replies.get(number)) is not None and not reply.done():
                    reply.set_exception(failures.raised(error))
            case ["cancelled", int(number)]:
                if (reply := self._replies.get(number)) is not None and not reply.done():
                    reply.set_exception(_CancelledThere())
            case ["ask", int(number), str(what), *arguments]:
                if len(self._asked) >= MOST_ASKED:
                    raise BadFrame("too many questions")
                task = self._around.spawn(self._answer(number, what, arguments, parts))
                self._asked[number] = task, what != "commit"
                task.add_done_callback(lambda done: self._asked.pop(number, None))
            case ["forget", int(number)]:
                # A commit goes on although its caller has been cancelled: the process has kept it.
                if (asked := self._asked.get(number)) is not None and asked[1]:
                    asked[0].cancel()
            case ["tell", "problem", str(code), str(detail)]:
                if self._problems.passes(self._here.clock.monotonic()):
                    self._here.problem(code, detail)
            case ["tell", "far_side", str(name), str(code), str(next_try)]:
                self._here.far_side(name, code, _moment(next_try) if next_try else None)
            case ["tell", "poll_soon"]:
                self._here.poll_soon()
            case ["tell", "unhandled", dict(error)]:
                self._around.unhandled(failures.raised(error))
            case ["pong"]:
                self._pinged, self._answered_at = None, self._here.clock.monotonic()
            case _:
                raise BadFrame("an unknown word")

    def _done(
        self,
        reply: "asyncio.Future[tuple[Any, list[bytes], Staged]]",
        result: Any,
        own: list[bytes],
        described: list[Any],
        values: list[bytes],
    ) -> None:
        try:
            staged = staging.read(described, values, self._here)
        except SkolnavError as error:  # the process has kept what the hub does not keep
            reply.set_exception(error)
            self.kill(coded(error.code))
        else:
            reply.set_result((result, own, staged))

    async def _answer(self, number: int, what: str, arguments: list[Any], parts: list[bytes]) -> None:
        if what != "directory":
            await self._answer_now(number, what, arguments, parts)
            return
        async with self._answering:  # else a process that asks and does not read would fill the hub's memory
            if self._channel is not None:
                await self._channel.has_room()
            await self._answer_now(number, what, arguments, parts)

    async def _answer_now(self, number: int, what: str, arguments: list[Any], parts: list[bytes]) -> None:
        try:
            value = await self._answered(what, arguments, parts)
        except Exception as error:
            self._send(["refuse", number, failures.described(error)])
        else:
            self._send(["answer", number, value])

    async def _answered(self, what: str, arguments: list[Any], parts: list[bytes]) -> Any:
        match what, arguments:
            case "commit", [list(described)]:
                try:
                    staged = staging.read(described, parts, self._here)
                    async with self._order:
                        await self._has_room(staged)
                        kept = self._here.kept(staged)
                    await self._here.make_durable(kept)
                except SkolnavError as error:
                    self.kill(coded(error.code))
                    raise
            case "directory", [str(name), list(given), dict(named)] if name in _QUESTIONS:
                question = getattr(self._here.directory, name)
                return await question(*map(_read, given), **{name: _read(value) for name, value in named.items()})
            case "sleep", [int() | float() as seconds]:
                await self._here.clock.sleep(seconds)
            case _:
                self.kill("garbled")
        return None

    async def _has_room(self, staged: Staged) -> None:
        """Hold the connector back while too many of its events wait for the log."""
        rows = len(staged.bodies)
        if not rows or self._around.outbox.takes(rows):
            return
        if self._problems.passes(self._here.clock.monotonic()):
            self._here.problem("outbox-full", f"{self._around.outbox.rows} events wait")
        while not self._around.outbox.takes(rows):
            await self._here.clock.sleep(_WAIT_S)


def _read(value: Any) -> Any:
    """An argument of a question: dates come as objects."""
    return date.fromisoformat(value["date"]) if isinstance(value, dict) else value


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadFrame("no time") from None
