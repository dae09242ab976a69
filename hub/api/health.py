"""`/healthz`, `/readyz` and `/metrics`: is it alive, does it do its work from end to end, and how well."""

import asyncio
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from fastapi import APIRouter
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.responses import JSONResponse, Response

from hub.assembly.services import Services
from hub.config.model import Role
from hub.hosting.hosts import InstanceInfo
from hub.hosting.instance import InstanceStatus
from hub.http.access import Anybody, Operator, Parts
from hub.store.statements import touch
from hub.subscriptions.model import Status
from plugins.connector import Waiting

_PROBE_S: Final = 2.0  # a log or store that takes longer is not ready; a connector that does is not waited for

router = APIRouter(tags=["health"])


@router.head("/healthz", include_in_schema=False)
@router.get("/healthz", summary="Is the process alive", response_class=JSONResponse)
async def live() -> Response:
    return JSONResponse({"status": "live"})


@router.head("/readyz", include_in_schema=False)
@router.get("/readyz", summary="Does it work from end to end", response_class=JSONResponse)
async def ready(parts: Parts, who: Anybody) -> Response:
    """503 while the log or the store can't be written. Operators see sources, connectors and recipients too."""
    log_ok, store_ok = await asyncio.gather(
        _works(parts.log.append([])), _works(parts.store.commit(touch(parts.store.tenant)))
    )
    answer: dict[str, Any] = {
        "status": "ready" if log_ok and store_ok else "not-ready",
        "log": {"writable": log_ok, "durability": parts.engine.durability},
        "store": {"writable": store_ok},
        "school_clock": parts.clock.school().isoformat(timespec="seconds"),
    }
    if who is not None and Role.OPERATOR in who.roles:
        answer |= await _details(parts)
    return JSONResponse(answer, 200 if log_ok and store_ok else 503)


async def _details(parts: Services) -> dict[str, Any]:
    """Whom the hub hears of and delivers to. Names of systems and recipients are nobody else's business."""
    found = parts.hosts.statuses()
    waiting = await asyncio.gather(*(waits(parts, each.name) for each in found))
    return {
        "directory": {
            "sources": [
                {"source": source, **(_freshness(parts, source) or {})}
                for source in sorted(parts.directory.current_sources())
            ]
        },
        "connectors": [
            {**standing(parts, each), "waiting": None if waits is None else len(waits)}
            for each, waits in zip(found, waiting, strict=True)
        ],
        "subscriptions": [status(parts, each.id) for each in parts.subscriptions.all()],
    }


def status(parts: Services, id: str) -> dict[str, Any]:
    """How a subscription stands, for operators."""
    found = parts.delivery.status(id)
    return {
        "subscription": id,
        "state": found.state,
        "reason": found.reason,
        "lag_s": round(found.lag_s, 3),
        "open": found.open,
        "parked": found.parked,
        "dead": found.dead,
        "holding": found.holding,
        "lanes": list(found.lanes),
    }


def standing(parts: Services, info: InstanceInfo) -> dict[str, Any]:
    """How a connector stands, for operators: codes, times and counts."""
    now = parts.clock.utc()
    delivered = f"connector:{info.name}" in {each.id for each in parts.subscriptions.all()}
    found = parts.delivery.status(f"connector:{info.name}") if delivered else None
    return {
        "name": info.name,
        "use": info.use,
        "status": info.status,
        "reason": info.reason,
        "subscription": None if found is None else {"state": found.state, "reason": found.reason},
        "failing": info.failing,
        "unread": info.unread,
        "failures": info.failures,
        "doing": info.doing,
        "since": _shown(info.since),
        "polled": _shown(info.polled),
        "polled_s": None if not info.polls else round(_polled_s(info, now), 1),
        "directory": _freshness(parts, f"urn:skolnav:{parts.config.tenant}:{info.name}"),
        "problem": info.problem,
        "problem_at": _shown(info.problem_at),
        "problems": info.problems,
    }


async def waits(parts: Services, name: str) -> Sequence[Waiting] | None:
    """What waits for a person at a connector; None where it could not be asked."""
    try:
        async with asyncio.timeout(_PROBE_S):
            return await parts.hosts.waiting(name)
    except Exception:  # told by the instance; what the others have is shown all the same
        return None


def _polled_s(info: InstanceInfo, now: datetime) -> float:
    """Seconds since the last poll that read all; before the first, since the instance began."""
    return max(0.0, (now - (info.polled or info.since)).total_seconds())


def _freshness(parts: Services, source: str) -> dict[str, Any] | None:
    """How old a source's word is that what it sent is complete; None for one that never said so."""
    now, as_of = parts.clock.utc(), parts.directory.current_as_of(source)
    if as_of is None:
        return None
    age_s = round((now - as_of).total_seconds(), 1)
    return {"fresh": parts.directory.fresh(source, now), "as_of": _shown(as_of), "age_s": age_s}


def _shown(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="seconds")


async def _works(probe: Awaitable[object]) -> bool:
    try:
        async with asyncio.timeout(_PROBE_S):
            await probe
    except Exception:
        return False
    return True


@router.head("/metrics", include_in_schema=False)
@router.get("/metrics", summary="Prometheus", response_class=Response)
async def metrics(parts: Parts, who: Operator) -> Response:
    """For operators: subscriptions by id, connectors by name, no person, nothing of what was withheld."""
    found = parts.hosts.statuses()
    waiting = await asyncio.gather(*(waits(parts, each.name) for each in found))
    registry = CollectorRegistry()
    registry.register(_Parts(parts))
    registry.register(_Connectors(parts, {each.name: (each, w) for each, w in zip(found, waiting, strict=True)}))
    ProcessCollector(registry=registry)
    return Response(generate_latest(registry), media_type="text/plain; version=0.0.4; charset=utf-8")


class _Parts(Collector):
    def __init__(self, parts: Services) -> None:
        self._parts = parts

    def collect(self) -> Iterator[Metric]:
        gauges = {
            name: GaugeMetricFamily(f"skolnav_subscription_{name}", says, labels=["subscription"])
            for name, says in (
                ("lag_seconds", "Age of the oldest event that has not reached the recipient"),
                ("open", "Deliveries on their way"),
                ("parked", "Keys that wait for their next try"),
                ("dead", "Dead letters"),
                ("active", "1 while it is active"),
            )
        }
        for each in self._parts.subscriptions.all():
            found = self._parts.delivery.status(each.id)
            gauges["lag_seconds"].add_metric([each.id], found.lag_s)
            gauges["open"].add_metric([each.id], found.open)
            gauges["parked"].add_metric([each.id], found.parked)
            gauges["dead"].add_metric([each.id], found.dead)
            gauges["active"].add_metric([each.id], float(found.state == "active"))
        yield from gauges.values()


class _Connectors(Collector):
    """Also the age of each directory source's word, which is what most of them are for."""

    def __init__(self, parts: Services, found: Mapping[str, tuple[InstanceInfo, Sequence[Waiting] | None]]) -> None:
        self._parts = parts
        self._found = found

    def collect(self) -> Iterator[Metric]:
        gauges = {
            name: GaugeMetricFamily(f"skolnav_connector_{name}", says, labels=["connector"])
            for name, says in (
                ("up", "1 while it runs, and its subscription, if it has one, is active"),
                ("poll_age_seconds", "Seconds since the last poll that read all, or since it began"),
                ("poll_failures", "Polls in a row that failed or did not read all"),
                ("waiting", "What waits until a person confirms it"),
            )
        }
        problems = CounterMetricFamily(
            "skolnav_connector_problems", "Problems told to operators", labels=["connector", "code"]
        )
        now = self._parts.clock.utc()
        for name, (info, waiting) in self._found.items():
            stands = standing(self._parts, info)
            delivery = stands["subscription"]
            active = delivery is None or delivery["state"] == Status.ACTIVE
            gauges["up"].add_metric([name], float(info.status is InstanceStatus.RUNNING and active))
            if info.polls:
                gauges["poll_age_seconds"].add_metric([name], _polled_s(info, now))
                gauges["poll_failures"].add_metric([name], info.failures)
            if waiting is not None:
                gauges["waiting"].add_metric([name], len(waiting))
            for code, count in sorted(info.problems.items()):
                problems.add_metric([name, code], count)
        yield from gauges.values()
        yield problems
        ages = GaugeMetricFamily(
            "skolnav_directory_age_seconds", "Age of a source's word that what it sent is complete", labels=["source"]
        )
        for source in sorted(self._parts.directory.current_sources()):
            age = _freshness(self._parts, source)
            if age is not None:
                ages.add_metric([source], age["age_s"])
        yield ages
