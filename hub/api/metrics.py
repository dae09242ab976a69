"""`/metrics`: how subscriptions, connectors and directory sources stand, as Prometheus gauges."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from fastapi import APIRouter, Request
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.responses import Response

from hub.api.limits import Limit, Standing
from hub.api.pulls import Pulls
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
}
OF_CONNECTORS: Final[Mapping[str, str]] = {
    "skolnav_connector_up": "1 while it runs, and its subscription, if it has one, is active",
    "skolnav_connector_poll_age_seconds": "Seconds since the last poll that read everything, or since it started",
    "skolnav_connector_poll_failures": "Polls in a row that failed or did not read everything",
    "skolnav_connector_waiting": "Things that wait until a person confirms them",
    "skolnav_connector_threads": "Threads of its loop and of its blocking calls",
    "skolnav_connector_cpu_seconds": "Processor time of these threads since it started",
    "skolnav_connector_state_bytes": "Size of its state, which the hub holds in memory",
}
CONNECTIONS: Final = "skolnav_http_connections"
THREADS: Final = "skolnav_threads"
LIMITS: Final = "skolnav_http_limits_reached"
PROBLEMS: Final = "skolnav_connector_problems"
AGES: Final = "skolnav_directory_age_seconds"

router = APIRouter(tags=["health"])


@router.get("/metrics", summary="Prometheus", response_class=Response)
async def metrics(request: Request, parts: Parts, who: Operator) -> Response:
    """For operators: subscriptions by id, connectors by name, no person, and nothing about what was withheld."""
    registry, state = CollectorRegistry(), request.app.state
    registry.register(Standings(subscriptions(parts), await connectors(parts), sources(parts), state.door))
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
    ) -> None:
        self._subscriptions = subscriptions
        self._connectors = connectors
        self._sources = sources
        self._door = door

    def collect(self) -> Iterator[Metric]:
        yield from self._of_subscriptions()
        yield from self._of_connectors()
        yield self._problems()
        yield self._ages()
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
            gauges["skolnav_subscription_active"].add_metric(labels, float(each.state is Status.ACTIVE))
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
        return iter(gauges.values())

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

    def _ages(self) -> Metric:
        found = GaugeMetricFamily(
            AGES, "Seconds since a source said that everything it sent is complete", labels=["source"]
        )
        for each in self._sources:
            found.add_metric([each.source], each.age_s)
        return found


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
