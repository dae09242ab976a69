"""The hub and all its subscriptions at a glance, and whether it does its work from end to end."""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from hub.assembly.services import Services
from hub.operating.sources import SourceStanding, sources
from hub.operating.subscriptions import SubscriptionStanding, counted
from hub.store.statements import touch

ANSWER_S: Final = 2.0  # a log or store that takes longer to write is not ready


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """What `skolnav subscriptions` shows."""

    municipality: str
    demo: bool
    school_time: datetime
    oldest_event: datetime | None  # acceptance time; None while the log is empty
    subscriptions: Sequence[SubscriptionStanding]
    sources: Sequence[SourceStanding]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogReadiness:
    writable: bool
    durability: str  # what an acknowledged event survives


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreReadiness:
    writable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """Whether the hub can accept events now. Holds no name of a system or a recipient: anyone may see it."""

    status: Literal["ready", "not-ready"]
    log: LogReadiness
    store: StoreReadiness
    school_clock: datetime


async def overview(services: Services) -> Overview:
    """Raises LogUnavailable."""
    return Overview(
        municipality=services.config.municipality,
        demo=services.config.demo,
        school_time=services.clock.school().replace(microsecond=0),
        oldest_event=await services.log.oldest_time(),
        subscriptions=await counted(services),
        sources=sources(services),
    )


async def readiness(services: Services) -> Readiness:
    """Write to the log and to the store: only a write shows that the disk is not full."""
    log_ok, store_ok = await asyncio.gather(
        _works(services.log.append([])), _works(services.store.commit(touch(services.store.tenant)))
    )
    return Readiness(
        status="ready" if log_ok and store_ok else "not-ready",
        log=LogReadiness(writable=log_ok, durability=services.engine.durability),
        store=StoreReadiness(writable=store_ok),
        school_clock=services.clock.school().replace(microsecond=0),
    )


async def _works(probe: Awaitable[object]) -> bool:
    try:
        async with asyncio.timeout(ANSWER_S):
            await probe
    except Exception:
        return False
    return True
