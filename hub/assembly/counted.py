"""What the hub counts over time, apart from deliveries: accepted events, portions, lags, and ages."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

from hub.assembly.services import Services
from hub.bus.base import Stored
from hub.tasks import Tasks
from schemas.meals import MealsCount

SAMPLE_S: Final = 60.0
MOST_MEALS: Final = 10_000
MEALS: Final = MealsCount.spec.type


class Counted:
    """Observes the log, and looks at lags and ages every minute."""

    def __init__(self, services: Services, problem: Callable[[str, str, str], None]) -> None:
        self._services = services
        self._problem = problem
        self._tasks = Tasks()
        self._own = f"urn:skolnav:{services.config.tenant}:"
        self._portions: dict[str, int] = {}  # by meal: what its last order was
        services.log.observe(self._observe)

    def start(self) -> None:
        self._tasks.start(self._run(), name="count")

    async def stop(self) -> None:
        await self._tasks.stop()
        await self._save(all=True)

    def _observe(self, batch: Sequence[Stored]) -> None:
        counting = self._services.counting
        counting.add("hub", "events", len(batch))
        for source, events in Counter(stored.source for stored in batch).items():
            counting.add(self._about(source), "events", events)
        for stored in batch:
            if stored.type == MEALS:
                self._order(stored)

    def _order(self, stored: Stored) -> None:
        """Count by how much an order changes its meal's portions, so that a revised order does not count twice."""
        data = stored.parsed.get("data") or {}
        about, meal = self._about(stored.source), stored.entity or ""
        portions = sum(count["portions"] for count in data["counts"]) + data["staffPortions"]
        before = self._portions.get(meal)
        if len(self._portions) >= MOST_MEALS:
            self._portions.clear()
        self._portions[meal] = portions
        self._services.counting.add(about, "orders")
        if before is not None or data["revision"] == 1:  # else the hub has restarted since the order before
            self._services.counting.add(about, "portions", portions - (before or 0))

    def _about(self, source: str) -> str:
        """A connector counts under its name, any other source under its own."""
        return f"connector/{source.removeprefix(self._own)}" if source.startswith(self._own) else f"source/{source}"

    async def _run(self) -> None:
        clock, counting = self._services.clock, self._services.counting
        while True:
            self.sample()
            await clock.sleep(max(0.1, min(SAMPLE_S, counting.next_s())))
            await self._save()

    async def _save(self, *, all: bool = False) -> None:
        services = self._services
        try:
            await services.counting.save(all=all)
            if operations := services.pages.acknowledging.operations():
                await services.store.commit(*operations)
        except Exception as error:
            self._problem("counters", type(error).__name__, "")

    def sample(self) -> None:
        """Note how far each recipient is behind, and how old what sources and connectors said is."""
        services, now = self._services, self._services.clock.utc()
        most = services.counting.most
        for subscription in services.subscriptions.all():
            status = services.delivery.status(subscription.id)
            about = f"subscription/{subscription.id}"
            most(about, "lag_s_max", status.lag_s)
            most(about, "parked_max", status.parked)
            most(about, "dead_max", status.dead)
        for source in services.directory.current_sources():
            as_of = services.directory.current_as_of(source)
            if as_of is not None:
                most(self._about(source), "age_s_max", (now - as_of).total_seconds())
        for instance in services.hosts.statuses():
            about = f"connector/{instance.name}"
            if instance.polls:
                most(about, "poll_age_s_max", (now - (instance.polled or instance.since)).total_seconds())
                most(about, "poll_failures_max", instance.failures)
