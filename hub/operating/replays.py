"""How many events a replay would send, before it is begun. Only for operators: the count tells of what is withheld."""

from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase

from hub.assembly.services import Services
from hub.bus.base import Position, Wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayCount:
    """`events`: of the types and sources that the subscription asks for. The gate decides anew on each of them."""

    events: int


async def count(
    services: Services, subscription: str, *, since: datetime | Position | None, until: datetime | None
) -> ReplayCount:
    """`since` None: from the oldest stored event; `until` None: up to now. Raises KeyError, LogUnavailable."""
    log, found = services.log, services.subscriptions.get(subscription)
    after = since if isinstance(since, Position) else log.start() if since is None else await log.at(since)
    upto = log.head() if until is None else await log.at(until)

    def from_source(name: str) -> bool:
        return not found.sources or any(fnmatchcase(name, glob) for glob in found.sources)

    wanted = Wanted(type=found.types.__contains__, source=from_source)
    return ReplayCount(events=await log.count(wanted, after=after, upto=upto))
