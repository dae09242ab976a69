"""Orders over HTTPS: one JSON document per sitting, put under its key.

With `read_back` the connector reads the address before and after, so that it never overwrites an order. If the system
acknowledges an order and then has none at the address, it has accepted the order and moved it. Without `read_back`, the
key alone makes a repeat the same order. No answer gives an event up, since the kitchen would then cook a portion too
many for good.
"""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from connectors.catering import words
from connectors.catering.config import HttpsTransport, Kitchen
from connectors.catering.mapping import order, order_key
from connectors.catering.snapshot import Snapshot
from plugins.connector import ConnectorClock
from plugins.wires.files import Put
from plugins.wires.https import Endpoint, Https

# A key that no order has: no kitchen has this name, and nothing was served that day.
PROBE: Final = "SKOLNAV-TEST/1970-01-01/0/0"
_MOST_BYTES: Final = 65_536  # an order has a few hundred
_TAKEN: Final = frozenset({409, 412})
_NOTHING_THERE: Final = frozenset({404, 410})
_NO_ORDER: Final = _NOTHING_THERE | {HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED}


class OrderClient:
    """Opens nothing yet: each call makes a connection of its own."""

    def __init__(self, transport: HttpsTransport, clock: ConnectorClock) -> None:
        self._read_back = transport.read_back
        self._clock = clock
        self._to = Endpoint(
            url=transport.url,
            auth=transport.auth(),
            ca_file=transport.ca_file,
            timeout_s=transport.timeout_s,
            deadline_s=transport.deadline_s,
            most_bytes=_MOST_BYTES,
            headers={"Accept": "application/json"},
        )

    async def put(self, kitchen: Kitchen, snapshot: Snapshot) -> Put:
        """Send all sittings of a day. TAKEN: another order has a key; the sittings after it were not sent.

        Raises TemporaryError, ConfigurationError; some sittings may have been sent then, and sending them again is
        harmless.
        """
        became = Put.THERE
        async with self._open() as wire:
            for row in snapshot.rows:
                found = await self._put(wire, order_key(kitchen, snapshot, row), order(kitchen, snapshot, row))
                if found is Put.TAKEN:
                    return found
                became = found if found is Put.WRITTEN else became
        return became

    async def probe(self) -> None:
        """Ask for an order that cannot exist. Raises as `put` does."""
        async with self._open() as wire:
            reply = await wire.ask("GET", PROBE)
            if reply.status not in _NO_ORDER:
                wire.expect_success(reply)
                raise words.ORDERS.configuration(words.NO_SYSTEM_FOR_ORDERS)

    def _open(self) -> Https:
        return Https(self._to, words.ORDERS, self._clock)

    async def _put(self, wire: Https, key: str, document: Mapping[str, Any]) -> Put:
        if self._read_back and (there := await self._read(wire, key)) is not None:
            return Put.THERE if _holds(there, document) else Put.TAKEN
        body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
        headers = {"Content-Type": "application/json", "Idempotency-Key": f'"{key}"'}
        reply = await wire.ask("PUT", key, content=body, headers=headers)
        if reply.status in _TAKEN:
            return Put.TAKEN
        if reply.status == HTTPStatus.FORBIDDEN:  # the login holds: it is this kitchen that is refused
            raise words.ORDERS.configuration(words.NOT_FOR_KITCHEN, status=reply.status)
        wire.expect_success(reply)
        if self._read_back:
            there = await self._read(wire, key)
            if there is not None and not _holds(there, document):
                raise words.ORDERS.temporary(words.ORDER_DIFFERS)
        return Put.WRITTEN

    async def _read(self, wire: Https, key: str) -> Mapping[str, Any] | None:
        """The order that has a key; None if there is none."""
        reply = await wire.ask("GET", key)
        if reply.status in _NOTHING_THERE:
            return None
        wire.expect_success(reply)
        found = wire.read_json(reply)
        if not isinstance(found, dict):
            raise words.ORDERS.temporary(words.NO_ORDER)
        return found


def _holds(there: Mapping[str, Any], document: Mapping[str, Any]) -> bool:
    """Whether an order is the document; the far side may have added to it."""
    return all(there.get(name) == value for name, value in document.items())
