"""How a snapshot reaches a kitchen whose system can be read back: as a file, or as orders over HTTPS."""

from typing import Protocol

from connectors.catering import words
from connectors.catering.config import EmailTransport, HttpsTransport, Kitchen, SftpTransport, Transport
from connectors.catering.mapping import csv_bytes, file_name
from connectors.catering.orders import OrderClient
from connectors.catering.snapshot import Snapshot
from plugins import Context
from plugins.wires.files import FileWire, Put
from plugins.wires.folder import Folder
from plugins.wires.sftp import Sftp


class Client(Protocol):
    async def put(self, kitchen: Kitchen, snapshot: Snapshot) -> Put:
        """Send a snapshot; the same again does nothing. Raises TemporaryError, ConfigurationError."""

    async def probe(self) -> None:
        """A round trip that leaves nothing behind. Raises as `put` does."""


def open_client(transport: Transport, ctx: Context) -> Client | None:
    """The client of a transport; None for mail, which cannot be read back. Opens no connection yet."""
    if isinstance(transport, EmailTransport):
        return None
    if isinstance(transport, HttpsTransport):
        return OrderClient(transport, ctx.clock)
    if isinstance(transport, SftpTransport):
        return _FileClient(Sftp(transport, words.SFTP), ctx)
    return _FileClient(Folder(transport, words.FOLDER), ctx)


class _FileClient:
    def __init__(self, wire: FileWire, ctx: Context) -> None:
        self._wire = wire
        self._ctx = ctx

    async def put(self, kitchen: Kitchen, snapshot: Snapshot) -> Put:
        return await self._ctx.blocking(self._wire.put, file_name(kitchen, snapshot), csv_bytes(kitchen, snapshot))

    async def probe(self) -> None:
        await self._ctx.blocking(self._wire.probe)
