"""A connector's round trip to its far side without a hub, for `skolnav check --selftest`."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from functools import partial
from typing import Any, Final, TypeVar

from hub.clock import SystemClock
from hub.config import ConnectorEntry
from hub.hosting.blocking import DaemonPool
from hub.hosting.connector_state import ConnectorState, StateView
from hub.texts import both
from plugins.connector import Connector, DirectoryView, Transaction
from plugins.errors import ConfigurationError, TemporaryError
from plugins.texts import Text

T = TypeVar("T")

STOP_S: Final = 5.0


def has_selftest(entry: ConnectorEntry) -> bool:
    return entry.cls.selftest is not Connector.selftest


async def selftest(name: str, entry: ConnectorEntry) -> None:
    """Make the connector, start it, let it test itself, and stop it.

    It sees no state, no directory and no event, and can keep and publish nothing, since a hub may run at the same time.
    Raises what the connector raises, and TemporaryError if it takes longer than its `timeout_s`.
    """
    connector = entry.cls(entry.config, _Context(name))
    try:
        async with asyncio.timeout(entry.cls.timeout_s):
            await connector.start()
            await connector.selftest()
    except TimeoutError:
        raise TemporaryError(
            Text(*both("check.no-answer", seconds=f"{entry.cls.timeout_s:g}")), fix=Text(*both("check.is-it-up"))
        ) from None
    finally:
        async with asyncio.timeout(STOP_S):
            await connector.stop()


class _Context:
    """`plugins.connector.Context` with nothing behind it."""

    def __init__(self, instance: str) -> None:
        self.instance = instance
        self.clock = SystemClock()
        self.log = logging.getLogger(f"skolnav.connector.{instance}")
        self.state = StateView(ConnectorState("", instance, {}))
        self._pool = DaemonPool(f"skolnav-{instance}-selftest", 1)

    @property
    def directory(self) -> DirectoryView:
        raise _none("the directory")

    def commit(self) -> AbstractAsyncContextManager[Transaction]:
        raise _none("state, and nothing is published,")

    async def blocking(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, partial(function, *args, **kwargs))

    def far_side(self, name: str, code: str = "", next_try: datetime | None = None) -> None:
        """No operator watches a selftest."""

    def poll_soon(self) -> None:
        """Nothing polls in a selftest."""

    def problem(self, code: str, detail: str = "") -> None:
        self.log.warning("%s %s", code, detail)


def _none(what: str) -> ConfigurationError:
    return ConfigurationError(f"there is no {what} in a selftest", fix="start() and selftest() must do without")
