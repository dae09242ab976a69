"""The paths of `/ss12000/v2.0`. A list that the hub does not offer is a 404 without a body, as the standard says."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.convertors import StringConvertor, register_url_convertor
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from hub.http.access import caller
from hub.privacy.base import Recipient
from hub.ss12000 import deleted, filters, lists
from hub.ss12000.answers import Provider, unchecked
from hub.ss12000.errors import NotFound, Ss12000Route, answer_to, bad_request
from hub.ss12000.filters import Query
from hub.ss12000.paging import Place
from hub.ss12000.posting import POSTED, post
from hub.ss12000.render import Rendering
from hub.ss12000.requests import json_body, parameters, path_id, publisher, reader
from hub.ss12000.resources import RESOURCES, Resource
from hub.ss12000.sight import Sight
from hub.ss12000.subscriptions import router as subscriptions

PREFIX: Final = "/ss12000/v2.0"

router = APIRouter(prefix=PREFIX, route_class=Ss12000Route, include_in_schema=False)

Endpoint = Callable[[Request], Awaitable[Response]]


def _provider(request: Request) -> Provider:
    provider: Provider = request.app.state.ss12000
    return provider


def place_of(
    provider: Provider, recipient: Recipient, path: str, *, asked: Mapping[str, list[str]], read: Callable[[], Query]
) -> Place:
    """Where a page begins: at a token's place, else at the start of the query that `read` returns.

    Raises Refused (400), also if a token comes with other parameters than `limit`.
    """
    if "pageToken" not in asked:
        return Place(read())
    if not asked.keys() <= {"pageToken", "limit"}:
        raise bad_request("page-token-combined", "`pageToken` may be combined with `limit` only; it holds the rest.")
    token = filters.one("pageToken", asked["pageToken"], filters.text)
    return provider.tokens.read(recipient.name, path, token, filters.page_limit(asked))


def _listing(resource: Resource) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        recipient = await reader(request)
        provider = _provider(request)
        asked = parameters(request)
        place = place_of(
            provider, recipient, resource.path, asked=asked,
            read=lambda: filters.read(
                asked, resource.filters, expand=resource.expand, sortkeys=frozenset(resource.sorts)
            ),
        )  # fmt: skip

        async def make(sight: Sight) -> Any:
            page = await lists.page(resource, place, sight, provider.orders)
            query = place.query
            rendering = Rendering(sight, names=query.names, expand=query.expand)
            data = await rendering.objects(resource.kind, page.items)
            token = page.following and provider.tokens.make(recipient.name, resource.path, page.following)
            return {"data": data, "pageToken": token}

        return provider.answer(recipient, resource.path, make, lambda sight: lists.permit(resource, place.query, sight))

    return endpoint


def _lookup(resource: Resource) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        recipient = await reader(request)
        query = _presentation(request, resource)
        body = await json_body(request)

        async def make(sight: Sight) -> Any:
            found = await lists.lookup(resource, body, sight)
            return await Rendering(sight, names=query.names, expand=query.expand).objects(resource.kind, found)

        return _provider(request).answer(recipient, f"{resource.path}/lookup", make)

    return endpoint


def _by_id(resource: Resource) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        recipient = await reader(request)
        query = _presentation(request, resource)
        id = path_id(request)

        async def make(sight: Sight) -> Any:
            seen = await lists.one(resource, id, sight)
            if seen is None:
                raise NotFound
            rendering = Rendering(sight, names=query.names, expand=query.expand)
            return (await rendering.objects(resource.kind, [seen]))[0]

        return _provider(request).answer(recipient, f"{resource.path}/id", make)

    return endpoint


def _posting(resource: Resource) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        await publisher(request)
        key = request.headers.get("idempotency-key")
        body = await json_body(request)
        who = await publisher(request)  # what the client may publish may have changed while its body arrived
        return await post(_provider(request), who, resource, body=body, key=key)

    return endpoint


def _presentation(request: Request, resource: Resource) -> Query:
    asked = parameters(request)
    if not asked.keys() <= {"expand", "expandReferenceNames"}:
        raise bad_request("parameter-unknown", "Only `expand` and `expandReferenceNames` are allowed here.")
    query = Query()
    filters.presentation(query, asked, resource.expand)
    return query


async def _deleted(request: Request) -> Response:
    recipient = await reader(request)
    provider = _provider(request)
    asked = parameters(request)
    place = place_of(provider, recipient, deleted.PATH, asked=asked, read=lambda: deleted.read(asked))

    async def make(sight: Sight) -> Any:
        data, following = await deleted.page(place, sight)
        token = following and provider.tokens.make(recipient.name, deleted.PATH, following)
        return {"data": data, "pageToken": token}

    return provider.answer(recipient, deleted.PATH, make, unchecked)


class _Rest(StringConvertor):
    """The rest of a path with its line breaks; Starlette's own `path` stops at one."""

    regex = "(?s:.*)"


register_url_convertor("ss12000_rest", _Rest())


class _NotOffered:
    """Answers each path that no route before it serves, for any method: a route with methods would answer 405."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await caller(Request(scope, receive))
            raise NotFound
        except Exception as error:
            await answer_to(error)(scope, receive, send)


for _resource in RESOURCES:
    _path = f"/{_resource.path}"
    router.add_api_route(_path, _listing(_resource), methods=["GET"], name=f"ss12000 {_resource.path}")
    router.add_api_route(f"{_path}/lookup", _lookup(_resource), methods=["POST"])
    if _resource in POSTED:
        router.add_api_route(_path, _posting(_resource), methods=["POST"])
    router.add_api_route(f"{_path}/{{id}}", _by_id(_resource), methods=["GET"])
router.add_api_route(f"/{deleted.PATH}", _deleted, methods=["GET"])
router.include_router(subscriptions)
for _path in (PREFIX, f"{PREFIX}/{{rest:ss12000_rest}}"):
    router.add_route(_path, _NotOffered(), include_in_schema=False)  # type: ignore[arg-type]  # an ASGI app
