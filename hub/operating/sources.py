"""How fresh each directory source is: how long ago the source reported that everything it sent is complete."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from hub.assembly.services import Services


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """The last `directory.current` of a directory source."""

    fresh: bool  # young enough for the privacy gate to trust the source's protection markings
    as_of: datetime  # the time as of which the source was complete
    age_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceStanding(Freshness):
    """One directory source."""

    source: str  # the `source` of its events


def freshness(services: Services, source: str) -> Freshness | None:
    """None for a source that has never reported itself as complete."""
    now, as_of = services.clock.utc(), services.directory.current_as_of(source)
    if as_of is None:
        return None
    return Freshness(
        fresh=services.directory.fresh(source, now),
        as_of=as_of.replace(microsecond=0),
        age_s=round((now - as_of).total_seconds(), 1),
    )


def sources(services: Services) -> Sequence[SourceStanding]:
    """Every source that has reported itself as complete, by name."""
    known = ((source, freshness(services, source)) for source in sorted(services.directory.current_sources()))
    return [SourceStanding(source=source, **asdict(found)) for source, found in known if found is not None]
