"""When a connector polls: at its start, then regularly, later after a failure, and soon when a poll is asked for."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final

from hub.clock import Clock
from hub.hosting.connector_errors import backoff_s, code_of, coded
from hub.hosting.own_thread import cancelled_from_outside
from hub.pauses import jittered
from hub.waiting import set_within
from plugins.connector import Unfinished

POLL_SOON_S: Final = 1.0  # pause before a poll that was asked for


class Polls:
    """The polls of one instance, which never overlap. They run in the instance's loop; the hub reads the flags."""

    def __init__(self, clock: Clock, dice: random.Random) -> None:
        self.every_s: float | None = None  # None until the instance begins, and for one that does not poll
        self.failing = ""  # the code of the last poll's failure; empty if the last poll succeeded
        self.unread = ""  # the code of what the last poll could not read although it succeeded; empty if it read all
        self.behind: tuple[str, ...] = ()  # the far sides that the last poll which succeeded left behind
        self.failures = 0  # polls in a row that failed or did not read all
        self.failed_since: datetime | None = None  # the end of the first of these polls, machine time
        self.polled: datetime | None = None  # machine time at the end of the last poll that read all
        self._clock = clock
        self._dice = dice
        self._wanted = asyncio.Event()
        self._by_person = False

    def soon(self, *, person: bool = False) -> None:
        """Ask for a poll. While polls fail, only a person's request ends the pause between them."""
        if self.every_s is not None and (person or not self.failing):
            self._by_person = self._by_person or person
            self._wanted.set()

    def wanted(self) -> bool:
        """A poll was asked for and has not begun."""
        return self._wanted.is_set()

    async def run(
        self,
        poll: Callable[[Callable[[], None]], Awaitable[str | Unfinished | None]],
        ends: Callable[[BaseException], bool],
    ) -> None:
        """Poll until `ends(error)` is true: no poll can succeed before a person acts.

        `poll(begins)` calls `begins` when its turn has come: a request after that asks for another poll. It returns
        what `Connector.poll` returns.
        """
        assert self.every_s is not None
        failures = 0
        while True:
            try:
                left = await poll(self._begins)
                unread, behind = (left.code, left.far_sides) if isinstance(left, Unfinished) else (left, ())
                self.behind = tuple(str(each) for each in behind)  # a vendor may give anything
                failures, self.failing, self.unread = 0, "", coded(unread) if unread else ""
                if unread:
                    self._failed()
                else:
                    self.failures, self.failed_since, self.polled = 0, None, self._clock.utc()
            except BaseException as error:
                if cancelled_from_outside(error):
                    raise
                failures += 1
                self._failed()
                if ends(error):
                    return
                self.failing = code_of(error)
                if not self._by_person:  # a person who has asked during this poll does not wait for the pause either
                    self._wanted.clear()
                await self._pause(jittered(backoff_s(failures, error), self._dice))
            else:
                await self._pause(self.every_s)

    def _failed(self) -> None:
        self.failures += 1
        self.failed_since = self.failed_since or self._clock.utc()

    def _begins(self) -> None:
        self._by_person = False
        self._wanted.clear()

    async def _pause(self, seconds: float) -> None:
        """Return after `seconds`, or shortly after a poll was asked for."""
        if await set_within(self._wanted, seconds, self._clock):
            await self._clock.sleep(min(POLL_SOON_S, seconds))
