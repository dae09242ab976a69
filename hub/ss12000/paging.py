"""Where a list goes on: an opaque token, sealed for one client and one list, that holds the whole question.

Without a sort key a list is in the order of ids: an entity that is there all the while comes exactly once, whatever
else changes between two pages. With one, the order is kept in memory as it was at the first page, so that nothing that
moves is missed or comes twice; such a token ends with the hub's life, or when a client has many of them (410).
"""

import base64
import binascii
import secrets
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from hub.keys import Keys, Sealer
from hub.ss12000.errors import Refused, bad_request
from hub.ss12000.filters import Query

MAX_ORDERS: Final = 8  # of one client
MAX_ALL_ORDERS: Final = 64
_PAD: Final = 64  # a token's length tells no more than the question


@dataclass(frozen=True, slots=True)
class Place:
    """Past what the next page begins: an id, or a number of entities of a kept order."""

    query: Query
    after: str = ""
    order: str = ""
    offset: int = 0


class Tokens:
    """Makes and reads page tokens."""

    def __init__(self, keys: Keys) -> None:
        self._sealer: Sealer = keys.sealer("api/ss12000/page-token")

    def make(self, client: str, path: str, place: Place) -> str:
        query = place.query
        values = {
            name: sorted(value) if isinstance(value, frozenset) else value for name, value in query.values.items()
        }
        content = orjson.dumps(
            [values, query.meta, query.expand, query.names, query.sortkey, place.after, place.order, place.offset]
        )
        content += b" " * (-len(content) % _PAD)
        return base64.urlsafe_b64encode(self._sealer.seal(content, f"{client}\n{path}".encode())).decode().rstrip("=")

    def read(self, client: str, path: str, token: str, limit: int) -> Place:
        """Raises Refused (400) for one that is none of this client's and list's."""
        try:
            sealed = base64.urlsafe_b64decode(token.encode("ascii") + b"==")
            content = self._sealer.open(sealed, f"{client}\n{path}".encode())
        except (ValueError, binascii.Error):
            raise bad_request(
                "page-token-unknown", "`pageToken` is none of this list. Begin again without it."
            ) from None
        values, meta, expand, names, sortkey, after, order, offset = orjson.loads(content)
        values = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
        return Place(Query(values, meta, tuple(expand), names, sortkey, limit), after, order, offset)


class Orders:
    """Sorted lists that are being paged through: keys alone, nothing of what stands in the entities."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str], Sequence[Any]] = OrderedDict()

    def keep(self, client: str, keys: Sequence[Any]) -> str:
        name = secrets.token_hex(8)
        own = [each for each in self._kept if each[0] == client]
        for each in own[: max(0, len(own) - MAX_ORDERS + 1)]:
            del self._kept[each]
        while len(self._kept) >= MAX_ALL_ORDERS:
            self._kept.popitem(last=False)
        self._kept[client, name] = keys
        return name

    def get(self, client: str, name: str) -> Sequence[Any]:
        """Raises Refused (410)."""
        found = self._kept.get((client, name))
        if found is None:
            raise Refused(410, "page-token-expired", "The order of this list is kept no longer. Begin again.")
        self._kept.move_to_end((client, name))
        return found

    def done(self, client: str, name: str) -> None:
        self._kept.pop((client, name), None)
