"""The catalogue of event types, and its description as AsyncAPI. Public."""

from importlib.metadata import version

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from hub.api.addresses import host_of, scheme_of
from hub.http.access import Parts
from hub.http.browsers import ANY_ORIGIN
from hub.http.problems import ApiProblem
from schemas import UnknownType
from schemas.asyncapi import asyncapi
from schemas.export import catalogue_entry, catalogue_list

router = APIRouter(tags=["catalogue"])


@router.get("/v1/catalogue", summary="Every event type", response_class=JSONResponse)
async def types(parts: Parts) -> Response:
    return JSONResponse(catalogue_list(parts.catalogue), headers=ANY_ORIGIN)


@router.get("/v1/catalogue/{type}", summary="One event type", response_class=JSONResponse)
async def one_type(type: str, parts: Parts) -> Response:
    """The type's JSON Schema, ordering key, categories by field, and whole events that POST /v1/events accepts."""
    try:
        entry = parts.catalogue.entry(type)
    except UnknownType:
        raise ApiProblem("not-found", "No such event type; GET /v1/catalogue lists them.") from None
    return JSONResponse(catalogue_entry(parts.catalogue, entry), headers=ANY_ORIGIN)


@router.get("/asyncapi.json", summary="AsyncAPI 3 description", response_class=JSONResponse)
async def asyncapi_json(request: Request, parts: Parts) -> Response:
    host = host_of(request)
    document = asyncapi(parts.catalogue, version=version("skolnav"), host=host, protocol=scheme_of(host))
    return JSONResponse(document, headers=ANY_ORIGIN)
