"""What was counted over time: events, deliveries, failures, latency, lag, portions and ages, for plots and alerts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from hub.assembly.services import Services
from hub.store import counters as rows
from hub.store.counters import FIVE_MINUTES, HOUR, Span

MOST: Final = 20_000  # spans in one answer


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedSpan:
    """What was counted about one thing: `subscription/<id>`, `connector/<name>`, `source/<source>` or `hub`.

    A name that ends with `_max` is the largest value in the span, any other one a sum.
    """

    about: str
    start: datetime
    width_s: int
    open: bool  # the span is not over yet
    counted: Mapping[str, float]


class TooManySpans(Exception):
    """More than one answer holds. Ask for one thing, for hours, or for a shorter time."""


async def counters(
    services: Services, *, about: str | None, since: datetime, until: datetime, hours: bool
) -> Sequence[CountedSpan]:
    """The spans that begin in this time, by start and thing. Raises TooManySpans, StoreUnavailable."""
    width = HOUR if hours else FIVE_MINUTES
    since_s, until_s = int(since.timestamp()), int(until.timestamp())
    opened = {
        (span.start_s, span.about): span
        for span in services.counting.open_spans()
        if span.width_s == width and since_s <= span.start_s < until_s and about in (None, span.about)
    }
    found = await services.store.read(
        rows.load(services.store.tenant, width, since_s, until_s, about, limit=MOST + 1 - len(opened))
    )
    if len(found) + len(opened) > MOST:
        raise TooManySpans
    stored = [_shown(span, open=False) for span in found if (span.start_s, span.about) not in opened]
    return stored + [_shown(opened[key], open=True) for key in sorted(opened)]


def _shown(span: Span, *, open: bool) -> CountedSpan:
    return CountedSpan(
        about=span.about,
        start=datetime.fromtimestamp(span.start_s, UTC),
        width_s=span.width_s,
        open=open,
        counted={name: round(value, 3) for name, value in sorted(span.counted.items())},
    )
