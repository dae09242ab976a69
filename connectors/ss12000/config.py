"""What a municipality writes under `connectors.<name>` for its school system (an SS 12000 v2.1 API)."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Discriminator, Field, Tag, ValidationInfo

from plugins import CertificateFile, ConnectorConfig, Duration
from plugins.rules import rule
from plugins.wires.settings import Address, CertificateAuth, ClientAuth, Settings, TokenAuth

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
_STALE: Final = timedelta(minutes=10)


def _whole_days(value: timedelta) -> timedelta:
    if value % _DAY:
        raise rule("duration_days", "must be whole days, for example 7d", "ska vara hela dygn, till exempel 7d")
    return value


def _own_path(value: str, info: ValidationInfo) -> str:
    """An address whose calls the hub passes on to this instance; `context["instance"]` is its name, if in a file."""
    name = info.context.get("instance") if isinstance(info.context, dict) else None
    *_, last_but_one, last = ["", *urlsplit(value).path.split("/")]
    if last_but_one != "connectors" or last != (name or last) or not last:
        raise rule(
            "callback_path",
            "must end with /connectors/ and this connector's name in the file: the hub answers any other path with 404",
            "ska sluta med /connectors/ och kopplingens namn i filen: på andra sökvägar svarar hubben 404",
        )
    return value


Days = Annotated[Duration, AfterValidator(_whole_days)]


# No way has the name of a key, since the place of an error holds both names.
_WAYS: Final = {"token": "bearer", "certificate": "mtls", "key": "mtls"} | dict.fromkeys(
    ("login_url", "client_id", "client_secret", "scope", "send"), "client"
)


def _auth(value: Any) -> str | None:
    """The way to log in that a setting means; None for no way, and for more than one."""
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


class Window(Settings):
    """The days whose lessons, absences and attendance the connector follows."""

    back: Days = Field(timedelta(days=7), le=timedelta(days=400), description="Whole days before today.")
    ahead: Days = Field(timedelta(days=60), le=timedelta(days=400), description="Whole days after today.")


class Dialect(Settings):
    """Where a supplier departs from the standard."""

    repeat_filters: Literal["auto", "always", "never"] = Field(
        "auto",
        description="Whether filters are sent again with a pageToken. auto: where the token is a bare number, or the "
        "supplier refuses it alone.",
    )
    times_without_offset: Literal["refuse", "local", "utc"] = Field(
        "refuse",
        description="What a time without offset in a lesson or absence means: refuse (the record is reported), local "
        "(Europe/Stockholm) or utc. Times in `meta` need no offset.",
    )
    overlap: Duration | None = Field(
        None,
        le=timedelta(days=7),
        description="How far before its watermark a pull of changes begins. Left out: 10m, and 3h where `meta` has no "
        "offsets.",
    )


class Callback(Settings):
    """Where the school system may call after a change (the standard's subscriptions)."""

    url: Annotated[Address, AfterValidator(_own_path)] = Field(
        description="This connector at the hub's public address, https://hub.example/connectors/<its name here>. The "
        "hub adds a last part that can't be guessed."
    )


class Ss12000Config(ConnectorConfig):
    """A school system that offers SS 12000 v2.1."""

    swedish: ClassVar[Mapping[str, str]] = {
        "base_url": "API:ets adress med hela sökvägen, https://sis.example/v2.0",
        "auth": "Hur hubben loggar in: en token, OAuth 2 client credentials eller ett certifikat.",
        "poll": "Hur ofta ändringar hämtas.",
        "stale_after": "Hur gammal den senaste fullständiga hämtningen av katalogen och av frånvaron får vara; "
        "därefter märks summor över skolans elever som ofullständiga. Utelämnad: tre gånger `poll`, och minst 10m.",
        "callback": "Dit skolsystemet får anropa efter en ändring. Utelämnad: hubben ber inte om det.",
        "window": "Vilka lektioner som följs, räknat från i dag.",
        "resources": "Vad som hämtas. Utelämnad: allt som leverantören erbjuder.",
        "limit": "Hur många poster hubben ber om per sida. null: så många som leverantören vill.",
        "lessons_per_poll": "Ungefär hur många lektioner en hämtning jämför utöver dagens och morgondagens; flera "
        "hämtningar täcker tillsammans hela fönstret.",
        "ca_file": "PEM-fil med den utfärdare som hubben ska lita på. Utelämnad: systemets egna.",
        "answer_timeout_s": "Leverantörens längsta tystnad, sekunder.",
        "deadline_s": "Längsta tid för ett helt svar, sekunder.",
        "max_answer_mib": "Det största svar som hubben läser, MiB.",
        "max_new": "Hur många nya poster en lista får ge på en gång; fler väntar tills en person bekräftar dem.",
        "max_records": "Poster i en lista; en längre lista läses inte till slutet.",
        "dialect": "Där leverantören avviker från standarden.",
    }

    base_url: Address = Field(description="Address of the API with its whole path, https://sis.example/v2.0")
    auth: Auth = Field(description="How the hub logs in: a token, OAuth 2 client credentials, or a certificate.")
    poll: Duration = Field(timedelta(seconds=60), description="How often changes are fetched.")
    stale_after: Duration | None = Field(
        None,
        ge=timedelta(minutes=1),
        description="How old the last complete pull of the directory and of absences may be; later, sums over its "
        "pupils are marked incomplete. Left out: three times `poll`, and at least 10m.",
    )
    callback: Callback | None = Field(
        None, description="Where the school system may call after a change. Left out: the hub does not ask it to."
    )
    window: Window = Field(Window(), description="Which lessons are followed, around today.")
    resources: frozenset[Resource] = Field(
        frozenset(Resource.__args__),  # type: ignore[attr-defined]
        description="The resources to pull. Left out: all that the supplier offers.",
    )
    limit: int | None = Field(
        1000, ge=1, le=10_000, description="Records to ask for in a page. null: as many as the supplier likes."
    )
    lessons_per_poll: int = Field(
        10_000,
        ge=100,
        le=1_000_000,
        description="About how many lessons one poll compares beside today's and tomorrow's; several polls together "
        "cover the whole window.",
    )
    ca_file: CertificateFile | None = Field(
        None, description="PEM file of the authority to trust. Left out: the system's own."
    )
    answer_timeout_s: float = Field(30, gt=0, le=600, description="Longest silence of the supplier, seconds.")
    deadline_s: float = Field(120, gt=0, le=3600, description="Longest time for one whole answer, seconds.")
    max_answer_mib: int = Field(32, ge=1, le=512, description="Largest answer that the hub reads, MiB.")
    max_new: int = Field(
        100_000,
        ge=100,
        le=10_000_000,
        description="New records that one list may bring at once; more wait until a person confirms them.",
    )
    max_records: int = Field(
        500_000, ge=1000, le=50_000_000, description="Records in one list; a longer list is not read to its end."
    )
    dialect: Dialect = Field(Dialect(), description="Where the supplier departs from the standard.")

    def stale_age(self) -> timedelta:
        """`stale_after`; without it, so long that one poll may fail."""
        return max(3 * self.poll, _STALE) if self.stale_after is None else self.stale_after
