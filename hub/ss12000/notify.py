"""Signals that ask SS 12000 subscribers to fetch: a task for each subscription follows the log, behind the gate.

Each task reads on from the position of its client's last signal. The events since then are decided on for that client,
anew at each attempt: a change that the client may not see makes no signal. The signal has the standard's form
(`modifiedEntites`, so spelt) and goes to addresses that webhooks may reach (`hub.outbound.addresses`). It is sent at
least once: after a crash it may be repeated.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

import orjson

from hub.assembly.services import Services
from hub.bus.base import Position, Stored
from hub.config.model import Role
from hub.delivery.base import Result
from hub.http.auth import Principal
from hub.outbound.addresses import LOOPBACK, Networks, check_url
from hub.outbound.http1 import Client, Failure
from hub.pauses import doubled_s, until_it_works
from hub.privacy.base import Decision, PermitRefused, Recipient, Rule
from hub.sinks.webhook import outcome_of, request_head
from hub.ss12000 import callbacks
from hub.ss12000.callbacks import Callback
from hub.ss12000.errors import NotFound
from hub.ss12000.index import WITHDRAWN
from hub.ss12000.resources import NOTHING, RESOURCES
from hub.store.base import StoreUnavailable

LOOK_S: Final = 3600.0  # how long an attempt waits for a new event before it checks the expiry
INTERVAL_S: Final = 5.0  # between two signals to one subscriber
TIMEOUT_S: Final = 20.0
FIRST_RETRY_S: Final = 2.0
LAST_RETRY_S: Final = 900.0
PAGE: Final = 500
PATIENCE: Final = 5  # failed decisions on an event after which the other events get their signal without it


log = logging.getLogger(__name__)


class Undecided(Exception):
    """Deciding on an event failed: whether there is something to fetch is not known yet."""


class Notifier:
    """Starts a task for each subscription. The task ends with the subscription, or with `stop`."""

    def __init__(
        self, services: Services, client: Callable[[str], Principal | None], interval_s: float = INTERVAL_S
    ) -> None:
        self._services = services
        self._client = client
        self._interval_s = interval_s
        self._kept: dict[str, Callback] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._kinds: dict[str, tuple[str, bool]] = {}  # event type -> (resource, whether it is gone then)
        self._needs = {each.resource: each.needs for each in RESOURCES}
        for resource in RESOURCES:
            for entry in services.catalogue:
                kind = entry.spec.entity.kind if entry.spec.entity is not None else ""
                if kind == resource.kind:
                    gone = entry.spec.ends or entry.type == WITHDRAWN
                    self._kinds[entry.type] = (resource.resource, gone)

    async def start(self) -> None:
        """Start the task of every subscription. Raises StoreUnavailable."""
        for callback in await callbacks.load(self._services.store):
            self._take_up(callback)

    async def stop(self) -> None:
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._tasks.clear()

    # -- subscriptions ------------------------------------------------------------------------------------------

    def of(self, client: str) -> Sequence[Callback]:
        """A client's subscriptions that have not expired, by id."""
        now = self._services.clock.utc()
        return sorted(
            (each for each in self._kept.values() if each.client == client and each.expires > now),
            key=lambda each: each.id,
        )

    async def add(self, callback: Callback) -> None:
        """Make a subscription, durably. Raises StoreUnavailable."""
        await self._services.store.commit(callbacks.save(self._services.store.tenant, callback))
        self._take_up(callback)

    async def extend(self, id: str, expires: datetime) -> Callback:
        """Let a subscription expire at another time, durably. Raises NotFound if it was deleted, StoreUnavailable."""
        before = self._kept.get(id)
        if before is None:
            raise NotFound
        # In memory first: a subscription that is deleted during the commit must not come back.
        self._kept[id] = changed = replace(before, expires=expires)
        try:
            await self._services.store.commit(callbacks.save(self._services.store.tenant, changed))
        except StoreUnavailable:
            if (now := self._kept.get(id)) is not None:
                self._kept[id] = replace(now, expires=before.expires)
            raise
        return changed

    async def remove(self, id: str) -> None:
        """Delete a subscription. When this returns, no signal can leave any more. Raises StoreUnavailable."""
        callback = self._kept.pop(id, None)
        if callback is None:
            return
        # The task ends before the row is deleted: it would write the row anew with the position of its last signal.
        task = self._tasks.pop(id, None)
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        try:
            await self._services.store.commit(callbacks.forget(self._services.store.tenant, (id,)))
        except StoreUnavailable:
            self._take_up(callback)
            raise

    def allowed(self) -> Networks:
        config = self._services.config
        return LOOPBACK if config.loopback_only else config.outbound

    def _take_up(self, callback: Callback) -> None:
        self._kept[callback.id] = callback
        task = asyncio.get_running_loop().create_task(self._follow(callback.id), name=f"ss12000-{callback.id}")
        self._tasks[callback.id] = task

    # -- one subscription ---------------------------------------------------------------------------------------

    async def _follow(self, id: str) -> None:
        clock, failures = self._services.clock, 0
        while (callback := self._kept.get(id)) is not None:
            left_s = (callback.expires - clock.utc()).total_seconds()
            if left_s <= 0:
                await self._end(id)
                return
            try:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(min(left_s, LOOK_S)):
                        await self._services.log.wait(Position.unpack(callback.position))
                signalled = await self._notify(callback, patient=failures < PATIENCE)
                failures = 0
                if signalled:
                    await clock.sleep(self._interval_s)
            except Exception as error:  # of any kind: the next attempt reads on from the last signal's position
                failures += 1
                log.info("ss12000 subscription %s: no signal (%s)", id, getattr(error, "code", type(error).__name__))
                await clock.sleep(doubled_s(failures, first_s=FIRST_RETRY_S, last_s=LAST_RETRY_S))

    async def _end(self, id: str) -> None:
        self._kept.pop(id, None)
        self._tasks.pop(id, None)
        store = self._services.store

        def failed(error: Exception, pause_s: float) -> None:
            log.error("ss12000 subscription %s: its end could not be stored; next try in %.1f s", id, pause_s)

        await until_it_works(
            lambda: store.commit(callbacks.forget(store.tenant, (id,))), clock=self._services.clock, failed=failed,
            retry_on=(StoreUnavailable,),
        )  # fmt: skip

    async def _notify(self, callback: Callback, *, patient: bool) -> bool:
        """Read up to the head and signal if there is something to fetch. Returns whether a signal was sent.

        `patient`: raise Undecided if the decision on an event fails, so that the whole attempt is repeated. Else pass
        over that event.
        """
        position = Position.unpack(callback.position)
        seen: dict[tuple[str, bool], Decision] = {}  # (resource, gone) -> a change that the client may see
        scanned = 0
        while True:
            batch = await self._services.log.read(position, PAGE)
            position = batch.position
            scanned += len(batch.events)
            await self._decide(callback, batch.events, seen, patient=patient)
            if batch.at_head:
                break
        if seen:
            await self._signal(callback, seen)
        current = self._kept.get(callback.id)
        if current is not None:
            self._kept[callback.id] = moved = replace(current, position=position.pack())
            if seen or scanned >= PAGE:
                await self._services.store.commit(callbacks.save(self._services.store.tenant, moved))
        return bool(seen)

    async def _decide(
        self, callback: Callback, events: Sequence[Stored], seen: dict[tuple[str, bool], Decision], *, patient: bool
    ) -> None:
        """Decide on each event. A withheld entity gets its mark: a signal follows once the client may see it."""
        recipient = self._recipient(callback)
        if recipient is None:
            return
        allowed = self._services.gate.allowed(recipient)
        wanted = {each for each in callback.resources if self._needs.get(each, NOTHING) <= allowed}
        ledger = self._services.telling.to(recipient, f"ss12000:{callback.id}").ledger()
        failed = False
        for stored in events:
            kind = self._kinds.get(stored.type)
            if kind is None or kind[0] not in wanted:
                continue
            decision = ledger.judge(stored)
            if decision.allowed:
                ledger.disclose([decision])
                seen[kind] = decision
            elif decision.rule is Rule.UNDECIDED:
                failed = True
                if not patient:
                    ledger.withhold(decision)  # restated later, which makes a signal of its own
        if operations := ledger.operations():
            await self._services.store.commit(*operations)
        if failed and patient:
            raise Undecided

    async def _signal(self, callback: Callback, seen: Mapping[tuple[str, bool], Decision]) -> None:
        """POST the signal in a turn in which all its decisions hold. Raises Failure, PermitRefused, UrlRefused."""
        modified = sorted(resource for resource, gone in seen if not gone)
        content = orjson.dumps(
            {
                **({"modifiedEntites": modified} if modified else {}),  # so spelt in the standard's file
                **({"deletedEntities": True} if any(gone for _, gone in seen) else {}),
            }
        )
        target = check_url(callback.target, self.allowed())
        message = b"%bContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (
            request_head("POST", target, None), len(content), content,
        )  # fmt: skip
        client = Client(target, allow=self.allowed(), public=not self._services.config.loopback_only)
        try:
            deadline = client.loop.time() + TIMEOUT_S
            connection = await client.connect(deadline)
            if not self._may_signal(callback, seen.values()):
                raise PermitRefused
            response = await connection.request(message, deadline)
        finally:
            await client.close()
        if outcome_of(response, self._services.clock).result is not Result.DELIVERED:
            raise Failure(f"http-{response.status}")

    def _may_signal(self, callback: Callback, seen: Collection[Decision]) -> bool:
        """Whether, in this turn, the client is still the recipient of the decisions and they still hold."""
        recipient = self._recipient(callback)
        return all(decision.recipient == recipient for decision in seen) and self._services.telling.holds(seen)

    def _recipient(self, callback: Callback) -> Recipient | None:
        """The client under its contract as it is now; None if it is gone, no subscriber, or has no contract.

        None also if the subscription was deleted or has expired.
        """
        kept, client = self._kept.get(callback.id), self._client(callback.client)
        if kept is None or kept.expires <= self._services.clock.utc():
            return None
        return client.recipient if client is not None and Role.SUBSCRIBER in client.roles else None
