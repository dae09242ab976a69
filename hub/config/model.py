"""The keys of the configuration file, and the checked configuration that is made from them: `HubConfig`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretBytes,
    SecretStr,
)
from pydantic_core import PydanticCustomError

from hub.config.alerts import AlertSettings
from hub.config.findings import Finding
from hub.config.findings import Path as Place
from hub.config.limits import Limits
from hub.privacy.sums import SMALLEST_CELL, SumRule
from hub.subscriptions.spec import SubscriptionSpec, name_or_error
from plugins.connector import Connector, ConnectorConfig
from plugins.durations import Duration
from schemas import Category, DataContract, Scope
from schemas.school_time import as_school_time

_ADDRESS: Final = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^\s:\[\]]+):([0-9]{1,5})\Z", re.ASCII)

_TIME: Final = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]\Z", re.ASCII)

_HEADER: Final = r"^[A-Za-z0-9-]{1,64}$"
_VISIBLE: Final = re.compile(r"[!-~]([ -~]*[!-~])?")  # what a header's value may hold

DISCLOSURE_RETENTION: Final = timedelta(days=1827)
"""Five years, leap years too: what HSLF-FS 2016:40, chapter 4 section 9, asks of logs of access to patient data."""

Network = IPv4Network | IPv6Network


def _network(value: Any) -> Network:
    try:
        return ip_network(value)
    except (ValueError, TypeError):
        raise PydanticCustomError("config.network", 'not a network: "127.0.0.0/8"') from None


def _address(value: Any) -> tuple[str, int]:
    match = _ADDRESS.match(value) if isinstance(value, str) else None
    if match is None or not 0 < int(match[2]) < 65536:
        raise PydanticCustomError("config.address", 'not host and port: "127.0.0.1:8080"')
    return match[1].strip("[]"), int(match[2])


def _time_of_day(value: Any) -> Any:
    if not isinstance(value, str) or not _TIME.match(value):
        raise PydanticCustomError("config.time", 'not a time of day: "02:30"')
    return time.fromisoformat(value)


def _collector(value: str) -> str:
    try:
        url = urlsplit(value)
        host, port = url.hostname, url.port
    except ValueError:
        host = port = None
    if not host or port == 0 or url.scheme not in ("http", "https") or "@" in url.netloc or url.query or url.fragment:
        raise PydanticCustomError("config.collector", 'not a collector: "http://127.0.0.1:4318"')
    return value


def _visible(value: SecretStr) -> SecretStr:
    if not _VISIBLE.fullmatch(value.get_secret_value()):  # the exporter would log it as an invalid header, whole
        raise PydanticCustomError("config.not-plain", "visible characters only")
    return value


def _engine(value: Any) -> Any:
    if value != "embedded":
        raise PydanticCustomError("config.cluster", "this version runs the embedded engine only")
    return value


Name = Annotated[str, AfterValidator(name_or_error)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Role(StrEnum):
    PUBLISHER = "publisher"
    SUBSCRIBER = "subscriber"
    OPERATOR = "operator"
    PRIVACY_OFFICER = "privacy_officer"
    AUDITOR = "auditor"


class ClientConfig(_Part):
    """A system outside that calls the hub, or that the hub calls."""

    id: Name = Field(description="Its name, also the OAuth 2 client id.")
    token: SecretStr = Field(description="Its token and OAuth 2 client secret, by reference.")
    previous_token: SecretStr | None = Field(
        None, description="Its token before that one, valid until `previous_token_until`."
    )
    previous_token_until: AwareDatetime | None = Field(None, description="When the previous token ends.")
    roles: frozenset[Role] = Field(min_length=1, description="What it may do.")
    publishes: tuple[str, ...] | None = Field(None, description="Event types it may publish; * and ?. Left out: all.")
    sources: tuple[str, ...] | None = Field(None, description="Sources it may publish as; * and ?. Left out: all.")
    corrects: tuple[str, ...] = Field((), description="Sources whose entities it may change or withdraw; * and ?.")
    contract: DataContract | None = Field(None, description="What it may see. Left out: nothing.")
    protected: bool = Field(
        False, description="The privacy officer allows it to have data about protected persons in their own business."
    )
    exact: tuple[str, ...] = Field(
        (), description="Types whose sums it gets exact and at once, since it must act on them; * and ?."
    )


class Narrowing(_Part):
    """Narrows a connector's contract. Whatever is left out is as the connector's class declares it."""

    purpose: str | None = Field(None, min_length=1)
    legal_basis: str | None = Field(None, min_length=1)
    categories: frozenset[Category] | None = None
    scope: Scope | None = None

    def of(self, contract: DataContract) -> DataContract:
        changed: dict[str, Any] = self.model_dump(exclude_none=True) | ({"scope": self.scope} if self.scope else {})
        # The municipality's own words replace those of the class, so the class's translation does not fit any more.
        changed |= {f"{name}_sv": None for name in ("purpose", "legal_basis") if name in changed}
        return contract.model_copy(update=changed)


class ConnectorHead(_Part):
    """The keys of `connectors.<name>` that belong to the hub. All other keys are the connector's own."""

    use: str = Field(min_length=1, description="Which connector: `skolnav plugins` shows them.")
    contract: Narrowing | None = Field(None, description="Narrows the contract that the connector's class declares.")
    corrects: tuple[str, ...] = Field((), description="As for clients.")
    protected: bool = Field(False, description="As for clients.")
    exact: tuple[str, ...] = Field((), description="As for clients.")
    aggregates: bool = Field(
        False, description="The municipality lets it count every person, protected or not: group, attendance and diet."
    )
    isolation: Literal["process", "none"] | None = Field(
        None,
        description="`process`: in a process of its own. `none`: in the hub's. Left out: `none` for what is built in.",
    )
    limits: Limits = Field(default_factory=Limits, description="What a process of its own may use.")


class SumSettings(_Part):
    """How one type's sums over people are blurred for a recipient that need not act on them."""

    cell: int = Field(SMALLEST_CELL, ge=3, le=1000, description="The smallest number of people that shows.")
    words: frozenset[Annotated[str, Field(min_length=1, max_length=64)]] = Field(
        frozenset(), description="Names of rows that may stand apart (diets), beside those of the connectors' settings."
    )


class DirectorySettings(_Part):
    """How long the hub relies on what it knows about persons."""

    max_age: Duration = Field(
        timedelta(hours=26), description="`Ingen` is fresh this long after its source's last directory.current."
    )
    sources: tuple[str, ...] = Field(
        (), description="Sources that must have been loaded completely once before person events are delivered."
    )
    first_load: Duration = Field(timedelta(hours=24), description="The longest wait for that.")


class OutboundSettings(_Part):
    allow: tuple[Annotated[Network, BeforeValidator(_network)], ...] = Field(
        (), description="Private ranges that webhooks may reach."
    )


class LogSettings(_Part):
    """What the hub writes to standard error."""

    format: Literal["text", "json"] = Field("text", description="A line, or a JSON object on one line.")
    access: bool = Field(False, description="A line for each HTTP answer: route, status, client, bytes, time.")


class BackupSettings(_Part):
    """A backup a day, beside the running hub."""

    folder: Path = Field(description="Where backups go, each in a folder of its own: another disk or machine.")
    at: Annotated[time, BeforeValidator(_time_of_day)] = Field(time(2, 30), description="School time HH:MM.")
    keep: Duration = Field(
        timedelta(days=14), ge=timedelta(days=1), description="Older backups are removed, never the newest."
    )


class TracingSettings(_Part):
    """Spans for the operator's own OpenTelemetry collector."""

    endpoint: Annotated[str, AfterValidator(_collector)] = Field(
        description="The collector's address for OTLP over HTTP; without a path, /v1/traces is its path."
    )
    headers: Mapping[Annotated[str, Field(pattern=_HEADER)], Annotated[SecretStr, AfterValidator(_visible)]] = Field(
        default_factory=dict, description="Headers for the collector (`authorization`), by reference."
    )


class SchoolClock(_Part):
    """A school time that the demo sets."""

    start: Annotated[datetime, AfterValidator(as_school_time)] = Field(
        description="School time at the start; without offset it is Europe/Stockholm."
    )
    speed: float = Field(1, gt=0, le=100_000, description="School seconds per second.")


class FileModel(_Part):
    """The top level of the file. Clients, connectors and subscriptions are validated one by one, to show all errors."""

    municipality: str = Field(min_length=1, max_length=100, description="Its name; the tenant's name derives from it.")
    listen: Annotated[tuple[str, int], BeforeValidator(_address)] = Field(
        ("127.0.0.1", 8080), description="Host and port of the API."
    )
    trusted_proxies: tuple[Annotated[Network, BeforeValidator(_network)], ...] = Field(
        (), description="Reverse proxies in front of the hub; they name the client's address."
    )
    data: str = Field("./data", min_length=1, description="Folder of the embedded engine's files.")
    engine: Annotated[Literal["embedded"], BeforeValidator(_engine)] = "embedded"
    key: str | None = Field(None, description="The hub's 32-byte key, by reference. Left out: made under data.")
    clients: tuple[Any, ...] = ()
    connectors: Mapping[str, Any] = Field(default_factory=dict)
    subscriptions: tuple[Any, ...] = ()
    directory: DirectorySettings = Field(default_factory=DirectorySettings)
    sums: Mapping[str, SumSettings] = Field(default_factory=dict, description="By event type: how sums are blurred.")
    outbound: OutboundSettings = Field(default_factory=OutboundSettings)
    retention: Duration = Field(timedelta(days=30), description="How long events are kept.")
    disclosure_retention: Duration = Field(
        DISCLOSURE_RETENTION, description="How long the log of disclosures and the audit are kept."
    )
    dedupe_window: Duration = Field(timedelta(days=30), description="How long repeats of an event are recognised.")
    alerts: AlertSettings = Field(default_factory=AlertSettings)
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log: LogSettings = Field(default_factory=LogSettings)
    backups: BackupSettings | None = Field(None, description="Backups by schedule. Left out: none.")
    demo: bool = Field(False, description="This is a demonstration, with invented people.")
    tracing: TracingSettings | None = Field(None, description="Spans for a collector. Left out: none.")
    school_clock: SchoolClock | None = Field(None, description="Only with demo: true. Outbound is then loopback only.")


@dataclass(frozen=True, slots=True)
class NamedId:
    """An id of the school's directory that a connector's settings name."""

    kind: str  # organisation, group or room
    id: str
    unknown: Finding  # what is shown where the directory does not know the id


@dataclass(frozen=True, slots=True)
class NamedFarSide:
    """One of several far sides of a connector instance, each of which stands for itself."""

    place: Place
    name: str


@dataclass(frozen=True, slots=True)
class ConnectorEntry:
    """One connector instance. `contract` is in force together with its class's; None: it narrows nothing."""

    use: str
    cls: type[Connector[Any]]
    config: ConnectorConfig
    contract: DataContract | None = None
    corrects: tuple[str, ...] = ()
    protected: bool = False
    exact: tuple[str, ...] = ()
    aggregates: bool = False  # the municipality's consent, which the file needs for a class that has `aggregates`
    sum_words: frozenset[str] = frozenset()
    ids: tuple[NamedId, ...] = ()
    isolation: Literal["process", "none"] = "none"
    limits: Limits = field(default_factory=Limits)
    # The settings as the file gives them, and the folder of relative paths. None: `config` was not made from a file.
    settings: tuple[Mapping[str, Any], Path] | None = field(default=None, repr=False, compare=False)
    far_sides: tuple[NamedFarSide, ...] = ()


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A connector instance that can't be used, so that the hub has started without it."""

    use: str
    findings: tuple[Finding, ...]  # why; at least one


@dataclass(frozen=True, slots=True)
class HubConfig:
    """A configuration without errors. Paths are absolute; durations are in machine time."""

    municipality: str
    tenant: str  # the municipality's slug: a-z, 0-9 and hyphens
    data: Path
    host: str = "127.0.0.1"
    port: int = 8080
    trusted_proxies: tuple[Network, ...] = ()
    path: Path | None = None  # the file it came from
    key: SecretBytes | None = None  # 32 bytes; None: `data/key`, made at the first start
    clients: tuple[ClientConfig, ...] = ()
    connectors: Mapping[str, ConnectorEntry] = field(default_factory=dict)
    left_out: Mapping[str, LeftOut] = field(default_factory=dict)  # only at the hub's start
    subscriptions: tuple[SubscriptionSpec, ...] = ()
    directory: DirectorySettings = field(default_factory=DirectorySettings)
    sums: Mapping[str, SumSettings] = field(default_factory=dict)
    outbound: tuple[Network, ...] = ()
    retention: timedelta = timedelta(days=30)
    disclosure_retention: timedelta = DISCLOSURE_RETENTION
    dedupe_window: timedelta = timedelta(days=30)
    alerts: AlertSettings | None = None  # None, as in tests: nothing is raised
    log_level: str = "info"
    log: LogSettings = field(default_factory=LogSettings)
    backups: BackupSettings | None = None  # its folder is absolute
    demo: bool = False
    tracing: TracingSettings | None = None
    school_clock: SchoolClock | None = None
    warnings: tuple[Finding, ...] = ()

    def sum_rules(self) -> Mapping[str, SumRule]:
        """How each type's sums are blurred, by what this configuration says of the type."""
        words: dict[str, frozenset[str]] = {type_: each.words for type_, each in self.sums.items()}
        for entry in self.connectors.values():
            for model in entry.cls.produces:
                type_ = model.spec.type
                words[type_] = words.get(type_, frozenset()) | entry.sum_words
        usual = SumSettings()
        return {type_: SumRule(self.sums.get(type_, usual).cell, found) for type_, found in words.items()}

    @property
    def loopback_only(self) -> bool:
        """No request may leave this machine, since the school clock is not the real one."""
        return self.school_clock is not None

    def client(self, id: str) -> ClientConfig | None:
        return next((client for client in self.clients if client.id == id), None)
