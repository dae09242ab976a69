"""What a municipality writes under `connectors.<name>` for its school system (an SS 12000 v2.1 API)."""

from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    SecretStr,
    Tag,
    ValidationInfo,
    field_validator,
)

from plugins import CertificateFile, ConnectorConfig, Duration, LocalPath
from plugins.rules import own_key, rule

Resource = Literal[
    "organisations",
    "persons",
    "groups",
    "duties",
    "activities",
    "rooms",
    "calendarEvents",
    "absences",
    "attendances",
    "attendanceEvents",
]
_DAY: Final = timedelta(days=1)


def _address(value: str) -> str:
    try:
        parts = urlsplit(value)
        usable = bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable, parts = False, urlsplit("")
    safe = parts.scheme == "https" or (parts.scheme == "http" and _is_local(parts.hostname or ""))
    if not usable or not safe or parts.query or parts.fragment or parts.username or parts.password:
        raise rule(
            "address",
            "must begin with https:// (http only to this machine), then host and path, and have no login, query or "
            "fragment",
            "ska börja med https:// (http bara till den egna maskinen), sedan värd och sökväg, och sakna inloggning, "
            "fråga och fragment",
        )
    return value.rstrip("/")


def _is_local(host: str) -> bool:
    """Whether it is this machine, whatever a name server says."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _whole_days(value: timedelta) -> timedelta:
    if value % _DAY:
        raise rule("duration_days", "must be whole days, for example 7d", "ska vara hela dygn, till exempel 7d")
    return value


def _own_path(value: str, info: ValidationInfo) -> str:
    """What the hub passes on to this instance; `context["instance"]` is its name, where the hub has it from a file."""
    name = info.context.get("instance") if isinstance(info.context, dict) else None
    *_, last_but_one, last = ["", *urlsplit(value).path.split("/")]
    if last_but_one != "connectors" or last != (name or last) or not last:
        raise rule(
            "callback_path",
            "must end with /connectors/ and this connector's name in the file: the hub answers all else with 404",
            "ska sluta med /connectors/ och kontaktens namn i filen: på allt annat svarar hubben 404",
        )
    return value


Address = Annotated[str, AfterValidator(_address)]
Days = Annotated[Duration, AfterValidator(_whole_days)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, frozen=True)


class TokenAuth(_Part):
    """A bearer token that the school system's supplier has given out."""

    token: SecretStr = Field(min_length=1, description="The token; give it as ${file:...} or ${env:...}.")


class ClientAuth(_Part):
    """OAuth 2 client credentials (RFC 6749 section 4.4)."""

    login_url: Address = Field(description="Where access tokens are given out, https://...")
    client_id: str = Field(min_length=1, description="The client's id.")
    client_secret: SecretStr = Field(min_length=1, description="Its secret; give it as ${file:...} or ${env:...}.")
    scope: str | None = Field(None, description="OAuth 2 scope, where the supplier asks for one.")
    send: Literal["body", "basic"] = Field(
        "body", description="How id and secret are sent: body (form fields) or basic (HTTP Basic)."
    )


class CertificateAuth(_Part):
    """A client certificate (mTLS)."""

    certificate: CertificateFile = Field(description="PEM file with the certificate and those above it.")
    key: LocalPath = Field(description="PEM file with its private key, without passphrase.")

    @field_validator("key")
    @classmethod
    def _belongs(cls, value: Path, info: ValidationInfo) -> Path:
        certificate = info.data.get("certificate")  # missing where it was refused
        return value if certificate is None else own_key(certificate, value)


# None is called like a key: an error's place holds its name too.
_WAYS: Final = {"token": "bearer", "certificate": "mtls", "key": "mtls"} | dict.fromkeys(
    ("login_url", "client_id", "client_secret", "scope", "send"), "client"
)


def _auth(value: Any) -> str | None:
    """Which way to log in is meant; None for none, and for more than one."""
    names = set(value) if isinstance(value, dict) else set(type(value).model_fields) if value is not None else set()
    ways = {way for name, way in _WAYS.items() if name in names}
    return ways.pop() if len(ways) == 1 else None


Auth = Annotated[
    Annotated[TokenAuth, Tag("bearer")]
    | Annotated[ClientAuth, Tag("client")]
    | Annotated[CertificateAuth, Tag("mtls")],
    Discriminator(
        _auth,
        "auth",
        "choose one way to log in: `token`, or `login_url` with `client_id` and `client_secret`, or `certificate` with "
        "`key`",
        {
            "sv": "välj ett sätt att logga in: `token`, eller `login_url` med `client_id` och `client_secret`, eller "
            "`certificate` med `key`"
        },
    ),
]


class Window(_Part):
    """Which lessons, absences and attendance are followed."""

    back: Days = Field(timedelta(days=7), le=timedelta(days=400), description="Whole days before today.")
    ahead: Days = Field(timedelta(days=60), le=timedelta(days=400), description="Whole days after today.")


class Dialect(_Part):
    """Where a supplier does otherwise than the standard says."""

    repeat_filters: Literal["auto", "always", "never"] = Field(
        "auto",
        description="Whether filters are sent again with a pageToken. auto: where the token is a bare number, or the "
        "supplier refuses it alone.",
    )
    times_without_offset: Literal["refuse", "local", "utc"] = Field(
        "refuse",
        description="What a lesson's or absence's time without offset is: refuse (the record is reported), local "
        "(Europe/Stockholm) or utc. Offsets missing in `meta` need nothing.",
    )
    overlap: Duration | None = Field(
        None,
        le=timedelta(days=7),
        description="How far before its watermark a pull of changes begins. Left out: 10m, and 3h where `meta` has no "
        "offsets.",
    )


class Callback(_Part):
    """Where the school system says that something has changed (the standard's subscriptions)."""

    url: Annotated[Address, AfterValidator(_own_path)] = Field(
        description="This connector at the hub's public address, https://hub.example/connectors/<its name here>. The "
        "hub adds a last part that can't be guessed."
    )


class Ss12000Config(ConnectorConfig):
    """A school system that offers SS 12000 v2.1."""

    base_url: Address = Field(description="Address of the API with its whole path, https://sis.example/v2.0")
    auth: Auth = Field(description="How the hub logs in: a token, OAuth 2 client credentials, or a certificate.")
    poll: Duration = Field(timedelta(seconds=60), description="How often changes are fetched.")
    callback: Callback | None = Field(
        None, description="Where the school system may call when something has changed. Left out: it is not asked to."
    )
    window: Window = Field(Window(), description="Which lessons are followed, around today.")
    resources: frozenset[Resource] = Field(
        frozenset(Resource.__args__),  # type: ignore[attr-defined]
        description="What is pulled. Left out: everything; what the supplier does not offer is passed over.",
    )
    limit: int | None = Field(
        1000, ge=1, le=10_000, description="Records a page that are asked for. null: as many as the supplier likes."
    )
    lessons_per_poll: int = Field(
        10_000,
        ge=100,
        le=1_000_000,
        description="About how many lessons are compared in one poll beside today's and tomorrow's; the whole window "
        "is gone through over several polls.",
    )
    ca_file: CertificateFile | None = Field(
        None, description="PEM file of the authority to trust. Left out: the system's own."
    )
    answer_timeout_s: float = Field(30, gt=0, le=600, description="Longest silence of the supplier, seconds.")
    deadline_s: float = Field(120, gt=0, le=3600, description="Longest time for one whole answer, seconds.")
    max_answer_mib: int = Field(32, ge=1, le=512, description="Largest answer that is read, MiB; a larger is refused.")
    dialect: Dialect = Field(Dialect(), description="Where the supplier does otherwise than the standard.")
