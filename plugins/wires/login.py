"""How the hub proves who it is over HTTPS: a token, a password, or OAuth 2 client credentials.

A client certificate is no header: `tls.trusted` presents it.
"""

from base64 import b64encode
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

import httpx
import orjson

from plugins.connector import ConnectorClock
from plugins.errors import SkolnavError
from plugins.texts import Text
from plugins.wires import words
from plugins.wires.bodies import NotUnpacked, unpacked
from plugins.wires.failures import FarSide
from plugins.wires.settings import Auth, BasicAuth, ClientAuth, TokenAuth
from plugins.wires.tls import handshake_failure

_EARLY: Final = timedelta(seconds=30)  # how long before its end a token is renewed
_UNSAID: Final = timedelta(minutes=5)  # the life of a token whose answer gives none (RFC 6749 5.1 only recommends it)
_LARGEST: Final = 64 * 1024  # bytes of a token server's answer


class Login:
    """The `Authorization` header of one far side. An access token is kept until shortly before it ends."""

    def __init__(self, auth: Auth | None, far_side: FarSide, clock: ConnectorClock, timeout_s: float) -> None:
        """`timeout_s`: longest time for the token server's whole answer."""
        self._auth = auth
        self._far_side = replace(
            far_side,
            name=Text("tokenservern", "the token server"),
            called={**far_side.called, "url": far_side.setting("login_url")},
        )
        self._clock = clock
        self._timeout_s = timeout_s
        self._token = ""
        self._until: datetime | None = None

    async def headers(self, http: httpx.AsyncClient) -> dict[str, str]:
        """Raises the token server's error if no access token could be fetched."""
        if isinstance(self._auth, TokenAuth):
            return {"Authorization": f"Bearer {self._auth.token.get_secret_value()}"}
        if isinstance(self._auth, BasicAuth):
            login = f"{self._auth.username}:{self._auth.password.get_secret_value()}"
            return {"Authorization": f"Basic {b64encode(login.encode()).decode()}"}
        if not isinstance(self._auth, ClientAuth):
            return {}
        if self._until is None or self._clock.utc() >= self._until:
            await self._fetch(http, self._auth)
        return {"Authorization": f"Bearer {self._token}"}

    def renew(self) -> bool:
        """Drop the access token after a 401. True if a new one can be fetched, so that one more try makes sense."""
        renewable = isinstance(self._auth, ClientAuth) and self._until is not None
        self._until = None
        return renewable

    async def _fetch(self, http: httpx.AsyncClient, auth: ClientAuth) -> None:
        form = {"grant_type": "client_credentials"}
        if auth.scope:
            form["scope"] = auth.scope
        secret = auth.client_secret.get_secret_value()
        basic = httpx.BasicAuth(auth.client_id, secret) if auth.send == "basic" else None
        if basic is None:
            form |= {"client_id": auth.client_id, "client_secret": secret}
        try:
            async with (
                self._clock.timeout(self._timeout_s),
                http.stream("POST", auth.login_url, data=form, auth=basic) as answer,
            ):
                body = b""
                async for chunk in unpacked(answer):
                    body += chunk
                    if len(body) > _LARGEST:
                        raise self._no_token(words.ANSWER_TOO_LARGE)
        except TimeoutError:
            raise self._no_token(words.PAST_DEADLINE.why) from None
        except NotUnpacked:
            raise self._no_token(words.NOT_UNPACKED.why) from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise handshake_failure(error, self._far_side, words.NO_TOKEN) or self._no_token(
                words.CONNECTION_FAILED, kind=type(error).__name__
            ) from None
        if answer.status_code in (400, 401, 403):
            raise self._far_side.refused(words.TOKEN_REFUSED, status=answer.status_code)
        if answer.status_code != 200:
            raise self._no_token(words.ANSWERED, status=answer.status_code)
        self._use(body)

    def _use(self, body: bytes) -> None:
        try:
            given = orjson.loads(body)
            token, life = given["access_token"], given.get("expires_in")
            seconds = float(life) if life is not None else _UNSAID.total_seconds()
            usable = isinstance(token, str) and bool(token) and token.isascii() and token.isprintable()
        except (ValueError, TypeError, KeyError, AttributeError):
            usable = False
        if not usable or not 0 <= seconds < 10**9:
            raise self._no_token(words.NO_TOKEN_INSIDE)
        self._token = token
        self._until = self._clock.utc() + max(timedelta(seconds=seconds) - _EARLY, timedelta(seconds=1))

    def _no_token(self, why: Text, **values: Any) -> SkolnavError:
        return self._far_side.temporary(words.TOKEN, why=why, seconds=self._timeout_s, **values)
