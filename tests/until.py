"""The one way in which a test waits for what another task, thread or process does."""

import asyncio
import inspect
import itertools
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

import pytest

TURNS: Final = 20
"""How many turns of the event loop `until` gives to other tasks before its first pause."""

TICK_S: Final = 0.005
"""The pause between two looks."""


async def until(
    holds: Callable[[], object | Awaitable[object]],
    what: str = "",
    *,
    within_s: float = 30,
    meanwhile: Callable[[], object] | None = None,
) -> Any:
    """Wait until `holds()`, which may be a coroutine function, returns something true, and return that.

    `meanwhile` is called before each pause, to move a clock for example. Fails the test after `within_s` seconds with
    `what`, or with the text of the condition.
    """
    __tracebackhide__ = True
    timer = asyncio.timeout(within_s)
    try:
        async with timer:
            for turn in itertools.count():
                held = holds()
                if inspect.isawaitable(held):
                    held = await held
                if held:
                    return held
                if meanwhile is not None:
                    meanwhile()
                await asyncio.sleep(0 if turn < TURNS and meanwhile is None else TICK_S)
    except TimeoutError:
        if not timer.expired():
            raise
    pytest.fail(_failure(holds, what, within_s))


def block_until(holds: Callable[[], object], what: str = "", *, within_s: float = 30) -> Any:
    """`until` for a test without an event loop, which waits for another thread or process."""
    __tracebackhide__ = True
    end = time.monotonic() + within_s
    while not (held := holds()):
        if time.monotonic() > end:
            pytest.fail(_failure(holds, what, within_s))
        time.sleep(TICK_S)
    return held


def _failure(holds: Callable[[], object], what: str, within_s: float) -> str:
    return f"not within {within_s:g} s: {what or _text(holds)}"


def _text(holds: Callable[[], object]) -> str:
    name = getattr(holds, "__qualname__", repr(holds))
    if not name.endswith("<lambda>"):
        return name
    try:
        return inspect.getsource(holds).strip()
    except OSError:
        return name
