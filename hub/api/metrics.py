"""`/metrics`: how subscriptions, connectors and directory sources stand, as Prometheus gauges."""

import asyncio
import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from importlib.metadata import version
from typing import Final

from fastapi import APIRouter, Request
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.responses import Response

from hub.alerts.condition import Condition
from hub.api.limits import Limit, Standing
from hub.api.pulls import Pulls
from hub.bus.migrations import FORMAT as LOG_FORMAT
from hub.http.access import Operator, Parts
from hub.http.counted import Counted
from hub.http.guesses import Guesses
from hub.http.unread import Unread
from hub.operating.connectors import ConnectorStanding, connectors
from hub.operating.sources import SourceStanding, sources
from hub.operating.subscriptions import SubscriptionStanding, subscriptions
from hub.subscriptions.model import Status

OF_SUBSCRIPTIONS: Final[Mapping[str, str]] = {
    "skolnav_subscription_lag_seconds": "Age of the oldest event that has not reached the recipient",
    "skolnav_subscription_open": "Deliveries under way",
    "skolnav_subscription_parked": "Keys that wait for their next attempt",
    "skolnav_subscription_dead": "Dead letters",
    "skolnav_subscription_active": "1 while it is active",
    "skolnav_subscription_waiting": "Events that wait because nothing is delivered to it now",
    "skolnav_subscription_failures": "Failures in a row of its recipient as a whole",
}
OF_CONNECTORS: Final[Mapping[str, str]] = {
    "skolnav_connector_up": "1 while it runs, and its subscription, if it has one, is active",
    "skolnav_connector_poll_age_seconds": "Seconds since the last poll that read everything, or since it started",
    "skolnav_connector_poll_failures": "Polls in a row that failed or did not read everything",
    "skolnav_connector_waiting": "Things that wait until a person confirms them",
    "skolnav_connector_threads": "Threads of its loop and of its blocking calls",
    "skolnav_connector_cpu_seconds": "Processor time of these threads since it started",
    "skolnav_connector_state_bytes": "Size of its state, which the hub holds in memory",
    "skolnav_connector_memory_bytes": "Memory of its own process, with what it shares with other processes",
    "skolnav_connector_descriptors": "Open files and connections of its own process",
}
INFO: Final = "skolnav_info"
COUNTED: Final[Mapping[str, tuple[str, str, str, str]]] = {
    # metric: what it means, its label, the kind of thing and the counter that it sums up
    "skolnav_events": ("Events accepted, by source", "source", "source", "events"),
    "skolnav_connector_events": ("Events accepted from a connector", "connector", "connector", "events"),
    "skolnav_connector_orders": ("Orders of meals from a connector", "connector", "connector", "orders"),
    "skolnav_subscription_delivered": ("Events that the recipient took", "subscription", "subscription", "delivered"),
    "skolnav_subscription_served": ("Events in answers to a feed or stream", "subscription", "subscription", "served"),
    "skolnav_subscription_failed": ("Attempts that failed", "subscription", "subscription", "failed"),
    "skolnav_subscription_latency_seconds": (
        "Time from acceptance to delivery, summed up", "subscription", "subscription", "latency_s",
    ),
}  # fmt: skip
OF_FAR_SIDES: Final[Mapping[str, str]] = {
    "skolnav_far_side_age_seconds": "Seconds since it last got all that waited for it",
    "skolnav_far_side_behind_seconds": "For how long it has been behind; 0 while it is not",
}
OF_TIMERS: Final[Mapping[str, str]] = {
    "skolnav_timer_late_seconds": "For how long a run has been due, failing or given up",
    "skolnav_timer_failures": "Failures in a row of that run",
}
CONDITIONS: Final = "skolnav_condition_seconds"
CONNECTIONS: Final = "skolnav_http_connections"
THREADS: Final = "skolnav_threads"
LIMITS: Final = "skolnav_http_limits_reached"
PROBLEMS: Final = "skolnav_connector_problems"
AGES: Final = "skolnav_directory_age_seconds"
WAITED: Final = "skolnav_directory_waited_seconds"

router = APIRouter(tags=["health"])


@router.get("/metrics", summary="Prometheus", response_class=Response)
async def metrics(request: Request, parts: Parts, who: Operator) -> Response:
    """For operators: subscriptions by id, connectors by name, no person, and nothing about what was withheld."""
    registry, state = CollectorRegistry(), request.app.state
    registry.register(Sums(parts.counting.totals()))
    # Together: then each connector is asked once what waits.
    conditions, found = await asyncio.gather(parts.conditions.now(), connectors(parts))
    registry.register(Standings(subscriptions(parts), found, sources(parts), state.door, conditions, parts.clock.utc()))
    registry.register(AtTheDoor(state.unread, state.guesses, state.pulls, state.inbound.refused))
    ProcessCollector(registry=registry)
    return Response(generate_latest(registry), media_type="text/plain; version=0.0.4; charset=utf-8")


class Standings(Collector):
    """Gauges of one moment."""

    def __init__(
        self,
        subscriptions: Sequence[SubscriptionStanding],
        connectors: Sequence[ConnectorStanding],
        sources: Sequence[SourceStanding],
        door: Standing,
        conditions: Sequence[Condition],
        now: datetime,
    ) -> None:
        self._subscriptions = subscriptions
        self._connectors = connectors
        self._sources = sources
        self._door = door
        self._conditions = conditions
        self._now = now

    def collect(self) -> Iterator[Metric]:
        info = GaugeMetricFamily(INFO, "1; the version that runs, and the format of its log", labels=["version", "log"])
        info.add_metric([version("skolnav"), str(LOG_FORMAT)], 1)
        yield info
        yield from self._of_subscriptions()
        yield from self._of_connectors()
        yield from self._of_far_sides()
        yield from self._of_timers()
        yield self._of_conditions()
        yield self._problems()
        yield from self._ages()
        yield GaugeMetricFamily(THREADS, "Threads of the whole process", threading.active_count())
        yield GaugeMetricFamily(CONNECTIONS, "Open HTTP connections", self._door.open)
        yield self._limits()

    def _of_subscriptions(self) -> Iterator[Metric]:
        gauges = {
            name: GaugeMetricFamily(name, meaning, labels=["subscription"])
            for name, meaning in OF_SUBSCRIPTIONS.items()
        }
        for each in self._subscriptions:
            labels = [each.subscription]
            gauges["skolnav_subscription_lag_seconds"].add_metric(labels, each.lag_s)
            gauges["skolnav_subscription_open"].add_metric(labels, each.open)
            gauges["skolnav_subscription_parked"].add_metric(labels, each.parked)
            gauges["skolnav_subscription_dead"].add_metric(labels, each.dead)
            gauges["skolnav_subscription_active"].add_metric(labels, float(each.state == Status.ACTIVE))
            gauges["skolnav_subscription_waiting"].add_metric(labels, each.waiting)
            gauges["skolnav_subscription_failures"].add_metric(labels, each.attempts)
        return iter(gauges.values())

    def _of_connectors(self) -> Iterator[Metric]:
        gauges = {
            name: GaugeMetricFamily(name, meaning, labels=["connector"]) for name, meaning in OF_CONNECTORS.items()
        }
        for each in self._connectors:
            labels = [each.name]
            gauges["skolnav_connector_up"].add_metric(labels, float(each.up))
            if each.polled_s is not None:
                gauges["skolnav_connector_poll_age_seconds"].add_metric(labels, each.polled_s)
                gauges["skolnav_connector_poll_failures"].add_metric(labels, each.failures)
            if each.waiting_count is not None:
                gauges["skolnav_connector_waiting"].add_metric(labels, each.waiting_count)
            if each.usage is not None:
                gauges["skolnav_connector_threads"].add_metric(labels, each.usage.threads)
                gauges["skolnav_connector_cpu_seconds"].add_metric(labels, each.usage.cpu_s)
                gauges["skolnav_connector_state_bytes"].add_metric(labels, each.usage.state_bytes)
                if each.usage.memory_bytes is not None:
                    gauges["skolnav_connector_memory_bytes"].add_metric(labels, each.usage.memory_bytes)
                if each.usage.descriptors is not None:
                    gauges["skolnav_connector_descriptors"].add_metric(labels, each.usage.descriptors)
        return iter(gauges.values())

    def _of_far_sides(self) -> Iterator[Metric]:
        gauges = {
            name: GaugeMetricFamily(name, meaning, labels=["connector", "far_side"])
            for name, meaning in OF_FAR_SIDES.items()
        }
        for each in self._connectors:
            for side in each.far_sides:
                labels = [each.name, side.name]
                if side.reached_s is not None:
                    gauges["skolnav_far_side_age_seconds"].add_metric(labels, side.reached_s)
                behind_s = 0.0 if side.behind is None else self._since(side.behind)
                gauges["skolnav_far_side_behind_seconds"].add_metric(labels, behind_s)
        return iter(gauges.values())

    def _of_timers(self) -> Iterator[Metric]:
        gauges = {
            name: GaugeMetricFamily(name, meaning, labels=["connector", "timer"]) for name, meaning in OF_TIMERS.items()
        }
        for each in self._connectors:
            for timer in each.timers:
                labels = [each.name, timer.name]
                gauges["skolnav_timer_late_seconds"].add_metric(labels, self._since(timer.since))
                gauges["skolnav_timer_failures"].add_metric(labels, timer.failures)
        return iter(gauges.values())

    def _of_conditions(self) -> Metric:
        """Each thing that should have happened and did not, also while it is too young to be an alert."""
        labels = ["code", "severity", "place", "what"]
        found = GaugeMetricFamily(CONDITIONS, "For how long something has not happened that should have", labels=labels)
        for each in self._conditions:
            found.add_metric([each.code, each.kind.severity, each.place, each.what], self._since(each.since))
        return found

    def _since(self, moment: datetime) -> float:
        return max(0.0, (self._now - moment).total_seconds())

    def _problems(self) -> Metric:
        found = CounterMetricFamily(PROBLEMS, "Problems reported to operators", labels=["connector", "code"])
        for each in self._connectors:
            for code, count in sorted(each.problems.items()):
                found.add_metric([each.name, code], count)
        return found

    def _limits(self) -> Metric:
        found = CounterMetricFamily(LIMITS, "Requests refused and connections closed by a limit", labels=["limit"])
        for limit in Limit:
            found.add_metric([limit], self._door.reached[limit])
        return found

    def _ages(self) -> Iterator[Metric]:
        found = GaugeMetricFamily(
            AGES, "Seconds since a source said that everything it sent is complete", labels=["source"]
        )
        meaning = "For how long a source of directory.sources has been waited for"
        waited = GaugeMetricFamily(WAITED, meaning, labels=["source"])
        for each in self._sources:
            (waited if each.waited_for else found).add_metric([each.source], each.age_s)
        return iter((found, waited))


class Sums(Collector):
    """Counters since the hub's start; `/v1/operator/counters` has them over time."""

    def __init__(self, totals: Mapping[str, Mapping[str, float]]) -> None:
        self._totals = totals

    def collect(self) -> Iterator[Metric]:
        for metric, (meaning, label, kind, counted) in COUNTED.items():
            found = CounterMetricFamily(metric, meaning, labels=[label])
            for about, total in sorted(self._totals.items()):
                if counted in total and about.startswith(f"{kind}/"):
                    found.add_metric([about.removeprefix(f"{kind}/")], total[counted])
            yield found


class AtTheDoor(Collector):
    """What clients do to the hub that hurts it."""

    def __init__(self, unread: Unread, guesses: Guesses, pulls: Pulls, to_connectors: Counted) -> None:
        self._unread = unread
        self._guesses = guesses
        self._pulls = pulls
        self._to_connectors = to_connectors

    def collect(self) -> Iterator[Metric]:
        unread = self._unread
        yield GaugeMetricFamily("skolnav_http_unread_bytes", "Bytes of answers that wait to be read", unread.total)
        yield CounterMetricFamily("skolnav_http_cut", "Connections whose clients did not read", unread.cut.total)
        yield CounterMetricFamily(
            "skolnav_http_unread_refused", "Requests of clients that leave too much unread", unread.refused.total
        )
        pulls = self._pulls
        yield GaugeMetricFamily("skolnav_http_pulls", "Feeds and streams that are being answered", pulls.open.total())
        yield CounterMetricFamily(
            "skolnav_http_pulls_refused", "Feeds and streams refused, since too many are open", pulls.refused.total
        )
        yield CounterMetricFamily(
            "skolnav_http_connectors_refused", "Requests to connectors refused, since too many are open",
            self._to_connectors.total,
        )  # fmt: skip
        guesses = self._guesses
        yield CounterMetricFamily("skolnav_http_wrong_tokens", "Wrong tokens and secrets", guesses.failed)
        yield CounterMetricFamily(
            "skolnav_http_guesses_slowed", "Requests of callers that try tokens or secrets", guesses.slowed.total
        )
