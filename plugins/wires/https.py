"""The wire to a system that speaks HTTP over TLS: login, time-outs, bounded answers, and what each failure means.

Follows no redirect, uses no proxy of the environment, reads no answer beyond its limit, and unpacks it in parts. No
text of the far side gets into an error. Time-outs and pauses go by the hub's clock, in machine time.
"""

import logging
from collections.abc import Awaitable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import httpx
import orjson

from plugins.connector import ConnectorClock
from plugins.rehearsal import current
from plugins.retry_after import read_retry_after
from plugins.texts import Text
from plugins.wires import words
from plugins.wires.bodies import ENCODINGS, NotUnpacked, unpacked
from plugins.wires.failures import FarSide
from plugins.wires.login import Login
from plugins.wires.settings import Auth, CertificateAuth
from plugins.wires.tls import handshake_failure, trusted

T = TypeVar("T")

# They log whole addresses, and an address may hold a person's id.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)

_LOGIN: Final = frozenset({401, 403, 407})
_LATER: Final = frozenset({408, 425, 429})
_MIB: Final = 1024 * 1024


class _Silent(Exception):
    """Nothing came for too long."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    """Where a far side is, and what the hub accepts from it."""

    url: str  # without a last slash; paths are added to it
    auth: Auth | None = None
    ca_file: Path | None = None  # None: the authorities that this machine trusts
    timeout_s: float = 20  # longest silence
    deadline_s: float = 60  # longest time for one whole exchange
    most_bytes: int = _MIB  # largest answer, unpacked
    headers: Mapping[str, str] = field(default_factory=dict)  # sent with each request


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """One answer that came whole, whatever its status."""

    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes = field(repr=False)
    date: datetime | None  # the far side's own clock at the request; None if the answer has no date
    retry_after_s: float | None  # at most a day; a longer wish counts as none

    def is_page(self) -> bool:
        """Whether a web page came in place of data: a login form, a proxy's error."""
        return "html" in self.headers.get("content-type", "").lower() or self.body.lstrip()[:1] == b"<"


class Https:
    """One far side. Keeps connections and an access token until `close`; also an async context manager."""

    def __init__(self, to: Endpoint, far_side: FarSide, clock: ConnectorClock) -> None:
        """Raises ConfigurationError where a certificate file can't be used."""
        self._to = to
        self._far_side = far_side
        self._clock = clock
        self._login = Login(to.auth, far_side, clock, to.timeout_s)
        own = to.auth if isinstance(to.auth, CertificateAuth) else None
        self._http = httpx.AsyncClient(
            verify=trusted(to.ca_file, far_side, own),
            timeout=None,  # noqa: S113 - each answer has two, by the hub's clock: see _exchange
            follow_redirects=False,
            trust_env=False,
            headers={"User-Agent": f"skolnav-{far_side.connector}", "Accept-Encoding": ENCODINGS, **to.headers},
            limits=httpx.Limits(max_connections=8),
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        content: bytes | None = None,
        what: Text | None = None,
    ) -> Reply:
        """Send a request to `<url>/<path>` and return the whole answer.

        The request is sent a second time only after a 401, with a new access token. `what`: what failed, for the text
        of an error. Raises TemporaryError, and ConfigurationError where the server's
        certificate or the login for an access token is refused; no status of the answer raises: see `expect_success`.
        """
        request = {"params": dict(query or {}), "headers": dict(headers or {}), "json": json, "content": content}
        reply = await self._exchange(method, path, request, what)
        if reply.status == 401 and self._login.renew():
            reply = await self._exchange(method, path, request, what)
        return reply

    def expect_success(self, reply: Reply, what: Text | None = None) -> None:
        """Raise the error for an answer that is no success. Look first at a status with a meaning of its own.

        A refused login, a redirect or a document that is not accepted: ConfigurationError, and nothing is given up.
        """
        status = reply.status
        if 200 <= status < 300:
            if "html" in reply.headers.get("content-type", ""):
                raise self._far_side.temporary(words.NOT_JSON, what=what)
        elif status in _LOGIN:
            raise self._far_side.refused(words.LOGIN_REFUSED, what=what, why=words.ANSWERED, status=status)
        elif status >= 500 or status in _LATER:
            raise self._far_side.temporary(words.BUSY, what=what, retry_after_s=reply.retry_after_s, status=status)
        else:
            refused = words.REDIRECTED if 300 <= status < 400 else words.NOT_ACCEPTED
            raise self._far_side.refused(refused, what=what, status=status)

    def read_json(self, reply: Reply, what: Text | None = None) -> Any:
        """The answer's JSON. Raises TemporaryError without quoting it."""
        try:
            return orjson.loads(reply.body.removeprefix(b"\xef\xbb\xbf"))  # some begin with a byte order mark
        except ValueError:
            is_json = "json" in reply.headers.get("content-type", "application/json").lower()
            failure = words.NOT_WHOLE_JSON if is_json and not reply.is_page() else words.NOT_JSON
            raise self._far_side.temporary(failure, what=what) from None

    async def _exchange(self, method: str, path: str, request: Mapping[str, Any], what: Text | None) -> Reply:
        far_side, to = self._far_side, self._to
        if (rehearsal := current()) is not None:
            body = request["content"] or (b"" if request["json"] is None else orjson.dumps(request["json"]))
            rehearsal.note(f"{method} {to.url}/{path}", body)
            # Nothing can be read in a rehearsal: what is asked for is not there. What is sent is accepted, with an
            # object, since a connector that reads the answer tells a success from a proxy's page by it.
            status, accepted = (404, b"") if method == "GET" else (200, b"{}")
            return Reply(status=status, headers={}, body=accepted, date=None, retry_after_s=None)
        asked = self._clock.utc()
        try:
            async with self._clock.timeout(to.deadline_s):
                headers = {**await self._login.headers(self._http), **request["headers"]}
                sending = self._http.build_request(method, f"{to.url}/{path}", **{**request, "headers": headers})
                answer = await self._heard(self._http.send(sending, stream=True))
                try:
                    body = await self._body(answer, what)
                finally:
                    await answer.aclose()
        except _Silent:
            raise far_side.temporary(words.SILENT, what=what, seconds=to.timeout_s) from None
        except TimeoutError:
            raise far_side.temporary(words.PAST_DEADLINE, what=what, seconds=to.deadline_s) from None
        except NotUnpacked:
            raise far_side.temporary(words.NOT_UNPACKED, what=what) from None
        except httpx.RemoteProtocolError:
            raise far_side.temporary(words.CUT_OFF, what=what) from None
        except httpx.ConnectError as error:
            raise handshake_failure(error, far_side, what) or far_side.temporary(
                words.UNREACHABLE, what=what, why=words.NO_CONNECTION
            ) from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise far_side.temporary(
                words.UNREACHABLE, what=what, why=words.CONNECTION_FAILED, kind=type(error).__name__
            ) from None
        date = _date(answer.headers.get("date"))
        if date is not None:  # it dates the answer, while the data may be as old as the request
            date -= max(self._clock.utc() - asked, timedelta(0))
        return Reply(
            status=answer.status_code,
            headers=answer.headers,
            body=body,
            date=date,
            retry_after_s=read_retry_after(answer.headers.get("retry-after"), self._clock.utc()),
        )

    async def _body(self, answer: httpx.Response, what: Text | None) -> bytes:
        most = self._to.most_bytes
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
            chunks.clear()  # an error keeps the frame that it came from, and all that the frame holds
            limit = f"{most // _MIB} MiB" if most >= _MIB else f"{most // 1024} KiB"
            raise self._far_side.temporary(words.TOO_LARGE, what=what, most=limit)
        return b"".join(chunks)

    async def _heard(self, something: Awaitable[T]) -> T:
        """Await something from the far side. Raises _Silent if it does not come within `timeout_s`."""
        try:
            async with self._clock.timeout(self._to.timeout_s):
                return await something
        except TimeoutError:
            raise _Silent from None


def _date(value: str | None) -> datetime | None:
    if value is not None:
        with suppress(ValueError, TypeError, OverflowError):
            found = parsedate_to_datetime(value)
            return (found.replace(tzinfo=UTC) if found.tzinfo is None else found).astimezone(UTC)
    return None
