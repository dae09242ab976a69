"""Queries to an SS 12000 API: lists page by page, single records, and every way in which an answer can be bad.

The HTTPS wire beneath bounds time and size and keeps the far side's words out of errors. Every failure that may mend
itself is a TemporaryError with a code of its own.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson

from connectors.ss12000 import words
from connectors.ss12000.config import Ss12000Config
from connectors.ss12000.words import SUPPLIER, not_read
from plugins.connector import ConnectorClock
from plugins.wires.https import Endpoint, Https, Reply
from plugins.wires.words import LOGIN_REFUSED

Query = Mapping[str, str]

_BUSY: Final = frozenset({429, 503})
_FAILING: Final = frozenset({500, 502, 504})
_PATIENCE_S: Final = 300.0  # how long one list may wait for a busy supplier before this pull gives up
_AGAIN_S: Final = 1.0  # pause before the one repeated request to a failing supplier
_BARREN: Final = 5  # pages in a row that bring nothing new


class NotOffered(Exception):
    """The list is not there (404)."""


class ListExpired(Exception):
    """The supplier no longer accepts the pageToken: the list must be read from its beginning."""


class NotAnswered(Exception):
    """The supplier does not answer this kind of query (400, 403, 405, 422, 501)."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@dataclass(frozen=True, slots=True)
class Page:
    """Some records as they came. `date` is the supplier's own clock at the request; None if the answer has no date."""

    data: Any  # a list, for deletedEntities also an object of lists
    date: datetime | None


class Client:
    """One school system. Time-outs and pauses go by `clock`, in machine time."""

    def __init__(self, config: Ss12000Config, clock: ConnectorClock) -> None:
        """Raises ConfigurationError where a certificate file can't be used."""
        self._config = config
        self._clock = clock
        self._repeat: set[str] = set()  # lists that refuse a pageToken alone
        to = Endpoint(
            url=config.base_url,
            auth=config.auth,
            ca_file=config.ca_file,
            timeout_s=config.answer_timeout_s,
            deadline_s=config.deadline_s,
            most_bytes=config.max_answer_mib * 1024 * 1024,
            headers={"Accept": "application/json"},
        )
        self._https = Https(to, SUPPLIER, clock)

    async def close(self) -> None:
        await self._https.close()

    async def has_any(self, resource: str) -> bool:
        """Whether a list has a record. Raises NotOffered, NotAnswered, TemporaryError."""
        reply = await self._get(resource, {"limit": "1"})
        if reply.status == 404:
            raise NotOffered
        if reply.status != 200:
            raise NotAnswered(reply.status)
        data, token = self._content(resource, reply)
        return bool(data) or token is not None

    async def pages(self, resource: str, filters: Query | None = None) -> AsyncIterator[Page]:
        """A whole list, page by page.

        Raises NotOffered, ListExpired, NotAnswered (the supplier refuses the filters), TemporaryError.
        """
        filters = dict(filters or {})
        limit = {} if self._config.limit is None else {"limit": str(self._config.limit)}
        reply = await self._get(resource, filters | limit)
        if reply.status == 404:
            raise NotOffered
        if reply.status != 200:
            raise NotAnswered(reply.status)
        known: set[bytes] = set()
        tokens: set[str] = set()
        barren = 0
        while True:
            data, token = self._content(resource, reply)
            yield Page(data, reply.date)
            if token is None:
                return
            barren = 0 if _news(data, known) else barren + 1
            if token in tokens or barren >= _BARREN:
                raise SUPPLIER.temporary(words.ENDLESS, resource=resource)
            if len(known) > self._config.max_records:
                raise SUPPLIER.temporary(words.TOO_LONG, resource=resource, most=self._config.max_records)
            tokens.add(token)
            reply = await self._next(resource, filters, limit, token)

    async def one(self, resource: str, id: str) -> tuple[Any, datetime | None]:
        """A single record, or None for a 404 alone; and the supplier's clock. Raises NotAnswered, TemporaryError."""
        reply = await self._get(f"{resource}/{id}", {})
        if reply.status == 404:
            return None, reply.date
        if reply.status != 200:
            raise NotAnswered(reply.status)
        return self._https.read_json(reply, not_read(resource)), reply.date

    async def send(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """POST, PATCH or DELETE; returns the status, and the answer's JSON or None.

        The request is sent a second time only after a 401. Raises TemporaryError if no whole answer came.
        """
        reply = await self._https.ask(method, path, json=body, what=not_read(path.partition("/")[0]))
        try:
            return reply.status, orjson.loads(reply.body)
        except orjson.JSONDecodeError:
            return reply.status, None

    async def _next(self, resource: str, filters: Query, limit: Query, token: str) -> Reply:
        wish = self._config.dialect.repeat_filters
        # A bare number is an offset: without the filters it would count through another list.
        repeat = wish == "always" or (wish == "auto" and (token.isdecimal() or resource in self._repeat))
        query = {**limit, "pageToken": token}
        reply = await self._get(resource, {**filters, **query} if repeat else query)
        if reply.status in (400, 422) and filters and wish == "auto" and not repeat:
            reply = await self._get(resource, {**filters, **query})
            if reply.status == 200:
                self._repeat.add(resource)
        if reply.status in (400, 404, 410, 422):
            raise ListExpired
        if reply.status != 200:
            raise NotAnswered(reply.status)
        return reply

    async def _get(self, path: str, query: Query) -> Reply:
        """One answer that came whole: 200, or a 4xx or 501 whose meaning the caller knows."""
        resource = path.partition("/")[0]
        waited, failed = 0.0, False
        while True:
            reply = await self._https.ask("GET", path, query=query, what=not_read(resource))
            status = reply.status
            if status == 401:
                raise SUPPLIER.refused(LOGIN_REFUSED, why=words.RESOURCE_ANSWERED, resource=resource, status=status)
            if status in _BUSY:
                pause = reply.retry_after_s if reply.retry_after_s is not None else 5.0
                if waited + pause > _PATIENCE_S:
                    raise SUPPLIER.temporary(
                        words.BUSY, retry_after_s=reply.retry_after_s, resource=resource, status=status
                    )
                waited += max(pause, 1.0)  # else a supplier that answers 0 each time would be asked for ever
                await self._clock.sleep(pause)
                continue
            if status in _FAILING and not failed:
                failed = True
                await self._clock.sleep(_AGAIN_S)
                continue
            if status >= 500 and status != 501:
                raise SUPPLIER.temporary(words.FAILING, resource=resource, status=status)
            if 300 <= status < 400 or status < 200:
                raise SUPPLIER.temporary(words.REDIRECT, resource=resource, status=status)
            if 200 < status < 300:
                raise SUPPLIER.temporary(words.NO_RECORD, resource=resource, status=status)
            return reply

    def _content(self, resource: str, reply: Reply) -> tuple[Any, str | None]:
        whole = self._https.read_json(reply, not_read(resource))
        data = whole.get("data") if isinstance(whole, dict) else None
        if not isinstance(data, list) and not (isinstance(data, dict) and resource == "deletedEntities"):
            raise SUPPLIER.temporary(words.NO_LIST, resource=resource)
        token = whole.get("pageToken")
        if isinstance(token, int) and not isinstance(token, bool):
            token = str(token)
        if token is not None and not isinstance(token, str):
            raise SUPPLIER.temporary(words.NO_PAGE_TOKEN, resource=resource)
        return data, token or None


def _news(data: Any, known: set[bytes]) -> bool:
    """Whether a page brought a record that the list did not have before; also remembers its records."""
    before = len(known)
    for record in data if isinstance(data, list) else (data,):
        id = record.get("id") if isinstance(record, dict) else None
        known.add(id.encode() if isinstance(id, str) else orjson.dumps(record))
    return len(known) > before
