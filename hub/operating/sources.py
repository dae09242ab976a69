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
class SourceStanding:
    """One directory source: one that has reported itself as complete, or one of `directory.sources` that never has."""

    source: str  # the `source` of its events; of one that is waited for, as the configuration has it
    fresh: bool  # as in `Freshness`
    as_of: datetime | None  # None: it has never reported itself as complete
    age_s: float  # since `as_of`; of one that is waited for: since the hub's start
    waited_for: bool  # person events of all subscriptions wait for it as a whole, or did so in vain
    behind: Sequence[str]  # the subscriptions that wait for it now


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
    """Every source that has reported itself as complete, by name; then those that are waited for."""
    found = [
        SourceStanding(source=source, **asdict(known), waited_for=False, behind=())
        for source in sorted(services.directory.current_sources())
        if (known := freshness(services, source)) is not None
    ]
    waiting = [each for each in services.subscriptions.all() if services.delivery.status(each.id).waits]
    now = services.clock.utc()
    found += [
        SourceStanding(
            source=each.what, fresh=False, as_of=None, age_s=round((now - each.since).total_seconds(), 1),
            waited_for=True, behind=[waits.name for waits in waiting],
        )
        for each in services.conditions.of("directory")
        if each.code == "source-missing"
    ]  # fmt: skip
    return found
