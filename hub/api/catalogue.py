"""The catalogue of event types, and its description as AsyncAPI. Public."""

from importlib.metadata import version

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from hub.http.access import Parts
from hub.http.problems import ApiProblem
from schemas import UnknownType
from schemas.export import asyncapi, catalogue_entry, catalogue_list

router = APIRouter(tags=["catalogue"])


@router.get("/v1/catalogue", summary="Every event type", response_class=JSONResponse)
async def types(parts: Parts) -> Response:
    return JSONResponse(catalogue_list(parts.catalogue))


@router.get("/v1/catalogue/{type}", summary="One event type", response_class=JSONResponse)
async def one_type(type: str, parts: Parts) -> Response:
    """The type's JSON Schema, ordering key, categories by field, and whole events that POST /v1/events accepts."""
    try:
        entry = parts.catalogue.entry(type)
    except UnknownType:
        raise ApiProblem("not-found", "No such event type; GET /v1/catalogue lists them.") from None
    return JSONResponse(catalogue_entry(parts.catalogue, entry))


@router.get("/asyncapi.json", summary="AsyncAPI 3 description", response_class=JSONResponse)
async def asyncapi_json(parts: Parts) -> Response:
    return JSONResponse(asyncapi(parts.catalogue, version=version("skolnav")))
