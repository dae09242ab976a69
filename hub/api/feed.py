"""`GET /v1/subscriptions/{id}/events` and `.../stream`: what `hub.delivery.pages` gives, as HTTP answers.

Both are ASGI responses of their own: nothing may come between the permit and the first byte but the call of `send`,
and a framework's response would leave that to chance.
"""

import asyncio
from abc import abstractmethod
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Annotated, Any, Final
from urllib.parse import quote

from fastapi import APIRouter, Depends, Header, Query, Request
from starlette.responses import Response

from hub.api.pulls import Pulls
from hub.assembly.services import Services
from hub.bus.base import LogUnavailable
from hub.config.model import Role
from hub.delivery.base import PULLED
from hub.delivery.feed_cursor import FeedCursor
from hub.delivery.pages import MAX_PAGE, CursorTooOld, NotReadable, Page, Pages
from hub.http.access import Caller, Parts, subscription_of
from hub.http.auth import Principal
from hub.http.ground import RightsEnded, ask_again, rest_on
from hub.http.head_method import only_head
from hub.http.problems import ApiProblem
from hub.http.sending import Send, send_batch, send_head
from hub.http.unread import SHARE, Share
from hub.privacy.telling import Unsettled
from hub.store.base import StoreUnavailable
from hub.subscriptions.model import Status
from hub.waiting import first_of
from schemas.event import BATCH

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

MAX_WAIT_S: Final = 60.0
DEFAULT_LIMIT: Final = 100
HEARTBEAT_S: Final = 15.0
EVENT_STREAM: Final = "text/event-stream"
_UNBUFFERED: Final = (b"x-accel-buffering", b"no")
_STREAM_PAGE: Final = 64  # events that are decided together, and the most that waits for a slow reader
_ID_EVERY: Final = 240  # heartbeats until the next `id`: a quiet stream's cursor must not outlive the retention

_AWAY: Final = (Unsettled, LogUnavailable, StoreUnavailable)

router = APIRouter(tags=["feeds"])


class _Pulled(Response):
    """An answer that is made while it is sent. It counts as open until all of it has been sent."""

    def __init__(self, parts: Services, who: Principal, id: str, cursor: FeedCursor, open: Pulls) -> None:
        self.parts = parts
        self.open = open
        self.pages: Pages = parts.pages
        self.id = id
        self.cursor = cursor
        self.who = who
        self.background = None

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if only_head(scope):
            await self.head(send)
            return
        rest_on(scope, self.still_own)
        with self.open.opened(self.who.id), self.pages.answers.opened(self.id) as answer:
            try:
                await first_of(self.answer(send, scope[SHARE]), _disconnected(receive), answer.cut.wait())
            except (NotReadable, KeyError):
                ask_again(scope)  # why a client may have no answer comes before how its subscription stands
                raise
        if answer.cut.is_set():
            raise ConnectionAbortedError("the subscription was deleted, and the client reads nothing")

    def still_own(self) -> None:
        """Whether the subscription is still this client's: asked before each part leaves. Raises ApiProblem."""
        subscription_of(self.parts, self.who, self.id)

    @abstractmethod
    async def head(self, send: Send) -> None:
        """Answer a `HEAD`: how the subscription is, without reading an event."""

    @abstractmethod
    async def answer(self, send: Send, share: Share) -> None:
        """Send the whole answer. Cancelled when the client has gone."""


class FeedPage(_Pulled):
    """One page. The disclosure is durable before the first byte, which leaves in the turn of the permit."""

    def __init__(
        self,
        parts: Services,
        who: Principal,
        id: str,
        cursor: FeedCursor,
        open: Pulls,
        *,
        limit: int,
        wait_s: float,
        path: str,
    ) -> None:
        super().__init__(parts, who, id, cursor, open)
        self.limit = limit
        self.wait_s = wait_s
        self.path = path

    async def head(self, send: Send) -> None:
        self.pages.check_readable(self.id)
        await send_head(send, BATCH)

    async def answer(self, send: Send, share: Share) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.wait_s

        def over() -> bool:
            return loop.time() >= deadline or self.pages.closing

        page: Page | None = None
        begun = self.cursor
        while True:
            async with share.slot() as slot:
                page = await self.pages.page(self.id, self.cursor, self.limit, before=page)
                if page.entries or over():
                    bodies = await self.pages.settled(page, begun)
                    if bodies or over():
                        slot.made()
                        await self._send(page, bodies, send)
                        return
            self.cursor = page.cursor  # also where no event is permitted any more: the page counts as empty
            await self.pages.news(page, deadline)

    async def _send(self, page: Page, bodies: Sequence[bytes], send: Send) -> None:
        wait = f"&wait={self.wait_s:g}" if self.wait_s else ""
        link = f'<{self.path}?after={page.next()}&limit={self.limit}{wait}>; rel="next"'
        await send_batch(send, bodies, [(b"link", link.encode())], lambda: page.permit() is not None)


class Stream(_Pulled):
    """Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

    async def head(self, send: Send) -> None:
        await self.pages.readable(self.id, 0.0)  # a paused stream is open
        await send_head(send, EVENT_STREAM, [_UNBUFFERED])

    async def answer(self, send: Send, share: Share) -> None:
        self.safe = self.cursor  # all denials before it are durable
        page = await self._page(self.cursor, 0.0)
        await send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [
                    (b"content-type", EVENT_STREAM.encode()),
                    (b"cache-control", b"no-store"),
                    _UNBUFFERED,
                ],
            }
        )
        try:
            await self._follow(page, send, share)
        except (RightsEnded, ApiProblem, CursorTooOld, NotReadable, KeyError, *_AWAY):
            # The client's rights or the subscription ended, too much is unread, or the hub can't go on. The client
            # comes back with its cursor, and the answer to that says why.
            pass
        await send({"type": "http.response.body", "body": b""})

    async def _page(self, cursor: FeedCursor, wait_s: float) -> Page | None:
        """The next page; None: the subscription is paused, and was not resumed within `wait_s`."""
        waited = False
        until = asyncio.get_running_loop().time() + wait_s
        while True:
            left_s = max(0.0, until - asyncio.get_running_loop().time())
            try:
                return await self.pages.page(self.id, cursor, _STREAM_PAGE, left_s, each=True)
            except NotReadable as error:
                if error.status is Status.ENDED:
                    raise
            if waited and left_s == 0.0:
                return None
            waited = True
            await self.pages.readable(self.id, left_s)
            self.pages.check_age(cursor)

    async def _settled(self, page: Page | None) -> tuple[Page | None, Sequence[bytes]]:
        """The page and its bytes, which may leave in this turn. A paused subscription has no page."""
        bodies: Sequence[bytes] = ()
        if page is not None:
            try:
                bodies = await self.pages.settled(page, self.safe)
                if page.begun is None:
                    self.safe = page.cursor
            except NotReadable as error:
                if error.status is Status.ENDED:
                    raise
                page = None
        return page, bodies

    async def _follow(self, page: Page | None, send: Send, share: Share) -> None:
        now = asyncio.get_running_loop().time
        cursor = self.cursor  # after what the client has got
        beat, quiet = now(), 0
        while not self.pages.closing:
            # Returns when the client has read everything that was sent before, so that nothing waits between the
            # permit and the first byte.
            await send({"type": "http.response.body", "body": b"", "more_body": True})
            share.require()
            page, bodies = await self._settled(page)
            frames = b""  # stays so if no event is permitted any more: the page counts as empty
            if page is not None and bodies:
                frames = b"".join(_frame(page, index, body) for index, body in enumerate(bodies))
            elif now() >= beat:
                quiet += 1
                frames = b":\n\n"
                if page is not None and quiet % _ID_EVERY == 0:
                    frames = f"id: {page.next()}\n\n".encode()
            if frames:
                beat = now() + HEARTBEAT_S
                await send({"type": "http.response.body", "body": frames, "more_body": True})
            if page is not None:
                cursor = page.cursor
            page = await self._page(cursor, max(0.0, beat - now()))


def _frame(page: Page, index: int, body: bytes) -> bytes:
    # An event's JSON is one line, so it is one `data` field.
    type_ = page.entries[index].decision.stored.type
    return b"id: %b\nevent: %b\ndata: %b\n\n" % (page.cursor_of(index).encode(), type_.encode(), body)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _open_pulls(request: Request) -> Pulls:
    found: Pulls = request.app.state.pulls
    return found


Open = Annotated[Pulls, Depends(_open_pulls)]


async def _begin(parts: Services, who: Principal, id: str, token: str | None) -> FeedCursor:
    who.require(Role.SUBSCRIBER)
    kind = subscription_of(parts, who, id).sink["kind"]
    if kind not in PULLED:
        raise ApiProblem(
            "state-conflict",
            f"This subscription's sink is a {kind}: its events go there. Make one whose sink is a feed or a stream.",
        )
    return await parts.pages.open(id, token)


@router.get("/v1/subscriptions/{id}/events", summary="Read a page of a feed", response_class=Response)
async def events(
    id: str,
    parts: Parts,
    who: Caller,
    open: Open,
    after: Annotated[str | None, Query(max_length=1024, description="The cursor of the last answer's Link")] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = DEFAULT_LIMIT,
    wait: Annotated[float, Query(ge=0, le=MAX_WAIT_S, description="Seconds to wait for a first event")] = 0,
) -> Response:
    """Events after a cursor, as a CloudEvents batch. `Link: <...>; rel="next"` leads to what comes after it, also from
    an empty page. A page is shorter than `limit` only where nothing more is there (or it would exceed 8 MiB).
    """
    path = f"/v1/subscriptions/{quote(id, safe='')}/events"
    cursor = await _begin(parts, who, id, after)
    return FeedPage(parts, who, id, cursor, open, limit=limit, wait_s=wait, path=path)


@router.get("/v1/subscriptions/{id}/stream", summary="Follow a stream", response_class=Response)
async def stream(
    id: str,
    parts: Parts,
    who: Caller,
    open: Open,
    last_event_id: Annotated[str | None, Header(max_length=1024, description="Resumes after this `id`")] = None,
) -> Response:
    """Server-sent events: `id` is the cursor, `event` the type, `data` the event in the JSON event format."""
    return Stream(parts, who, id, await _begin(parts, who, id, last_event_id or None), open)
