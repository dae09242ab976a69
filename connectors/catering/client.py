"""How a snapshot reaches a kitchen: as a file, as orders over HTTPS, or as mail to each of its addresses."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from connectors.catering import words
from connectors.catering.config import (
    EmailTransport,
    HttpsTransport,
    Kitchen,
    SftpTransport,
    Transport,
    addresses,
    side_name,
)
from connectors.catering.mail import message
from connectors.catering.mapping import csv_bytes, file_name
from connectors.catering.orders import OrderClient
from connectors.catering.snapshot import Snapshot
from plugins import Context
from plugins.wires.files import FileWire, Put
from plugins.wires.folder import Folder
from plugins.wires.sftp import Sftp
from plugins.wires.smtp import Smtp
from schemas.school_time import SCHOOL_ZONE


@dataclass(frozen=True, slots=True, kw_only=True)
class KitchenSide:
    """One far side: a kitchen's system, or one of its mail addresses."""

    kitchen: Kitchen
    name: str  # as an operator reads it: K-017, or K-017[1] for the second address under `recipients`
    key: str  # in the state; it names no address
    address: str = ""  # of mail


class Client(Protocol):
    blind: bool  # neither reading back nor a key shows what a far side has got: a repeat may come twice

    def sides(self, kitchen: Kitchen) -> Sequence[KitchenSide]:
        """The far sides of a kitchen, each of which gets every snapshot."""

    async def put(self, to: KitchenSide, snapshot: Snapshot, as_of: datetime) -> Put:
        """Send a snapshot that was decided at `as_of`; the same again is the same order.

        Raises TemporaryError, ConfigurationError, and PermanentError if this snapshot is refused for good.
        """

    async def probe(self) -> None:
        """A round trip that leaves nothing behind. Raises as `put` does."""


def open_client(transport: Transport, ctx: Context) -> Client:
    """The client of a transport. Opens no connection yet."""
    if isinstance(transport, EmailTransport):
        return _MailClient(transport, ctx)
    if isinstance(transport, HttpsTransport):
        return _OrderClient(OrderClient(transport, ctx.clock))
    if isinstance(transport, SftpTransport):
        return _FileClient(Sftp(transport, words.SFTP), ctx)
    return _FileClient(Folder(transport, words.FOLDER), ctx)


class _OneSide:
    """Each kitchen is one far side."""

    blind = False

    def sides(self, kitchen: Kitchen) -> Sequence[KitchenSide]:
        return (KitchenSide(kitchen=kitchen, name=kitchen.id, key=kitchen.id),)


class _FileClient(_OneSide):
    def __init__(self, wire: FileWire, ctx: Context) -> None:
        self._wire = wire
        self._ctx = ctx

    async def put(self, to: KitchenSide, snapshot: Snapshot, as_of: datetime) -> Put:
        content = csv_bytes(to.kitchen, snapshot)
        return await self._ctx.blocking(self._wire.put, file_name(to.kitchen, snapshot), content)

    async def probe(self) -> None:
        await self._ctx.blocking(self._wire.probe)


class _OrderClient(_OneSide):
    def __init__(self, orders: OrderClient) -> None:
        self._orders = orders
        self.probe = orders.probe

    async def put(self, to: KitchenSide, snapshot: Snapshot, as_of: datetime) -> Put:
        return await self._orders.put(to.kitchen, snapshot)


class _MailClient:
    """Each address is a far side."""

    blind = True

    def __init__(self, transport: EmailTransport, ctx: Context) -> None:
        self._transport = transport
        self._wire = Smtp(transport, words.MAIL)
        self._ctx = ctx

    def sides(self, kitchen: Kitchen) -> Sequence[KitchenSide]:
        return [
            # `@` is in no kitchen's id, so no kitchen has this key.
            KitchenSide(kitchen=kitchen, name=side_name(kitchen, n), key=f"{kitchen.id}@{_digest(to)}", address=to)
            for n, to in addresses(self._transport.recipients, kitchen)
        ]

    async def put(self, to: KitchenSide, snapshot: Snapshot, as_of: datetime) -> Put:
        """Send the mail; of a day that is over, send nothing."""
        if snapshot.day < self._ctx.clock.school().date():
            return Put.THERE
        at = as_of.astimezone(SCHOOL_ZONE)
        letter = message(self._transport, to.address, kitchen=to.kitchen, snapshot=snapshot, at=at)
        await self._ctx.blocking(self._wire.send, letter)
        return Put.WRITTEN

    async def probe(self) -> None:
        await self._ctx.blocking(self._wire.probe)


def _digest(address: str) -> str:
    return hashlib.sha256(address.encode()).hexdigest()[:32]
