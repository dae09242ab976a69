"""How the hub proves who it is: a token, OAuth 2 client credentials (kept until they run out), or a certificate."""

import ssl
from datetime import datetime, timedelta
from typing import Final

import httpx

from connectors.ss12000.config import CertificateAuth, ClientAuth, Ss12000Config, TokenAuth
from connectors.ss12000.wire import NotUnpacked, certificate_trouble, unpacked
from plugins import ConfigurationError, TemporaryError
from plugins.connector import ConnectorClock
from plugins.rules import no_passphrase

_EARLY: Final = timedelta(seconds=30)  # a token is renewed so long before it runs out
_UNSAID: Final = timedelta(minutes=5)  # how long one is used whose life was not told (RFC 6749 5.1 only recommends it)
_LARGEST: Final = 64 * 1024


def tls(config: Ss12000Config) -> ssl.SSLContext:
    """Whom to trust, and the hub's own certificate. Raises ConfigurationError where a file can't be used."""
    try:
        context = ssl.create_default_context(cafile=str(config.ca_file) if config.ca_file else None)
    except (OSError, ssl.SSLError):
        raise ConfigurationError(
            "ss12000: the authority's certificate can't be read", fix="Check ca_file: a PEM file", code="ca-file"
        ) from None
    if isinstance(config.auth, CertificateAuth):
        try:
            context.load_cert_chain(config.auth.certificate, config.auth.key, password=no_passphrase)
        except (OSError, ssl.SSLError):
            raise ConfigurationError(
                "ss12000: the client certificate can't be used",
                why="a file is missing, is no PEM, has a passphrase, or key and certificate do not belong together",
                fix="Check auth.certificate and auth.key",
                code="client-certificate",
            ) from None
    return context


class Login:
    """What stands in the `Authorization` header now. One per connector. An access token comes within `timeout_s`."""

    def __init__(self, auth: TokenAuth | ClientAuth | CertificateAuth, clock: ConnectorClock, timeout_s: float) -> None:
        self._auth = auth
        self._clock = clock
        self._timeout_s = timeout_s
        self._token = ""
        self._until: datetime | None = None

    async def headers(self, http: httpx.AsyncClient) -> dict[str, str]:
        """Raises TemporaryError where no access token could be had."""
        if isinstance(self._auth, TokenAuth):
            return {"Authorization": f"Bearer {self._auth.token.get_secret_value()}"}
        if isinstance(self._auth, CertificateAuth):
            return {}
        if self._until is None or self._clock.utc() >= self._until:
            await self._fetch(http, self._auth)
        return {"Authorization": f"Bearer {self._token}"}

    def refused(self) -> bool:
        """The token was not taken. True if another can be had, so that trying once more makes sense."""
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
                        raise _no_token("its answer is too large")
        except TimeoutError:
            raise _no_token(f"the token server gave no answer within {self._timeout_s:g} s") from None
        except NotUnpacked:
            raise _no_token("its answer is packed in a way that can't be read") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            if (trouble := certificate_trouble(error)) is not None:
                raise TemporaryError(
                    "ss12000: no access token",
                    why=f"the token server: {trouble}",
                    fix="Tell the supplier; check this machine's clock, and ca_file",
                    code="certificate",
                ) from None
            raise _no_token(f"the token server can't be reached ({type(error).__name__})") from None
        if answer.status_code in (400, 401, 403):
            raise _no_token(f"it refused the hub's id or secret ({answer.status_code})", code="login-refused")
        if answer.status_code != 200:
            raise _no_token(f"it answered {answer.status_code}")
        self._take(body)

    def _take(self, body: bytes) -> None:
        try:
            given = httpx.Response(200, content=body).json()
            token, life = given["access_token"], given.get("expires_in")
            seconds = float(life) if life is not None else _UNSAID.total_seconds()
            usable = isinstance(token, str) and bool(token) and token.isascii() and token.isprintable()
        except (ValueError, TypeError, KeyError, AttributeError):
            usable = False
        if not usable or not 0 <= seconds < 10**9:
            raise _no_token("its answer holds no access token")
        self._token = token
        self._until = self._clock.utc() + max(timedelta(seconds=seconds) - _EARLY, timedelta(seconds=1))


def _no_token(why: str, code: str = "token") -> TemporaryError:
    return TemporaryError(
        "ss12000: no access token",
        why=why,
        fix="Check auth.login_url, auth.client_id and auth.client_secret",
        code=code,
    )
