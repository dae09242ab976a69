"""The catalogue of event types, and its description as AsyncAPI. Public."""

from importlib.metadata import version
from typing import Any, cast

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from hub.api.addresses import host_of, scheme_of
from hub.api.answers import TypeEntry, TypeList
from hub.http.access import Parts
from hub.http.as_json import Answer, Route, as_json
from hub.http.browsers import ANY_ORIGIN
from hub.http.problems import ApiProblem
from schemas import UnknownType
from schemas.asyncapi import asyncapi
from schemas.export import catalogue_entry, catalogue_list

router = APIRouter(tags=["catalogue"], route_class=Route)


@router.get("/v1/catalogue", summary="Every event type", response_class=JSONResponse)
async def types(parts: Parts) -> Answer[TypeList]:
    return as_json(cast(TypeList, catalogue_list(parts.catalogue)), headers=ANY_ORIGIN)


@router.get("/v1/catalogue/{type}", summary="One event type", response_class=JSONResponse)
async def one_type(type: str, parts: Parts) -> Answer[TypeEntry]:
    """The type's JSON Schema, ordering key, categories by field, and whole events that POST /v1/events accepts."""
    try:
        entry = parts.catalogue.entry(type)
    except UnknownType:
        raise ApiProblem("not-found", "No such event type; GET /v1/catalogue lists them.") from None
    return as_json(cast(TypeEntry, catalogue_entry(parts.catalogue, entry)), headers=ANY_ORIGIN)


@router.get("/asyncapi.json", summary="AsyncAPI 3 description", response_class=JSONResponse)
async def asyncapi_json(request: Request, parts: Parts) -> Answer[dict[str, Any]]:
    host = host_of(request)
    document = asyncapi(parts.catalogue, version=version("skolnav"), host=host, protocol=scheme_of(host))
    return as_json(document, headers=ANY_ORIGIN)
