"""Makes every call of one connector: in its turn and within its time limit.

What a call keeps is committed as a whole or dropped as a whole. This module runs in the connector's loop, except
`overdue`.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Final

import orjson

from hub.clock import Clock
from hub.delivery.base import Attempt, Outcome, Result
from hub.hosting.connector_errors import NothingWaits, NoTurn, TimedOut, outcome_of
from hub.hosting.context import CALL, InstanceContext, Staged
from hub.hosting.keeping import Kept
from hub.hosting.own_thread import cancelled_from_outside
from hub.privacy.base import PermitRefused
from hub.store.moments import Moment
from plugins.connector import Connector, ConnectorConfig, Unfinished, Waiting
from plugins.errors import PermanentError
from plugins.receiving import Answer, BodyLost, Received
from plugins.timers import moment_timers_of
from schemas import Event
from schemas.school_time import SCHOOL_ZONE

CONFIRM_S: Final = 10.0  # for waiting() and confirm(): a person waits for them

MakeConnector = Callable[[Any, InstanceContext], Connector[Any]]
"""Makes the object whose methods are called: the class, or what stands for a connector in another process."""

# The class attribute that bounds a call; `timeout_s` bounds all others.
_LIMITS: Final = {"poll": "poll_timeout_s", "reconcile": "poll_timeout_s", "receive": "receive_timeout_s"}


@dataclass(slots=True, eq=False)
class Call:
    """One call that has begun and not ended, for the watchdog."""

    what: str
    started: float  # machine time
    limit_s: float


class Calls:
    """The calls of one instance.

    `failed(what, error, event)` is called before the error of a call is raised; `event` is the id of the event that was
    being handled, or empty. `wake()` is called on the hub's loop when the outbox has got rows.

    start, poll, timers and reconcile take turns, and so does handle unless the class allows more. receive and confirm
    take turns of their own, since their clients cannot wait for a long poll.
    """

    def __init__(
        self,
        name: str,
        cls: type[Connector[Any]],
        clock: Clock,
        failed: Callable[[str, BaseException, str], None],
        wake: Callable[[], None],
        make: MakeConnector | None = None,
    ) -> None:
        self.connector: Connector[Any]
        self.going: set[Call] = set()  # for the watchdog
        self._name = name
        self._cls = cls
        self._clock = clock
        self._failed = failed
        self._wake = wake
        self._make: MakeConnector = make or cls
        self._context: InstanceContext
        self._turn = asyncio.Lock()
        self._door = asyncio.Lock()

    def overdue(self, grace_s: float) -> Call | None:
        """A call that still runs `grace_s` after its time limit; None if there is none. Called on the hub's loop."""
        now = self._clock.monotonic()
        return next((call for call in list(self.going) if now - call.started > call.limit_s + grace_s), None)

    # -- life and polls: their callers decide what a failure means -------------------------------------------------

    async def start(self, config: ConnectorConfig, context: InstanceContext) -> None:
        """Make the connector and call start(). Raises what the connector raises, TimedOut."""
        async with self._turn, self._limited("start", self._cls.timeout_s):
            self._context = context
            self.connector = self._make(config, context)
            await self.connector.start()

    async def poll(self, begins: Callable[[], None]) -> str | Unfinished | None:
        """When its turn has come, call `begins`, then poll(). Raises as `start`."""
        async with self._turn, self._limited("poll", self._cls.poll_timeout_s):
            begins()
            return await self.connector.poll()

    async def stop(self, limit_s: float) -> None:
        """Call stop() if the connector was made, out of turn. Does not raise."""
        if not hasattr(self, "connector"):
            return
        try:
            with self._reporting("stop"):
                async with self._limited("stop", limit_s):
                    await self.connector.stop()
        except BaseException as error:
            if cancelled_from_outside(error):
                raise

    # -- calls that raise what the connector raises, and TimedOut ---------------------------------------------------

    async def call(self, method: str, arguments: Sequence[Any], limit_s: float) -> None:
        """Call a timer, selftest() or reconcile()."""
        with self._reporting(method):
            async with self._turn, self._limited(method, limit_s):
                await getattr(self.connector, method)(*arguments)

    async def moment(self, moment: Moment, *, complete: bool) -> None:
        """Call the timer of a moment in its turn, unless the connector has moved or withdrawn the moment by then."""
        with self._reporting(moment.name):
            async with self._turn, self._limited(moment.name, self._cls.timeout_s):
                if not self._context.moments.has(moment):
                    return
                if moment.name not in moment_timers_of(self._cls):
                    raise PermanentError(f"{self._name} has no timer of this name any more", code="no-such-timer")
                await getattr(self.connector, moment.name)(moment.due.astimezone(SCHOOL_ZONE), complete, moment.key)

    async def receive(self, request: Received, waited_s: Callable[[], float]) -> Answer | None:
        """Call receive() in its turn.

        A client is to blame if it had no turn, since others were slow (NoTurn), or if the call was over while
        `waited_s()`, the time for which the connector has waited for the body, was most of the call's time (BodyLost).
        Neither is reported to the operator.
        """
        limit_s, has_turn = self._cls.receive_timeout_s, False
        with self._reporting("receive"):
            try:
                async with self._limited("receive", limit_s), self._door:
                    has_turn = True
                    answer = checked_answer(await self.connector.receive(request))
            except TimedOut:
                if not has_turn:
                    raise NoTurn(f"{self._name} is busy with other requests", code="busy") from None
                if waited_s() > limit_s / 2:
                    raise BodyLost("the body came so slowly that the call was over", code="body-slow") from None
                raise
        return answer

    async def waiting(self) -> Sequence[Waiting]:
        with self._reporting("waiting"):
            async with self._limited("waiting", CONFIRM_S):
                return checked_waiting(await self.connector.waiting())

    async def confirm(self, word: str) -> Kept:
        """Call confirm(). Raises NothingWaits too."""
        async with self._door:
            if all(each.word != word for each in await self.waiting()):
                raise NothingWaits(f"{self._name}: nothing waits under this word", code="nothing-waits")
            with self._reporting("confirm"), self._staging() as staged:
                async with self._limited("confirm", CONFIRM_S):
                    await self.connector.confirm(word)
                return self._context.kept(staged)

    async def handle(self, attempt: Attempt) -> Outcome:
        """Call handle() with the event that the attempt's permit gives. Raises PermitRefused and nothing else."""
        async with self._turn if self._cls.concurrency == "instance" else nullcontext():
            try:
                with self._reporting("handle", attempt.stored.id), self._staging() as staged:
                    async with self._limited("handle", self._cls.timeout_s):
                        # The permit holds in this step: nothing is awaited between it and the call.
                        event = _event(attempt.permit())
                        await self.connector.handle(event)
                    kept = self._context.kept(staged)
            except PermitRefused:
                raise
            except BaseException as error:
                if cancelled_from_outside(error):
                    raise
                return outcome_of(error)
        on_stored = self._wake if kept.publishes else None
        return Outcome(Result.DELIVERED, operations=kept.operations, on_stored=on_stored)

    # -- how --------------------------------------------------------------------------------------------------------

    @contextmanager
    def _staging(self) -> Iterator[Staged]:
        """Collect what this task commits inside the block. No other task sees it."""
        staged = Staged()
        CALL.set(staged)  # each call runs in a task of its own
        try:
            yield staged
        finally:
            staged.open = False

    @contextmanager
    def _reporting(self, what: str, event: str = "") -> Iterator[None]:
        try:
            yield
        except (PermitRefused, BodyLost, NoTurn):  # no failure: the gate decides again, or a client is to blame
            raise
        except BaseException as error:
            if not cancelled_from_outside(error):
                self._failed(what, error, event)
            raise

    @asynccontextmanager
    async def _limited(self, what: str, limit_s: float) -> AsyncIterator[None]:
        """Raises TimedOut."""
        call = Call(what, self._clock.monotonic(), limit_s)
        self.going.add(call)
        timer: asyncio.Timeout | None = None
        try:
            async with self._clock.timeout(limit_s) as timer:
                yield
        except TimeoutError:
            if timer is None or not timer.expired():
                raise
            setting = _LIMITS.get(what, "timeout_s")
            raise TimedOut(
                f"{what}() of {self._name} did not end within {limit_s:g} s",
                fix=f"Give the far side's calls shorter time-outs, or raise `{setting}` on the class",
                code="timeout",
            ) from None
        finally:
            self.going.discard(call)


def checked_waiting(found: Iterable[Any]) -> list[Waiting]:
    """What waiting() has returned. Raises TypeError."""
    waiting = list(found)
    for each in waiting:
        if not isinstance(each, Waiting) or not isinstance(each.says, str) or not isinstance(each.sv, str):
            raise TypeError("waiting() must return plugins.Waiting with texts")
    return waiting


def checked_answer(answer: Any) -> Answer | None:
    """What receive() has returned. Raises TypeError."""
    if answer is not None and not isinstance(answer, Answer):
        raise TypeError("receive() must return an Answer or None")
    return answer


def _event(body: bytes) -> Event:
    attributes = orjson.loads(body)
    data = attributes.pop("data", None)
    return Event(attributes, data)
