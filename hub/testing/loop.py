"""An event loop in a thread that a test can leave behind."""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

T = TypeVar("T")

ROUNDS: Final = 100


class LoopThread:
    """Runs coroutines until `end`, which cancels those that still run."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._thread.start()

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine there and wait for its result."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    async def cancel_others(self) -> None:
        """In the loop: cancel every other task, also those that begin meanwhile, until none is left."""
        me = asyncio.current_task()
        for _ in range(ROUNDS):
            others = [task for task in asyncio.all_tasks() if task is not me]
            if not others:
                return
            for task in others:
                task.cancel()
            await asyncio.wait(others, timeout=0.05)

    async def end(self) -> None:
        """Cancel what is left, end the thread, close the loop."""
        await self.run(self.cancel_others())
        self._loop.call_soon_threadsafe(self._loop.stop)
        await asyncio.to_thread(self._thread.join)
        self._loop.close()
