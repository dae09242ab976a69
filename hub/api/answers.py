"""What the API's JSON answers hold, where that is no value of `hub.operating` itself.

`/openapi.json` describes these, with their docstrings, to those who write clients: a route names one in its return
type (`hub.http.as_json.Answer`). A key that is not `NotRequired` is in every answer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import (
    Any,
    Literal,
    NotRequired,  # pydantic reads typing's own from Python 3.12 only
)

from typing_extensions import TypedDict

from hub.alerts.condition import Condition
from hub.operating.alerts import AlertStanding
from hub.operating.attempts import SubscriptionAttempt
from hub.operating.connectors import ConnectorStanding
from hub.operating.counters import CountedSpan
from hub.operating.dead_letters import DeadLetter, EndedLetter
from hub.operating.disclosure_chain import DisclosureRow
from hub.operating.outcomes import EventOutcomes
from hub.operating.overview import Readiness
from hub.operating.sources import SourceStanding
from hub.operating.subscriptions import SubscriptionStanding
from hub.operating.why import Explanation
from hub.privacy.base import PayloadLevel
from hub.privacy.disclosures import Holder
from hub.registry.plan import Kind as ChangeKind
from hub.store.audit import AuditRow
from hub.subscriptions.model import StartFrom, Status


class Liveness(TypedDict):
    status: Literal["live"]


class DirectorySources(TypedDict):
    sources: Sequence[SourceStanding]


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedConnector(ConnectorStanding):
    """A connector, with how many things wait for a person in place of the things. None where it did not answer."""

    waiting: int | None  # type: ignore[assignment]


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorReadiness(Readiness):
    """What an operator sees beside what anyone may see."""

    version: str
    directory: DirectorySources
    connectors: Sequence[CountedConnector]
    subscriptions: Sequence[SubscriptionStanding]
    conditions: Sequence[Condition]


class TypeSummary(TypedDict):
    """An event type. `key` and `entity` are patterns: `person/{student.id}`. `entity` null: it is not a state."""

    type: str
    family: str
    description: str
    key: str
    entity: str | None


class TypeList(TypedDict):
    types: Sequence[TypeSummary]


class TypeEntry(TypeSummary):
    """An event type with its JSON Schema. `about`, `mentions` and `categories` use paths into `data`."""

    subject: str
    about: Sequence[str]
    mentions: Sequence[str]
    schema: dict[str, Any]
    categories: Mapping[str, Sequence[str]]
    examples: Sequence[dict[str, Any]]


class ShownSink(TypedDict):
    """Where the events go. Beside `kind` and `instance`, the keys are those of a webhook.

    `secret` is in the answer to the call that has set it, and in no other.
    """

    kind: Literal["webhook", "feed", "stream", "connector"]
    url: NotRequired[str]
    secret: NotRequired[str]
    previous_secret_until: NotRequired[datetime | None]
    handshake: NotRequired[bool]
    concurrency: NotRequired[int]
    rate_per_s: NotRequired[float | None]
    timeout_s: NotRequired[float]
    instance: NotRequired[str]


class ShownScope(TypedDict):
    """Whose data. Null: all."""

    organisations: Sequence[str] | None
    school_types: Sequence[str] | None


class ShownContract(TypedDict):
    purpose: str
    legal_basis: str
    purpose_sv: str | None
    legal_basis_sv: str | None
    categories: Sequence[str]
    scope: ShownScope


_From = TypedDict("_From", {"from": NotRequired[StartFrom]})


class ShownSubscription(_From):
    """A subscription. Keys that can be missing are missing for a connector's own; `delivery` is for operators."""

    id: str
    name: str
    client: NotRequired[str | None]
    types: Sequence[str]
    sources: NotRequired[Sequence[str]]
    filter: NotRequired[Sequence[dict[str, Any]]]
    sink: ShownSink
    payload: NotRequired[PayloadLevel]
    contract: NotRequired[ShownContract | None]
    expires_at: NotRequired[datetime | None]
    paused: NotRequired[bool]
    status: Status
    reason: str
    origin: Literal["file", "api", "connector"]
    created: datetime
    delivery: NotRequired[SubscriptionStanding]


class SubscriptionList(TypedDict):
    subscriptions: Sequence[ShownSubscription]


class TestOutcome(TypedDict):
    """`reason`: a code, such as `http-503`."""

    result: str
    reason: str


class Lane(TypedDict):
    """The lane that the events come in, as `skolnavlane` of each of them says."""

    lane: str


class Lanes(TypedDict):
    lanes: Sequence[str]


class LetterList(TypedDict):
    dead_letters: Sequence[DeadLetter]


class EndedLetterList(TypedDict):
    letters: Sequence[EndedLetter]


class DiscardedCount(TypedDict):
    discarded: int


class AttemptList(TypedDict):
    attempts: Sequence[SubscriptionAttempt]


class ExplanationList(TypedDict):
    explanations: Sequence[Explanation]


class SpanList(TypedDict):
    spans: Sequence[CountedSpan]


class OutcomeList(TypedDict):
    events: Sequence[EventOutcomes]


class DisclosureList(TypedDict):
    disclosures: Sequence[DisclosureRow]


class ActList(TypedDict):
    acts: Sequence[AuditRow]


class ConnectorList(TypedDict):
    connectors: Sequence[ConnectorStanding]


class DirectoryName(TypedDict):
    kind: str
    id: str


class UnknownIds(TypedDict):
    empty: bool
    unknown: Sequence[DirectoryName]


class AlertList(TypedDict):
    alerts: Sequence[AlertStanding]


class BothLanguages(TypedDict):
    sv: str
    en: str


class ShownEffect(BothLanguages):
    key: str


class ShownChange(TypedDict):
    """`fields`: the keys that differ, without their values."""

    kind: ChangeKind
    what: Literal["subscription", "client", "connector", "hub"]
    name: str
    fields: Sequence[str]
    effects: Sequence[ShownEffect]


class ShownFinding(BothLanguages):
    """A warning about the configuration file. `line` null: about the file as a whole."""

    file: str
    line: int | None
    path: str
    key: str


class ShownPackage(BothLanguages):
    """A package that was installed (`was` empty), upgraded or removed (`now` empty) since the hub started."""

    package: str
    was: str
    now: str


class Applied(TypedDict):
    file: str
    applied: bool
    changes: Sequence[ShownChange]
    warnings: Sequence[ShownFinding]
    packages: Sequence[ShownPackage]


class BackupSize(TypedDict):
    bytes: int


class HolderList(TypedDict):
    holders: Sequence[Holder]
