"""An event loop in a thread of its own, and the ways between it and the hub's loop.

Code in the thread may block, hang or fail. The hub's loop goes on turning, notices that the thread does not answer, and
abandons it. The two loops pass work to each other and share no variable that both write, except `_pinged`, which is
assigned in one step.
"""

import asyncio
import contextlib
import sys
import threading
import traceback
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from hub.clock import Clock
from hub.hosting.connector_errors import NotRunning, code_of
from plugins.errors import TemporaryError

T = TypeVar("T")


class OwnThread:
    """The thread, made and called on the hub's loop.

    `unhandled(error)` is called in the thread for the failure of a task that no code awaits: asyncio would print the
    exception of such a task, which may quote data.
    """

    def __init__(
        self, name: str, hub: asyncio.AbstractEventLoop, clock: Clock, unhandled: Callable[[BaseException], None]
    ) -> None:
        self._name = name
        self._hub = hub
        self._clock = clock
        self._unhandled = unhandled
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(self._failed)
        self._thread = threading.Thread(target=self._run, name=f"skolnav-{name}", daemon=True)
        self._stopping = False  # set in the thread, by the last turn of its loop
        self._pinged: float | None = None  # machine time of a ping that has not been answered
        self._answers: set[asyncio.Future[Any]] = set()  # answers that the hub waits for
        self._tasks: set[asyncio.Task[Any]] = set()

    # -- from the hub's loop ------------------------------------------------------------------------------------

    def start(self) -> None:
        self._thread.start()

    @property
    def thread(self) -> threading.Thread:
        return self._thread

    def alive(self) -> bool:
        return self._thread.is_alive()

    async def ask(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run a coroutine in the thread's loop and wait for its result, or until `answer_all`.

        A caller that stops waiting cancels the coroutine. Raises what the coroutine raises, and NotRunning if the
        thread ended before it.
        """
        answer: asyncio.Future[T] = self._hub.create_future()
        self._answers.add(answer)
        job: list[asyncio.Task[None]] = []
        if not self.post(lambda: job.append(self.spawn(self._answer(work, answer)))):
            answer.set_exception(self._ended())
        try:
            return await answer
        except asyncio.CancelledError:
            self.post(lambda: [task.cancel() for task in job])
            raise
        finally:
            self._answers.discard(answer)

    def answer_all(self, error: Callable[[], Exception]) -> None:
        """End the waiting of all callers of `ask` with an error."""
        for answer in list(self._answers):
            if not answer.done():
                answer.set_exception(error())

    def post(self, work: Callable[[], Any]) -> bool:
        """Call `work` in the thread's loop. False if the loop has ended: then nothing is called."""
        try:
            self._loop.call_soon_threadsafe(work)
        except RuntimeError:
            return False
        return True

    def unanswered_s(self) -> float:
        """Seconds since a ping that the loop has not answered; 0 if it has answered all, and before the start.

        Sends the next ping where none is unanswered.
        """
        if self._thread.ident is None:
            return 0.0
        now = self._clock.monotonic()
        if self._pinged is not None:
            return now - self._pinged
        self._pinged = now
        self.post(self.forget_ping)
        return 0.0

    def forget_ping(self) -> None:
        """The ping was answered, or it no longer says anything about the thread."""
        self._pinged = None

    def stack(self) -> traceback.StackSummary | None:
        """The stack of the thread now; None if the thread does not run."""
        frame = sys._current_frames().get(self._thread.ident or 0)
        return None if frame is None else traceback.extract_stack(frame)

    def fade(self) -> None:
        """Cancel all tasks; the thread ends when the last of them has ended, whenever that is."""
        self.post(lambda: self.spawn(self._fade()))

    def stop(self) -> None:
        """End the thread after this turn of its loop. Running tasks are cancelled, and not waited for."""
        if self._thread.ident is None:
            self._loop.close()
        else:
            self.post(self._end_loop)

    async def join(self, seconds: float) -> bool:
        """Wait at most this long for the end of the thread; False if it still runs. Ends all waiting of `ask`."""
        if self._thread.ident is not None:
            await asyncio.to_thread(self._thread.join, seconds)
        self.answer_all(self._ended)
        return not self._thread.is_alive()

    # -- from the thread ----------------------------------------------------------------------------------------

    def spawn(self, work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        """Start a task that `cancel_others` and `fade` will cancel."""
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def to_hub(self, work: Callable[..., Any], *arguments: Any) -> None:
        """Call `work` in the hub's loop; nothing happens if that loop is closed."""
        with contextlib.suppress(RuntimeError):
            self._hub.call_soon_threadsafe(work, *arguments)

    async def on_hub(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the hub's loop and wait for its result here."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._hub))

    def cancel_others(self) -> list[asyncio.Task[Any]]:
        """Cancel all tasks except the current one; returns the cancelled ones."""
        me = asyncio.current_task()
        others = [task for task in self._tasks if task is not me]
        for task in others:
            task.cancel()
        return others

    async def _answer(self, work: Callable[[], Coroutine[Any, Any, T]], answer: "asyncio.Future[T]") -> None:
        def settle(result: T | None, error: BaseException | None) -> None:
            if answer.done():
                return
            if error is not None:
                answer.set_exception(error)
            else:
                answer.set_result(result)  # type: ignore[arg-type]

        try:
            result = await work()
        except BaseException as error:
            if cancelled_from_outside(error):  # by the caller, or by the end of the thread, which the caller must learn
                self.to_hub(settle, None, self._ended())
                raise
            if not isinstance(error, Exception):
                # The work itself raised it. A CancelledError must not cancel the caller, nor SystemExit end the hub.
                error = TemporaryError(f"{self._name} raised {type(error).__name__}", code=code_of(error))
            self.to_hub(settle, None, error)
        else:
            self.to_hub(settle, result, None)

    def _ended(self) -> NotRunning:
        return NotRunning(f"{self._name} was stopped", code="stopped")

    async def _fade(self) -> None:
        if others := self.cancel_others():
            await asyncio.wait(others)
        self._end_loop()

    def _end_loop(self) -> None:
        self._stopping = True
        self._loop.stop()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            while not self._stopping:
                try:
                    self._loop.run_forever()
                except BaseException as error:  # SystemExit in a task of the connector's ends run_forever
                    self._unhandled(error)
        finally:
            for task in asyncio.all_tasks(self._loop):
                task.cancel()
            self._loop.run_until_complete(asyncio.sleep(0))
            self._loop.close()

    def _failed(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if (error := context.get("exception")) is not None:
            self._unhandled(error)


def cancelled_from_outside(error: BaseException) -> bool:
    """Whether this task was cancelled from outside; False for a CancelledError that the connector's code raised."""
    task = asyncio.current_task()
    return isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling() > 0
