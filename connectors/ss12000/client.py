"""The wire of an SS 12000 API: lists page by page, single records, and every way in which an answer can be bad.

Nothing is followed that the configuration does not name (no redirects), nothing is read beyond `max_answer_mib`, and
no text of the far side gets into an error. What may mend itself is a TemporaryError with a code of its own.
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final, TypeVar

import httpx
import orjson

from connectors.ss12000.config import Ss12000Config
from connectors.ss12000.login import Login, tls
from connectors.ss12000.wire import ENCODINGS, NotUnpacked, certificate_trouble, unpacked
from plugins import TemporaryError
from plugins.connector import ConnectorClock

T = TypeVar("T")
Query = Mapping[str, str]

# They log whole addresses, and an address may hold a person's id.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)

_BUSY: Final = frozenset({429, 503})
_FAILING: Final = frozenset({500, 502, 504})
_PATIENCE_S: Final = 300.0  # how long one list may wait for a busy supplier before the pull is given up for now
_AGAIN_S: Final = 1.0  # a failing supplier is asked once more after so long
_BARREN: Final = 5  # pages in a row that bring nothing new


class NotOffered(Exception):
    """The list is not there (404)."""


class ListExpired(Exception):
    """The pageToken is no longer taken: the list must be read from its beginning."""


class NotAnswered(Exception):
    """The supplier does not answer this kind of question (400, 403, 405, 422, 501)."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class _Silent(Exception):
    """Nothing came for too long."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some records as they came. `date` is the supplier's own clock when it was asked; None if it does not tell."""

    data: Any  # a list, for deletedEntities also an object of lists
    date: datetime | None


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    body: bytes
    date: datetime | None
    retry_after_s: float | None
    json: bool


class Client:
    """One school system. Time-outs and pauses go by `clock`, in machine time."""

    def __init__(self, config: Ss12000Config, clock: ConnectorClock) -> None:
        """Raises ConfigurationError where a certificate file can't be used."""
        self._config = config
        self._clock = clock
        self._login = Login(config.auth, clock, config.answer_timeout_s)
        self._repeat: set[str] = set()  # lists that refuse a pageToken alone
        self._http = httpx.AsyncClient(
            verify=tls(config),
            timeout=None,  # noqa: S113 - each answer has two, by the hub's clock: see _once
            follow_redirects=False,
            trust_env=False,
            headers={"Accept": "application/json", "Accept-Encoding": ENCODINGS, "User-Agent": "skolnav-ss12000"},
            limits=httpx.Limits(max_connections=8),
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def pages(self, resource: str, filters: Query | None = None) -> AsyncIterator[Page]:
        """A whole list, page by page.

        Raises NotOffered, ListExpired, NotAnswered (the filters are not taken), TemporaryError.
        """
        filters = dict(filters or {})
        limit = {} if self._config.limit is None else {"limit": str(self._config.limit)}
        answer = await self._get(resource, filters | limit)
        if answer.status == 404:
            raise NotOffered
        if answer.status != 200:
            raise NotAnswered(answer.status)
        known: set[bytes] = set()
        tokens: set[str] = set()
        barren = 0
        while True:
            data, token = _content(resource, answer)
            yield Page(data, answer.date)
            if token is None:
                return
            barren = 0 if _news(data, known) else barren + 1
            if token in tokens or barren >= _BARREN:
                raise _bad(resource, "endless", "its pageToken leads round in a circle, or to nothing new")
            tokens.add(token)
            answer = await self._next(resource, filters, limit, token)

    async def one(self, resource: str, id: str) -> tuple[Any, datetime | None]:
        """A single record, or None where it is not there, by a 404 alone. Raises NotAnswered, TemporaryError."""
        answer = await self._get(f"{resource}/{id}", {})
        if answer.status == 404:
            return None, answer.date
        if answer.status != 200:
            raise NotAnswered(answer.status)
        return _json(resource, answer), answer.date

    async def send(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """POST, PATCH or DELETE: the status, and the answer's JSON or None. Never sent twice, except after a 401.

        Raises TemporaryError where no whole answer came.
        """
        answer = await self._once(path, {}, method, body)
        if answer.status == 401 and self._login.refused():
            answer = await self._once(path, {}, method, body)
        try:
            return answer.status, orjson.loads(answer.body)
        except orjson.JSONDecodeError:
            return answer.status, None

    async def _next(self, resource: str, filters: Query, limit: Query, token: str) -> _Answer:
        wish = self._config.dialect.repeat_filters
        # A bare number is an offset: without the filters it would count through another list.
        repeat = wish == "always" or (wish == "auto" and (token.isdecimal() or resource in self._repeat))
        query = {**limit, "pageToken": token}
        answer = await self._get(resource, {**filters, **query} if repeat else query)
        if answer.status in (400, 422) and filters and wish == "auto" and not repeat:
            answer = await self._get(resource, {**filters, **query})
            if answer.status == 200:
                self._repeat.add(resource)
        if answer.status in (400, 404, 410, 422):
            raise ListExpired
        if answer.status != 200:
            raise NotAnswered(answer.status)
        return answer

    async def _get(self, path: str, query: Query) -> _Answer:
        """One answer that came whole: 200, or a 4xx that the caller knows what to do with."""
        resource = path.partition("/")[0]
        waited, failed = 0.0, False
        while True:
            answer = await self._once(path, query)
            if answer.status == 401:
                if self._login.refused():
                    answer = await self._once(path, query)
                if answer.status == 401:
                    raise TemporaryError(
                        "ss12000: the hub's login is not taken",
                        why=f"{resource} answered 401",
                        fix="Check auth with the supplier; it is tried again",
                        code="login-refused",
                    )
            if answer.status in _BUSY:
                pause = answer.retry_after_s if answer.retry_after_s is not None else 5.0
                if waited + pause > _PATIENCE_S:
                    raise TemporaryError(
                        "ss12000: the supplier is busy",
                        why=f"{resource} answered {answer.status}",
                        code="busy",
                        retry_after_s=answer.retry_after_s,
                    )
                waited += max(pause, 1.0)  # one that says 0 each time must come to an end too
                await self._clock.sleep(pause)
                continue
            if answer.status in _FAILING and not failed:
                failed = True
                await self._clock.sleep(_AGAIN_S)
                continue
            if answer.status >= 500 and answer.status != 501:
                raise _bad(resource, "failing", f"it answered {answer.status}")
            if 300 <= answer.status < 400 or answer.status < 200:
                raise _bad(
                    resource, "redirect", f"it answered {answer.status}; redirects are not followed: correct base_url"
                )
            if 200 < answer.status < 300:
                raise _bad(resource, "wrong-shape", f"it answered {answer.status} in place of a record")
            return answer

    async def _once(self, path: str, query: Query, method: str = "GET", body: Any = None) -> _Answer:
        resource = path.partition("/")[0]
        url, asked = f"{self._config.base_url}/{path}", self._clock.utc()
        try:
            async with self._clock.timeout(self._config.deadline_s):
                headers = await self._login.headers(self._http)
                request = self._http.build_request(method, url, params=dict(query), headers=headers, json=body)
                answer = await self._heard(self._http.send(request, stream=True))
                try:
                    content = await self._body(resource, answer)
                finally:
                    await answer.aclose()
        except _Silent:
            raise _bad(resource, "slow", f"nothing came for {self._config.answer_timeout_s:g} s") from None
        except TimeoutError:
            raise _bad(resource, "slow", f"no whole answer within {self._config.deadline_s:g} s") from None
        except NotUnpacked:
            raise _bad(resource, "cut-off", "its answer is packed in a way that can't be read") from None
        except httpx.RemoteProtocolError:
            raise _bad(resource, "cut-off", "its answer broke off or is no HTTP") from None
        except httpx.ConnectError as error:
            if (trouble := certificate_trouble(error)) is not None:
                raise _bad(resource, "certificate", trouble) from None
            raise _bad(resource, "unreachable", "it can't be connected to") from None
        except httpx.HTTPError as error:
            raise _bad(resource, "unreachable", f"the connection failed ({type(error).__name__})") from None
        date = _date(answer.headers.get("date"))
        if date is not None:  # of the answer; what it holds may have been looked up when it was asked for
            date -= max(self._clock.utc() - asked, timedelta(0))
        return _Answer(
            answer.status_code,
            content,
            date,
            self._retry_after(answer.headers.get("retry-after")),
            "json" in answer.headers.get("content-type", "application/json").lower(),
        )

    async def _body(self, resource: str, answer: httpx.Response) -> bytes:
        most = self._config.max_answer_mib * 1024 * 1024
        announced = answer.headers.get("content-length", "")
        chunks: list[bytes] = []
        size = int(announced) if announced.isdecimal() and len(announced) < 19 else 0
        if size <= most:
            size = 0
            coming = unpacked(answer)
            while size <= most and (chunk := await self._heard(anext(coming, None))) is not None:
                size += len(chunk)
                chunks.append(chunk)
        if size > most:
            chunks.clear()  # an error keeps the frame that it came from, and what that holds
            raise _bad(resource, "too-large", f"its answer has more than {self._config.max_answer_mib} MiB")
        return b"".join(chunks)

    async def _heard(self, something: Awaitable[T]) -> T:
        """Raises _Silent where it does not come within `answer_timeout_s`."""
        try:
            async with self._clock.timeout(self._config.answer_timeout_s):
                return await something
        except TimeoutError:
            raise _Silent from None

    def _retry_after(self, value: str | None) -> float | None:
        """RFC 9110 section 10.2.3: seconds, or a date."""
        if value is None:
            return None
        if value.strip().isdecimal():
            return min(float(value.strip()), 86_400.0)
        moment = _date(value)
        return None if moment is None else min(max((moment - self._clock.utc()).total_seconds(), 0.0), 86_400.0)


def _content(resource: str, answer: _Answer) -> tuple[Any, str | None]:
    whole = _json(resource, answer)
    data = whole.get("data") if isinstance(whole, dict) else None
    if not isinstance(data, list) and not (isinstance(data, dict) and resource == "deletedEntities"):
        raise _bad(resource, "wrong-shape", "its answer has no list `data`")
    token = whole.get("pageToken")
    if isinstance(token, int) and not isinstance(token, bool):
        token = str(token)
    if token is not None and not isinstance(token, str):
        raise _bad(resource, "wrong-shape", "its pageToken is no text")
    return data, token or None


def _json(resource: str, answer: _Answer) -> Any:
    try:
        return orjson.loads(answer.body.removeprefix(b"\xef\xbb\xbf"))  # some begin with a byte order mark
    except orjson.JSONDecodeError:
        if not answer.json or answer.body.lstrip()[:1] == b"<":
            raise _bad(resource, "not-json", "its answer is a page for people, no JSON") from None
        raise _bad(resource, "cut-off", "its answer is no whole JSON") from None


def _news(data: Any, known: set[bytes]) -> bool:
    """Whether a page brought a record that the list did not have before; also remembers them."""
    before = len(known)
    for record in data if isinstance(data, list) else (data,):
        id = record.get("id") if isinstance(record, dict) else None
        known.add(id.encode() if isinstance(id, str) else orjson.dumps(record))
    return len(known) > before


def _date(value: str | None) -> datetime | None:
    if value is not None:
        with suppress(ValueError, TypeError, OverflowError):
            found = parsedate_to_datetime(value)
            return (found.replace(tzinfo=UTC) if found.tzinfo is None else found).astimezone(UTC)
    return None


def _bad(resource: str, code: str, why: str) -> TemporaryError:
    return TemporaryError(
        f"ss12000: {resource} could not be read", why=why, fix="What is known stays; it is tried again", code=code
    )
