"""The wire to a system that takes orders over HTTPS: one JSON document per sitting, put under its key.

With `read_back` it is looked at before and after, so that nothing is put over an order that is there. Without, the
key alone makes a repeat the same order. What the far side may mend by itself is a TemporaryError; what only a person
can (a refused login, a moved address, a document that is never taken) a ConfigurationError: nothing is given up then,
since an absence that was told to nobody would be a portion too many for good. No error quotes what the server says.
"""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Final

import httpx

from connectors.catering.client import Put
from connectors.catering.config import HttpsTransport, Kitchen
from connectors.catering.mapping import Snapshot, order, order_key
from connectors.catering.tls import certificate_error, trusted
from plugins import ConfigurationError, TemporaryError
from plugins.connector import ConnectorClock

# A key that no order has: no kitchen has this name and nothing was served that day.
PROBE: Final = "SKOLNAV-TEST/1970-01-01/0/0"
_MOST_BYTES: Final = 65_536  # an order has a few hundred
_LATER: Final = frozenset({408, 425, 429})
_LOGIN: Final = frozenset({401, 403, 407})
_TAKEN: Final = frozenset({409, 412})
_NOTHING_THERE: Final = frozenset({404, 410})


class HttpsClient:
    """Opens nothing yet: each call makes a connection of its own."""

    def __init__(self, transport: HttpsTransport, clock: ConnectorClock) -> None:
        self._to = transport
        self._clock = clock

    async def put(self, kitchen: Kitchen, told: Snapshot) -> Put:
        """Tell all sittings of a day. TAKEN: another order stands under a key; the rest was not told.

        Raises TemporaryError, ConfigurationError; then a part may have been told, and telling it again is harmless.
        """
        became = Put.THERE
        async with self._client() as client:
            for row in told.rows:
                key, document = order_key(kitchen, told, row), order(kitchen, told, row)
                found = await self._put(client, key, document)
                if found is Put.TAKEN:
                    return found
                became = found if found is Put.WRITTEN else became
        return became

    async def probe(self) -> None:
        """Ask for an order that can't be there. Raises as `put` does."""
        async with self._client() as client, self._errors():
            response = await self._send(client, "GET", PROBE)
            if response.status_code not in _NOTHING_THERE | {HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED}:
                self._refusals(response)
                raise ConfigurationError(
                    "catering: transport.url leads to something that is no system for orders",
                    why="it has an answer for an order that does not exist",
                    fix="Check transport.url with the supplier",
                    code="odd-answer",
                )

    async def _put(self, client: httpx.AsyncClient, key: str, document: Mapping[str, Any]) -> Put:
        if self._to.read_back and (there := await self._read(client, key)) is not None:
            return Put.THERE if _holds(there, document) else Put.TAKEN
        async with self._errors():
            body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
            headers = {"content-type": "application/json", "idempotency-key": f'"{key}"'}
            response = await self._send(client, "PUT", key, content=body, headers=headers)
            if response.status_code in _TAKEN:
                return Put.TAKEN
            self._refusals(response)
        if self._to.read_back:
            there = await self._read(client, key)
            if there is None or not _holds(there, document):
                raise _odd("an order that was put reads differently, or not at all", "unverified")
        return Put.WRITTEN

    async def _read(self, client: httpx.AsyncClient, key: str) -> Mapping[str, Any] | None:
        """The order that stands under a key; None if there is none."""
        async with self._errors():
            response = await self._send(client, "GET", key)
            if response.status_code in _NOTHING_THERE:
                return None
            self._refusals(response)
            found = json.loads(response.content)
            if not isinstance(found, dict):
                raise ValueError
            return found

    async def _send(self, client: httpx.AsyncClient, method: str, key: str, **more: Any) -> httpx.Response:
        """One exchange. The answer's body is read as far as an order could reach."""
        url = f"{self._to.url.rstrip('/')}/{key}"
        async with asyncio.timeout(self._to.deadline_s), client.stream(method, url, **more) as response:
            body = b""
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > _MOST_BYTES:
                    raise _odd("the answer is far too long", "odd-answer")
            return httpx.Response(response.status_code, headers=_plain(response.headers), content=body)

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[httpx.AsyncClient]:
        token = self._to.token
        headers = {"accept": "application/json", "user-agent": "skolnav"}
        if token is not None:
            headers["authorization"] = f"Bearer {token.get_secret_value()}"
        # Not the environment's proxies and logins (trust_env): what counts stands in the configuration.
        async with httpx.AsyncClient(
            verify=trusted(self._to.ca_file), headers=headers, timeout=self._to.timeout_s, trust_env=False
        ) as client:
            yield client

    def _refusals(self, response: httpx.Response) -> None:
        """Raise what an answer means that is no success."""
        status = response.status_code
        if 200 <= status < 300:
            if "html" in response.headers.get("content-type", ""):
                raise _odd("a web page came instead of an answer: something stands in between", "odd-answer")
            return
        why = f"it answered {status}"
        if status in _LOGIN:
            raise ConfigurationError(
                "catering: the system for orders refuses the login",
                why=why,
                fix="Check transport.token with the supplier",
                code="login",
            )
        if status >= 500 or status in _LATER:
            raise TemporaryError(
                "catering: the system for orders can't take them now",
                why=why,
                fix="If it lasts, ask the supplier",
                code=f"http-{status}",
                retry_after_s=self._retry_after(response),
            )
        raise ConfigurationError(
            "catering: the system for orders does not take them",
            why=f"{why}; no redirect is followed" if 300 <= status < 400 else why,
            fix="Check transport.url, and with the supplier the documents of connectors/catering/README.md",
            code=f"http-{status}",
        )

    def _retry_after(self, response: httpx.Response) -> float | None:
        told = response.headers.get("retry-after", "")
        if told.isdecimal() and len(told) < 8:
            return float(told)
        try:
            return max(0.0, (parsedate_to_datetime(told) - self._clock.utc()).total_seconds())
        except (ValueError, TypeError):
            return None

    @asynccontextmanager
    async def _errors(self) -> AsyncIterator[None]:
        with _meant():
            yield


@contextmanager
def _meant() -> Iterator[None]:
    try:
        yield
    except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, OSError) as error:
        raise certificate_error(error) or TemporaryError(
            "catering: the system for orders can't be reached",
            why=_reason(error),
            fix="If it lasts, check transport.url and the network between",
            code="https",
        ) from None
    except ValueError:  # what should be JSON is not; json's own error quotes it
        raise _odd("its answer is not an order", "odd-answer") from None


def _odd(why: str, code: str) -> TemporaryError:
    return TemporaryError(
        "catering: the system for orders answers oddly",
        why=why,
        fix="If it lasts, check transport.url with the supplier",
        code=code,
    )


def _reason(error: Exception) -> str:
    if isinstance(error, httpx.TimeoutException | TimeoutError):
        return "it did not answer in time"
    if isinstance(error, httpx.ConnectError):
        return "no connection"
    return "the connection broke"


def _plain(headers: httpx.Headers) -> dict[str, str]:
    """Without what says how the body was packed: it has been unpacked."""
    return {name: value for name, value in headers.items() if name not in ("content-encoding", "transfer-encoding")}


def _holds(there: Mapping[str, Any], document: Mapping[str, Any]) -> bool:
    """Whether an order is the document; the far side may have added to it."""
    return all(there.get(name) == value for name, value in document.items())
