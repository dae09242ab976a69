"""Who is calling: bearer tokens, OAuth 2 client credentials (RFC 6749, 4.4) and the roles that they carry."""

import base64
import binascii
import hmac
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import translate
from hashlib import blake2b, sha256
from typing import Any, Final
from urllib.parse import parse_qsl, unquote_plus

import orjson

from hub.assembly.services import Services
from hub.bus.base import Corrects, corrects_nothing, corrects_of
from hub.config.model import Role
from hub.config.risks import LEAST_BITS, bits
from hub.http.guesses import Address, Guesses
from hub.http.problems import ApiProblem, unauthenticated
from hub.privacy.base import Recipient
from hub.registry.build import recipient_of
from hub.texts import both

ACCESS_TOKEN_S: Final = 3600
_PREFIX: Final = "snt_"  # of tokens that the hub issues; clients' own tokens do not have it
_CACHED: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """An authenticated client. `publishes` and `sources` are compiled globs; None means all."""

    id: str
    roles: frozenset[Role]
    recipient: Recipient | None = None  # the recipient for the privacy gate; None: it has no data contract
    publishes: re.Pattern[str] | None = None
    sources: re.Pattern[str] | None = None
    corrects: Corrects = corrects_nothing
    secret: bytes = field(default=b"", repr=False)  # SHA-256 of its configured token
    previous: bytes = field(default=b"", repr=False)  # the same of its previous token
    previous_until: float = 0.0  # when that ends, in seconds since 1970
    guessable: bool = True  # its configured token is one that `skolnav check` warns of

    def may_not_publish(self, type_: str, source: str) -> str | None:
        """The setting (`publishes` or `sources`) that forbids it, or None."""
        if self.publishes is not None and not self.publishes.match(type_):
            return "publishes"
        if self.sources is not None and not self.sources.match(source):
            return "sources"
        return None

    def require(self, *roles: Role) -> None:
        """Raises ApiProblem (403) unless the client has one of `roles`."""
        if self.roles.isdisjoint(roles):
            raise ApiProblem("role-missing", both("refusal.role", roles=", ".join(roles)))

    def recipient_or_403(self) -> Recipient:
        if self.recipient is None:
            raise ApiProblem(
                "no-contract",
                "Data leaves the hub only under a data contract. Give the client a `contract` (purpose, legal_basis, "
                "categories) in the configuration.",
            )
        return self.recipient


LOCAL: Final = Principal(id="local", roles=frozenset({Role.OPERATOR}))
"""The command line on the hub's own socket. It sees types, ids, counts and outcomes, but no data."""


def _any_of(globs: Iterable[str] | None) -> re.Pattern[str] | None:
    if globs is None:
        return None
    listed = list(globs)
    # An empty list of globs allows nothing; a setting that is left out allows everything.
    return re.compile("|".join(translate(glob) for glob in listed) if listed else r"(?!)")


class Authenticator:
    """Finds the client that a token belongs to. The hot path is one keyed hash and one look-up.

    No token is stored. The look-up uses a hash under a key of this process, so that neither its timing nor a core dump
    reveals a token. The clients are read again after the configuration was replaced.
    """

    def __init__(self, services: Services, guesses: Guesses | None = None) -> None:
        self._services = services
        self._guesses = Guesses(services.clock) if guesses is None else guesses
        self._sealer = services.keys.sealer("api/access-token")
        self._process_key = secrets.token_bytes(32)
        self._config: object = None
        self._by_header: dict[bytes, Principal] = {}
        self._previous: dict[bytes, tuple[Principal, float]] = {}  # previous tokens, with their ends
        self._issued: dict[bytes, tuple[Principal, float]] = {}
        self._clients: dict[str, Principal] = {}

    def principal(self, authorization: bytes | None, address: Address = "") -> Principal:
        """`address`: where the request came from. Raises ApiProblem (401, 429)."""
        if self._services.config is not self._config:
            self._load()
        if authorization is None:
            raise unauthenticated(token_given=False)
        hashed = blake2b(authorization, key=self._process_key, digest_size=32).digest()
        found = self._by_header.get(hashed)
        if found is not None and self._guesses.served(found.id, address):
            return found
        found = found or self._slow(authorization, hashed)
        if found is None:
            self._guesses.wrong(address)
            raise unauthenticated(token_given=True)
        self._guesses.admit(found.id, address, guessable=found.guessable)
        return found

    def name_of(self, authorization: bytes) -> str | None:
        """The id of the client whose token this is, as far as that is known without opening a token."""
        if self._services.config is not self._config:
            self._load()
        hashed = self._hash(authorization)
        found = self._by_header.get(hashed)
        if found is None and (issued := self._issued.get(hashed)) is not None:
            found = issued[0]
        return None if found is None else found.id

    def client(self, client_id: str) -> Principal | None:
        """The configured client with this id."""
        if self._services.config is not self._config:
            self._load()
        return self._clients.get(client_id)

    def issue(self, headers: Mapping[str, str], body: bytes, address: Address = "") -> dict[str, Any]:
        """The answer to a client credentials request. Raises OAuthRefused, ApiProblem (429)."""
        try:
            form = dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=20))
        except ValueError:
            raise OAuthRefused("invalid_request", "The body is not a form of at most 20 fields.") from None
        if form.get("grant_type") != "client_credentials":
            raise OAuthRefused("unsupported_grant_type", "Only grant_type=client_credentials is served here.")
        client_id, secret = form.get("client_id", ""), form.get("client_secret", "")
        scheme, _, credentials = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            client_id, secret = _basic(credentials)
        client = self.client(client_id)
        given = sha256(secret.encode()).digest()
        now = self._services.clock.utc().timestamp()
        # Compared for an unknown client too, so that the time does not reveal which ids exist.
        current = hmac.compare_digest(given, client.secret if client else bytes(32))
        previous = hmac.compare_digest(given, (client.previous if client else b"") or bytes(32))
        if client is None or not (current or (previous and now < client.previous_until)):
            self._guesses.wrong(address, client_id)
            raise OAuthRefused("invalid_client", "The client id or its secret is not known here.", 401)
        self._guesses.admit(client.id, address)
        lives_s = ACCESS_TOKEN_S if current else min(ACCESS_TOKEN_S, int(client.previous_until - now))
        content = orjson.dumps([client.id, int(now) + lives_s, given[:8].hex()])
        return {
            "access_token": _PREFIX + base64.urlsafe_b64encode(self._sealer.seal(content)).decode().rstrip("="),
            "token_type": "Bearer",
            "expires_in": lives_s,
            "scope": " ".join(sorted(client.roles)),
        }

    def _load(self) -> None:
        config = self._services.config
        clients: dict[str, Principal] = {}
        by_header: dict[bytes, Principal] = {}
        previous: dict[bytes, tuple[Principal, float]] = {}
        for configured in config.clients:
            token = configured.token.get_secret_value()
            old = configured.previous_token.get_secret_value() if configured.previous_token is not None else ""
            until = configured.previous_token_until.timestamp() if configured.previous_token_until is not None else 0.0
            clients[configured.id] = principal = Principal(
                id=configured.id,
                roles=configured.roles,
                recipient=recipient_of(configured),
                publishes=_any_of(configured.publishes),
                sources=_any_of(configured.sources),
                corrects=corrects_of(configured.corrects),
                secret=sha256(token.encode()).digest(),
                previous=sha256(old.encode()).digest() if old else b"",
                previous_until=until,
                guessable=any(bits(each) < LEAST_BITS for each in (token, old) if each),
            )
            by_header[self._hash(b"Bearer " + token.encode())] = principal
            if old:
                previous[self._hash(b"Bearer " + old.encode())] = principal, until
        self._clients, self._by_header, self._previous = clients, by_header, previous
        self._issued, self._config = {}, config

    def _hash(self, header: bytes) -> bytes:
        return blake2b(header, key=self._process_key, digest_size=32).digest()

    def _slow(self, authorization: bytes, hashed: bytes) -> Principal | None:
        """None for a token that the hub does not know. Raises ApiProblem (401) for one that has expired."""
        now = self._services.clock.utc().timestamp()
        known = self._issued.get(hashed)
        if known is None:
            scheme, _, token = authorization.partition(b" ")
            if scheme.lower() != b"bearer":
                return None
            token = token.strip()
            # A client may write the scheme in any case and with extra spaces (RFC 9110, 11.1).
            normal = self._hash(b"Bearer " + token)
            principal = self._by_header.get(normal)
            known = (principal, float("inf")) if principal else self._previous.get(normal) or self._opened(token)
            if known is None:
                return None
            if len(self._issued) >= _CACHED:
                self._issued.clear()
            self._issued[hashed] = known
        if now >= known[1]:
            del self._issued[hashed]
            raise unauthenticated(token_given=True)
        return known[0]

    def _opened(self, token: bytes) -> tuple[Principal, float] | None:
        try:
            text = token.decode("ascii")
            if not text.startswith(_PREFIX):
                raise ValueError
            sealed = base64.urlsafe_b64decode(text.removeprefix(_PREFIX) + "==")
            client_id, expires, fingerprint = orjson.loads(self._sealer.open(sealed))
        except (ValueError, binascii.Error):
            return None
        client = self._clients.get(client_id)
        # Tokens issued to a client end when it is removed or its secret is changed.
        if client is None:
            return None
        if client.secret[:8].hex() == fingerprint:
            return client, float(expires)
        if client.previous and client.previous[:8].hex() == fingerprint:
            return client, min(float(expires), client.previous_until)
        return None


class OAuthRefused(Exception):
    """An error answer of RFC 6749, section 5.2."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        self.error, self.description, self.status = error, description, status
        super().__init__(error)


def _basic(credentials: str) -> tuple[str, str]:
    try:
        name, colon, secret = base64.b64decode(credentials, validate=True).decode().partition(":")
    except (ValueError, binascii.Error):
        colon = ""
    if not colon:
        raise OAuthRefused("invalid_client", "The Basic credentials are not base64 of `id:secret`.", 401)
    return unquote_plus(name), unquote_plus(secret)
