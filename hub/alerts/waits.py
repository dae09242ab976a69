"""What connectors do only after a person has confirmed it: asked in bounded time, and once for all who ask together."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from hub.alerts.condition import Condition
from hub.clock import Clock
from hub.hosting.connector_errors import code_of
from hub.hosting.hosts import Hosts, InstanceInfo
from hub.hosting.instance import InstanceStatus
from hub.tasks import Tasks
from plugins.connector import Waiting

ANSWER_S: Final = 2.0  # how long a connector may take to list what waits


class Waits:
    """The answers of all instances. The last one of an instance is valid until it answers again."""

    def __init__(self, hosts: Hosts, clock: Clock) -> None:
        self._hosts = hosts
        self._clock = clock
        self._tasks = Tasks()
        self._asking: dict[str, asyncio.Task[Sequence[Waiting] | None]] = {}
        self._last: dict[str, Sequence[Waiting]] = {}
        self._silent: dict[str, tuple[datetime, str]] = {}  # since when an instance that runs gives no answer, and why

    async def ask(self, name: str) -> Sequence[Waiting] | None:
        """What waits in an instance now; empty where it does not run, None if it gives no answer within ANSWER_S."""
        asking = self._asking.get(name)
        if asking is None:
            asking = self._asking[name] = self._tasks.start(self._ask(name), name=f"{name}: what waits")
            asking.add_done_callback(lambda _: self._asking.pop(name, None))
        return await asyncio.shield(asking)

    def known(self, name: str) -> bool:
        """Whether an instance has answered since the hub's start."""
        return name in self._last

    def conditions(self, info: InstanceInfo) -> Iterator[Condition]:
        """From the last answer of an instance, and whether it gives none."""
        place = f"connectors.{info.name}"
        for each in self._last.get(info.name, ()):
            yield Condition(code="waits-for-person", place=place, what=each.word, since=each.since)
        if info.status is InstanceStatus.RUNNING and info.name in self._silent:
            since, code = self._silent[info.name]
            yield Condition(code="waiting-unknown", place=place, since=since, error=code)

    async def _ask(self, name: str) -> Sequence[Waiting] | None:
        try:
            async with asyncio.timeout(ANSWER_S):
                found = await self._hosts.waiting(name)
        except Exception as error:
            code = "timeout" if isinstance(error, TimeoutError) else code_of(error)
            since, _ = self._silent.pop(name, (self._clock.utc(), ""))
            if self._runs(name):
                self._silent[name] = since, code
            return None
        if self._runs(name):  # one that does not run lists nothing, which does not mean that nothing waits
            self._last[name] = found
            self._silent.pop(name, None)
        return found

    def _runs(self, name: str) -> bool:
        try:
            return self._hosts.instance(name).status is InstanceStatus.RUNNING
        except KeyError:
            return False
