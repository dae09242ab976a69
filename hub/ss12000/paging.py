"""Page tokens: where a list continues. A token is opaque, sealed for one client and list, and holds the whole query.

Without a sort key a list has the order of ids: an entity that exists all the time comes exactly once, whatever else
changes between two pages. With a sort key the hub keeps the order of the first page in memory, so that an entity whose
sort value changes is neither missed nor repeated. Such a token expires when the hub stops, or when the client has too
many of them (410).
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

MAX_ORDERS: Final = 8  # for one client
MAX_ALL_ORDERS: Final = 64
_PAD: Final = 64  # so that a token's length reveals no more than its query


@dataclass(frozen=True, slots=True)
class Place:
    """Where the next page begins: after a key, or at an index in a stored order."""

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
        """The place in a token. Raises Refused (400) for one that does not belong to this client and list."""
        try:
            sealed = base64.urlsafe_b64decode(token.encode("ascii") + b"==")
            content = self._sealer.open(sealed, f"{client}\n{path}".encode())
        except (ValueError, binascii.Error):
            raise bad_request(
                "page-token-unknown", "`pageToken` does not belong to this list. Begin again without it."
            ) from None
        values, meta, expand, names, sortkey, after, order, offset = orjson.loads(content)
        values = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
        query = Query(values=values, meta=meta, expand=tuple(expand), names=names, sortkey=sortkey, limit=limit)
        return Place(query, after=after, order=order, offset=offset)


class Orders:
    """The orders of sorted lists that clients are paging through. They hold keys, and no data of the entities."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str], Sequence[Any]] = OrderedDict()

    def keep(self, client: str, keys: Sequence[Any]) -> str:
        name = secrets.token_hex(8)
        own = [(owner, order) for owner, order in self._kept if owner == client]
        for each in own[: max(0, len(own) - MAX_ORDERS + 1)]:
            del self._kept[each]
        while len(self._kept) >= MAX_ALL_ORDERS:
            self._kept.popitem(last=False)
        self._kept[client, name] = keys
        return name

    def get(self, client: str, name: str) -> Sequence[Any]:
        """The keys of a stored order. Raises Refused (410) if the hub no longer has it."""
        found = self._kept.get((client, name))
        if found is None:
            raise Refused(410, "page-token-expired", "The order of this list has expired. Begin again.")
        self._kept.move_to_end((client, name))
        return found

    def done(self, client: str, name: str) -> None:
        self._kept.pop((client, name), None)
