"""The wire only: requests over HTTPS. Its failures become the hub's kinds of errors here, in Swedish and English."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from skolnav.sdk import ConnectorClock, Text
from skolnav.wires import Failure, FarSide
from skolnav.wires.https import Endpoint, Https
from skolnav.wires.settings import TokenAuth

from .config import ExampleConfig

FAR_SIDE = FarSide(connector="example", name=Text("det andra systemet", "the outside system"))
NO_LIST = Failure("no-list", Text("{it} svarar inte med en lista", "{it} does not answer with a list"))

REFUSED = Failure("http-{status}", Text("{it} nekar ett dokument", "{it} refuses a document"))


class Client:
    """Requests to the outside system."""

    def __init__(self, config: ExampleConfig, clock: ConnectorClock) -> None:
        to = Endpoint(
            url=config.url,
            auth=TokenAuth(token=config.token),
            ca_file=config.ca_file,
            timeout_s=config.timeout_s,
            deadline_s=config.deadline_s,
        )
        self._http = Https(to, FAR_SIDE, clock)

    async def pages(self) -> AsyncIterator[Sequence[Any]]:
        """All reports, page by page. Raises TemporaryError, ConfigurationError."""
        query: dict[str, str] = {}
        while True:
            answer = await self._read("reports", query)
            page = answer.get("items") if isinstance(answer, dict) else None
            if not isinstance(page, list):
                raise FAR_SIDE.temporary(NO_LIST)
            yield page
            if not answer.get("next") or query == {"cursor": str(answer["next"])}:
                return
            query = {"cursor": str(answer["next"])}

    async def put(self, path: str, document: Mapping[str, Any]) -> None:
        """Store a document. Raises PermanentError where it is refused for good, TemporaryError, ConfigurationError."""
        reply = await self._http.ask("PUT", path, json=document)
        if reply.status in (400, 409, 422):
            raise FAR_SIDE.permanent(REFUSED, status=reply.status)
        self._http.expect_success(reply)
        if reply.body:
            self._http.read_json(reply)  # a page of something in between is no success

    async def probe(self) -> None:
        """A request that needs the login and changes nothing."""
        await self._read("health", {})

    async def close(self) -> None:
        await self._http.close()

    async def _read(self, path: str, query: dict[str, str]) -> Any:
        reply = await self._http.ask("GET", path, query=query)
        self._http.expect_success(reply)
        return self._http.read_json(reply)
