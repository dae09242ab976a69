"""`/healthz` and `/readyz`: is the process alive, and does it do its work from end to end."""

import asyncio
from dataclasses import asdict
from importlib.metadata import version
from typing import Final

from fastapi import APIRouter
from starlette.responses import JSONResponse

from hub.api.answers import CountedConnector, Liveness, OperatorReadiness
from hub.config.model import Role
from hub.http.access import CallerIfKnown, Parts
from hub.http.as_json import Answer, Route, as_json
from hub.operating.connectors import connectors
from hub.operating.overview import Readiness, readiness
from hub.operating.sources import sources
from hub.operating.subscriptions import counted
from schemas.event import JSON

_READINESS: Final = "#/components/schemas/Readiness"

router = APIRouter(tags=["health"], route_class=Route)


@router.get("/healthz", summary="Is the process alive", response_class=JSONResponse)
async def live() -> Answer[Liveness]:
    return as_json({"status": "live"})


@router.get(
    "/readyz",
    summary="Does it work from end to end",
    response_class=JSONResponse,
    responses={503: {"description": "Not ready", "content": {JSON: {"schema": {"$ref": _READINESS}}}}},
)
async def ready(parts: Parts, who: CallerIfKnown) -> Answer[OperatorReadiness | Readiness]:
    """503 while the log or the store can't be written. Operators see the version, sources, connectors and recipients
    too."""
    found = await readiness(parts)
    if who is not None and Role.OPERATOR in who.roles:
        # Together: then each connector is asked once what waits.
        conditions, standings = await asyncio.gather(parts.conditions.now(), connectors(parts))
        found = OperatorReadiness(
            status=found.status,
            log=found.log,
            store=found.store,
            school_clock=found.school_clock,
            version=version("skolnav"),
            directory={"sources": sources(parts)},
            connectors=[CountedConnector(**{**asdict(each), "waiting": each.waiting_count}) for each in standings],
            subscriptions=await counted(parts),
            conditions=conditions,
        )
    return as_json(found, 200 if found.status == "ready" else 503)
