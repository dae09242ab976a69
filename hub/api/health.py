"""`/healthz`, `/readyz` and `/metrics`: is it alive, does it do its work from end to end, and how well."""

import asyncio
from collections.abc import Awaitable, Iterator
from typing import Any, Final

from fastapi import APIRouter
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.responses import JSONResponse, Response

from hub.api.access import Anybody, Operator, Parts
from hub.config.model import Role
from hub.services import Services
from hub.store.statements import touch

_PROBE_S: Final = 2.0  # a log or store that takes longer is not ready

router = APIRouter(tags=["health"])


@router.head("/healthz", include_in_schema=False)
@router.get("/healthz", summary="Is the process alive", response_class=JSONResponse)
async def live() -> Response:
    return JSONResponse({"status": "live"})


@router.head("/readyz", include_in_schema=False)
@router.get("/readyz", summary="Does it work from end to end", response_class=JSONResponse)
async def ready(parts: Parts, who: Anybody) -> Response:
    """503 while the log or the store can't be written. Operators see sources and recipients too."""
    log_ok, store_ok = await asyncio.gather(
        _works(parts.log.append([])), _works(parts.store.commit(touch(parts.store.tenant)))
    )
    answer: dict[str, Any] = {
        "status": "ready" if log_ok and store_ok else "not-ready",
        "log": {"writable": log_ok, "durability": "fsync before the answer"},
        "store": {"writable": store_ok},
        "school_clock": parts.clock.school().isoformat(timespec="seconds"),
    }
    if who is not None and Role.OPERATOR in who.roles:
        answer |= _details(parts)
    return JSONResponse(answer, 200 if log_ok and store_ok else 503)


def _details(parts: Services) -> dict[str, Any]:
    """Whom the hub hears of and delivers to. Names of systems and recipients are nobody else's business."""
    now = parts.clock.utc()
    return {
        "directory": {
            "sources": [
                {"source": source, "fresh": parts.directory.fresh(source, now)}
                for source in sorted(parts.directory.current_sources())
            ]
        },
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
    """For operators: subscriptions by id, no person, nothing of what was withheld."""
    registry = CollectorRegistry()
    registry.register(_Parts(parts))
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
