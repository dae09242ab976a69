"""`/healthz` and `/readyz`: is the process alive, and does it do its work from end to end."""

import asyncio
from dataclasses import asdict
from importlib.metadata import version

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from hub.config.model import Role
from hub.http.access import CallerIfKnown, Parts
from hub.http.as_json import as_json
from hub.operating.connectors import connectors
from hub.operating.overview import readiness
from hub.operating.sources import sources
from hub.operating.subscriptions import counted

router = APIRouter(tags=["health"])


@router.get("/healthz", summary="Is the process alive", response_class=JSONResponse)
async def live() -> Response:
    return as_json({"status": "live"})


@router.get("/readyz", summary="Does it work from end to end", response_class=JSONResponse)
async def ready(parts: Parts, who: CallerIfKnown) -> Response:
    """503 while the log or the store can't be written. Operators see the version, sources, connectors and recipients
    too."""
    found = await readiness(parts)
    answer = asdict(found)
    if who is not None and Role.OPERATOR in who.roles:
        # Together: then each connector is asked once what waits.
        conditions, standings = await asyncio.gather(parts.conditions.now(), connectors(parts))
        answer["version"] = version("skolnav")
        answer["directory"] = {"sources": sources(parts)}
        answer["connectors"] = [{**asdict(each), "waiting": each.waiting_count} for each in standings]
        answer["subscriptions"] = await counted(parts)
        answer["conditions"] = conditions
    return as_json(answer, 200 if found.status == "ready" else 503)
