"""What happens, counted: in memory as it happens, in the store once for each five minutes and each hour.

A crash forgets what was counted since the last commit, five minutes at most. An orderly stop forgets nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from hub.clock import Clock
from hub.store import counters
from hub.store.base import Operation, Store
from hub.store.counters import FIVE_MINUTES, HOUR, Span

DAY_S: Final = 86_400
KEPT_S: Final[Mapping[int, int]] = {FIVE_MINUTES: 14 * DAY_S, HOUR: 396 * DAY_S}  # 14 days, 13 months
MOST_THINGS: Final = 5000  # counted about in one span: clients choose the names of sources
OTHER: Final = "other"

Counted = dict[str, float]


class Counting:
    """`add` and `most` cost the caller well under a microsecond. `start` comes before, `save` at least every minute."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._start_s = 0
        self._now: dict[str, Counted] = {}  # the open five minutes
        self._hour: dict[str, Counted] = {}  # of the open hour, the five minutes that are over
        self._ended: list[Span] = []  # spans that are over and not stored yet
        self._over: dict[str, Counted] = {}  # what was counted in the spans that are over, since the start

    async def start(self) -> None:
        """Go on with the open spans of the last run. Raises StoreUnavailable."""
        now_s = self._seconds()
        self._start_s = _floor(now_s, FIVE_MINUTES)
        hour_s = _floor(now_s, HOUR)
        tenant = self._store.tenant
        for span in await self._store.read(counters.load(tenant, FIVE_MINUTES, hour_s, hour_s + HOUR)):
            _merge(self._now if span.start_s == self._start_s else self._hour, span.about, span.counted)

    def add(self, about: str, name: str, value: float = 1.0) -> None:
        """Add to a sum."""
        counted = self._now.get(about)
        if counted is None:
            counted = self._counted(about)
        counted[name] = counted.get(name, 0.0) + value

    def most(self, about: str, name: str, value: float) -> None:
        """Note a value of which the largest counts. `name` ends with `_max`."""
        counted = self._counted(about)
        if value > counted.get(name, 0.0):
            counted[name] = value

    def delivered(self, subscription: str, latency_s: float | None) -> None:
        """A recipient took an event, so long after the hub had accepted it; None: the event was sent again."""
        about = f"subscription/{subscription}"
        if latency_s is None:
            self.add(about, "delivered_again")
            return
        counted = self._now.get(about)
        if counted is None:
            counted = self._counted(about)
        # Not by `add`: this is done for each delivery.
        counted["delivered"] = counted.get("delivered", 0.0) + 1.0
        counted["latency_s"] = counted.get("latency_s", 0.0) + latency_s
        if latency_s > counted.get("latency_s_max", 0.0):
            counted["latency_s_max"] = latency_s

    def of_subscription(self, subscription: str, name: str, count: int = 1) -> None:
        """Count something of a subscription."""
        self.add(f"subscription/{subscription}", name, count)

    def open_spans(self) -> Sequence[Span]:
        """The spans that are not over yet, as they stand."""
        hour = {about: dict(counted) for about, counted in self._hour.items()}
        for about, counted in self._now.items():
            _merge(hour, about, counted)
        start_s = self._start_s
        return [
            *(_span(FIVE_MINUTES, about, start_s, counted) for about, counted in self._now.items()),
            *(_span(HOUR, about, _floor(start_s, HOUR), counted) for about, counted in hour.items()),
        ]

    def totals(self) -> Mapping[str, Mapping[str, float]]:
        """What was counted since the start, by what it is about: for metrics, which only rise."""
        totals = dict(self._over)
        for about, counted in self._now.items():
            _merge(totals, about, counted)
        return totals

    async def save(self, *, all: bool = False) -> None:
        """Store the spans that are over, if there are any; with `all` also those that are open.

        Raises StoreUnavailable; the next call stores what this one could not.
        """
        self._turn()
        if not all and not self._ended:
            return
        spans, self._ended = self._ended, []
        now_s = self._seconds()
        operations: list[Operation] = [counters.save(self._store.tenant, [*spans, *self.open_spans()])]
        operations += [counters.trim(self._store.tenant, width, now_s - kept) for width, kept in KEPT_S.items()]
        try:
            await self._store.commit(*operations)
        except BaseException:
            self._ended = spans + self._ended
            raise

    def next_s(self) -> float:
        """Seconds until the open five minutes are over."""
        return self._start_s + FIVE_MINUTES - self._clock.utc().timestamp()

    def _turn(self) -> None:
        """End the open spans if their time is over."""
        start_s = _floor(self._seconds(), FIVE_MINUTES)
        if start_s == self._start_s:
            return
        spans = self.open_spans()
        hour_over = _floor(start_s, HOUR) != _floor(self._start_s, HOUR)
        self._ended += [span for span in spans if span.width_s == FIVE_MINUTES or hour_over]
        self._hour = {} if hour_over else {span.about: dict(span.counted) for span in spans if span.width_s == HOUR}
        for about, counted in self._now.items():
            _merge(self._over, about if about in self._over or len(self._over) < MOST_THINGS else OTHER, counted)
        self._now = {}
        self._start_s = start_s

    def _counted(self, about: str) -> Counted:
        counted = self._now.get(about)
        if counted is None:
            if len(self._now) >= MOST_THINGS:
                about = OTHER
            counted = self._now.setdefault(about, {})
        return counted

    def _seconds(self) -> int:
        return int(self._clock.utc().timestamp())


def merged(counted: Mapping[str, float], more: Mapping[str, float]) -> Counted:
    """Both together: sums added, and of each `_max` the larger."""
    result = dict(counted)
    for name, value in more.items():
        result[name] = max(result.get(name, 0.0), value) if name.endswith("_max") else result.get(name, 0.0) + value
    return result


def _merge(into: dict[str, Counted], about: str, counted: Mapping[str, float]) -> None:
    into[about] = merged(into.get(about, {}), counted)


def _span(width_s: int, about: str, start_s: int, counted: Counted) -> Span:
    return Span(width_s=width_s, about=about, start_s=start_s, counted=dict(counted))


def _floor(seconds: int, width: int) -> int:
    return seconds - seconds % width
