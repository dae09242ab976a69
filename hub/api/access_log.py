"""The access log, by choice (`log.access`): a line for each answer, with nothing in it that names a person."""

import logging
from typing import Final

from hub.api.app import Api, route_of
from hub.api.inbound import PREFIX as CONNECTORS
from hub.api.ingest import Message, Receive, Scope, Send
from hub.assembly.services import Services

log = logging.getLogger("hub.api.access")

_NO_CLIENT: Final = "-"


class AccessLog:
    """Wraps the application: method, route, status, client, bytes and milliseconds.

    The route stands there as it is declared, since a path may hold a person's id, and without the query. A connector's
    path ends at the name of its instance.
    """

    def __init__(self, app: Api, services: Services) -> None:
        self._app = app
        self._services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        clock = self._services.clock
        began, status, sent = clock.monotonic(), 0, 0

        async def counted(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
            sent += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, counted)
        finally:
            took_ms = (clock.monotonic() - began) * 1000
            log.info(
                "%s %s %s %s %d bytes %.1f ms",
                scope["method"], self._route(scope), status or "cut", self._client(scope), sent, took_ms,
            )  # fmt: skip

    def _route(self, scope: Scope) -> str:
        if scope["path"].startswith(CONNECTORS):
            name = scope["path"].removeprefix(CONNECTORS).partition("/")[0]
            return f"{CONNECTORS}{name if name in self._services.config.connectors else '(unknown)'}"
        return route_of(scope)

    def _client(self, scope: Scope) -> str:
        return self._app.client_of(scope) or _NO_CLIENT
