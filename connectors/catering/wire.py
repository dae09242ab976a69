"""How a snapshot goes to a kitchen that can be looked at: as a file, or as orders over HTTPS."""

from typing import Protocol

from connectors.catering.client import Client, Put, open_client
from connectors.catering.config import EmailTransport, Kitchen, Transport
from connectors.catering.https import HttpsClient
from connectors.catering.mapping import Snapshot, csv_bytes, file_name
from plugins import Context


class Wire(Protocol):
    async def put(self, kitchen: Kitchen, told: Snapshot) -> Put:
        """Tell it; the same again does nothing. Raises TemporaryError, ConfigurationError."""

    async def probe(self) -> None:
        """A round trip that leaves nothing. Raises as `put` does."""


def open_wire(transport: Transport, ctx: Context) -> Wire | None:
    """The wire of a transport; None for mail, where nothing can be looked at. Opens no connection yet."""
    if isinstance(transport, EmailTransport):
        return None
    if transport.kind == "https":
        return HttpsClient(transport, ctx.clock)
    return _Files(open_client(transport), ctx)


class _Files:
    def __init__(self, client: Client, ctx: Context) -> None:
        self._client = client
        self._ctx = ctx

    async def put(self, kitchen: Kitchen, told: Snapshot) -> Put:
        return await self._ctx.blocking(self._client.put, file_name(kitchen, told), csv_bytes(kitchen, told))

    async def probe(self) -> None:
        await self._ctx.blocking(self._client.probe)
