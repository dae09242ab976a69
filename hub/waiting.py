"""Waiting for one of several things: an event or a time-out, an answer or the end of a connection."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from hub.clock import Clock


async def set_within(event: asyncio.Event, seconds: float, clock: Clock) -> bool:
    """Wait until the event is set, for at most `seconds` of machine time. Returns whether it is set."""
    with suppress(TimeoutError):
        async with clock.timeout(seconds):
            await event.wait()
    return event.is_set()


async def first_of(*works: Coroutine[Any, Any, Any]) -> None:
    """Run all of these until one has ended, then cancel the others and wait for them.

    Raises the exception of the coroutine that ended first. If the caller is cancelled, all of them are cancelled.
    """
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
