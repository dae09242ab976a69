"""What a vendor writes: a connector class. Everything it can touch is here and in `schemas`.

class Kitchen(Connector[KitchenConfig]):
    '''Portions per kitchen and sitting, twice a day, as a file over SFTP.'''

    name = "acme-kitchen"
    config_model = KitchenConfig
    consumes = (AbsenceReported, AbsenceChanged, AbsenceWithdrawn, DayClosed)
    produces = (MealsCount,)
    contract = Contract("school meals", "public task", {Category.GROUP, Category.ATTENDANCE, Category.DIET})
    aggregates = True
    effect = Effect.VERIFIABLE
    start_from = "state"

    async def handle(self, event: Event) -> None: ...

    @daily(lambda config: config.report_times)
    async def report(self, due: datetime, complete: bool) -> None: ...
"""

import logging
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import date, datetime, time
from enum import StrEnum
from typing import Any, ClassVar, Final, Generic, Literal, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict

from schemas import Category, DataContract, Event, Payload

T = TypeVar("T")


_HEADER: Final = re.compile(r"[A-Za-z0-9-]+\Z")
_HEADER_VALUE: Final = re.compile(r"[\x20-\x7e]*\Z")
_WORD: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.:_-]{0,99}\Z")


class ConnectorConfig(BaseModel):
    """Base of a connector's configuration: unknown keys are errors, values never turn up in a message."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, frozen=True)


ConfigT = TypeVar("ConfigT", bound=ConnectorConfig)


class Effect(StrEnum):
    """What the same event twice does at the far side (promise 6)."""

    IDEMPOTENT = "idempotent"  # twice is once, by a key that the far side honours
    VERIFIABLE = "verifiable"  # it can be read back, so the connector sees what is there before it writes
    BLIND = "blind"  # mail, SMS: may repeat after a crash


def Contract(purpose: str, basis: str, categories: Iterable[Category]) -> DataContract:
    """What a connector class asks to see, and why. Its configuration can only narrow it."""
    return DataContract(purpose=purpose, legal_basis=basis, categories=frozenset(categories))


@dataclass(frozen=True, slots=True)
class Received:
    """What somebody sent to `/connectors/<instance>/...`. The hub has not asked who it was."""

    method: str
    path: str  # what follows the instance's name, percent-decoded: "" or "/..."
    query: str = ""  # as it was sent, without the question mark
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)  # names in lower case
    body: bytes = field(default=b"", repr=False)  # at most 1 MiB


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back. Raises ValueError for what can't be sent over HTTP."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 200 <= self.status <= 599:
            raise ValueError("the status of an answer is 200 to 599")
        if not all(_HEADER.match(name) and _HEADER_VALUE.match(value) for name, value in self.headers.items()):
            raise ValueError("a header's name is letters, digits and hyphens; its value visible ASCII and spaces")


@dataclass(frozen=True, slots=True)
class Waiting:
    """Something that a connector does not do until a person has said that it is right. Raises ValueError."""

    word: str  # what the person confirms it by: letters, digits and `.:_-`, up to 100
    says: str  # what would be done, one line without data: "26 of 31 persons would be removed"
    since: datetime  # machine time
    sv: str = ""  # the same in Swedish

    def __post_init__(self) -> None:
        if not _WORD.match(self.word):
            raise ValueError("the word that is confirmed is letters, digits and .:_- (100 at most)")
        if self.since.tzinfo is None:
            raise ValueError("`since` must have an offset")


class Transaction(Protocol):
    """What is kept and published together, or not at all."""

    @property
    def state(self) -> MutableMapping[str, Any]:
        """The connector's state with what this transaction has changed: JSON values by name.

        Deleting a name forgets it. A value that was read is a copy: assign it again to keep a change in it. Raises
        TypeError for what is no JSON value.
        """

    def publish(
        self,
        model: type[Payload],
        data: BaseModel | Mapping[str, Any],
        *,
        time: datetime | None = None,
        complete: bool | None = None,
    ) -> str:
        """Publish an event of one of the connector's `produces`; returns its id. Checked against the catalogue here.

        The id is random and fixed now, so that repeats after a crash are suppressed. `complete` False marks a result
        that some event accepted before it was due may be missing from. Raises PrivacyError if a connector with
        `aggregates` would publish anything but aggregates, PermanentError if the data is not of the type.
        """


class DirectoryView(Protocol):
    """The directory as this connector's contract lets it be seen. Every answer is a disclosure and passes the gate.

    Answers are SS 12000 objects, reduced like events: a contract without identity, and one with `aggregates`, gets its
    own pseudonyms for persons. Ids in a question are those that the connector knows. Answers change with the school, so
    ask again instead of keeping a copy.
    """

    async def persons(
        self, *, organisations: Sequence[str] = (), groups: Sequence[str] = (), on: date
    ) -> Sequence[Mapping[str, Any]]:
        """Pupils enrolled (not cancelled, personStatus Aktiv) on a date at one of `organisations` or a part of it,
        and members that day of one of `groups` where given; without `organisations` at any that the contract's scope
        reaches. Beside the reduced Person, each has `groups`: ids of the groups they are a member of that day, and
        `diet`: their diet codes (categories group and diet).
        """

    async def staff(self, *, organisations: Sequence[str] = (), on: date) -> Sequence[Mapping[str, Any]]:
        """Persons (personStatus Aktiv) with a duty (tjänstgöring) on a date at one of `organisations` or a part of it;
        without `organisations` at any that the contract's scope reaches. Category staff: a contract without it gets
        nobody, and so does one with `aggregates`.

        Each is the reduced Person with `duties`: the reduced SS 12000 Duties of that day and place. A contract that may
        see nothing of the Person gets `id` and `duties`.
        """

    async def groups(self, *, organisations: Sequence[str] = ()) -> Sequence[Mapping[str, Any]]:
        """Reduced SS 12000 Groups of these organisations and their parts; without `organisations` all to be seen."""

    async def rooms(self, *, organisations: Sequence[str] = ()) -> Sequence[Mapping[str, Any]]:
        """Reduced SS 12000 Rooms that belong to these organisations or their parts; without `organisations` all to be
        seen. SS 12000 knows no buildings: a room belongs to its `owner`.
        """

    async def organisations(self) -> Sequence[Mapping[str, Any]]:
        """Reduced SS 12000 Organisations."""

    async def activity(self, id: str) -> Mapping[str, Any] | None:
        """A reduced SS 12000 Activity (its groups, teachers, organisation); None if unknown or not to be seen."""

    async def lessons(
        self,
        *,
        on: date,
        room: str | None = None,
        teacher: str | None = None,
        group: str | None = None,
        organisations: Sequence[str] = (),
    ) -> Sequence[Mapping[str, Any]]:
        """The lessons of a day in Europe/Stockholm, in the order in which they begin: reduced event data as in
        `LessonScheduled`, with `cancelled` true or false. Cancelled lessons are included.

        A lesson is in the answer if it meets every filter that is given: it takes place in `room`, has `group`, belongs
        to one of `organisations` or their parts, and is held by `teacher`, a person or a duty (substitutes applied). A
        lesson that shows no groups or no teachers has those of its activity. Filters see what the contract shows: one
        without staff finds no teacher's lessons. A lesson over midnight is on each of its days.
        """

    async def complete(self, organisations: Sequence[str], on: date) -> bool:
        """Whether the sources of the pupils there are fresh and, with `aggregates`, everyone is known.

        False: say so in the result. Only a connector with `aggregates` learns that someone is not known yet.
        """


class ConnectorClock(Protocol):
    def school(self) -> datetime:
        """Now in Europe/Stockholm: cut-offs, 'today'."""

    def utc(self) -> datetime:
        """Now in machine time: signatures, tokens."""

    async def sleep(self, seconds: float) -> None:
        """Wait in machine time."""

    def timeout(self, seconds: float) -> AbstractAsyncContextManager[Any]:
        """`asyncio.timeout` in machine time: raises TimeoutError where the block takes longer."""


class Context(Protocol):
    """The hub as one connector instance sees it."""

    @property
    def instance(self) -> str:
        """Its name in the configuration."""

    @property
    def clock(self) -> ConnectorClock: ...

    @property
    def directory(self) -> DirectoryView:
        """Raises ConfigurationError if the class has no contract."""

    @property
    def log(self) -> logging.Logger:
        """Lines carry the instance; the hub refuses none, so put no data in them."""

    @property
    def state(self) -> Mapping[str, Any]:
        """What has been committed or staged so far, JSON values by name. Each read gives a copy of its own."""

    def commit(self) -> AbstractAsyncContextManager[Transaction]:
        """Open a transaction on state and publishing.

        Inside `handle` it stages: all that is staged becomes durable together with the cursor when `handle` returns,
        and is dropped if it raises. So it does in `confirm`, together with who confirmed. In `run`, `poll` and timers
        leaving the block is durable. A block left by an exception keeps nothing.
        """

    async def blocking(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Run a blocking call (paramiko, zeep) in this connector's own thread pool."""

    def poll_soon(self) -> None:
        """Let `poll` run now, or once more when the one under way has ended: at most one a second. A failing `poll`
        keeps its pause. Nothing happens where there is no `poll`.
        """

    def problem(self, code: str, detail: str = "") -> None:
        """Tell the operator about something no retry mends (an unknown diet code). No data in `code` or `detail`."""


class Connector(Generic[ConfigT]):
    """Base of all connectors. Class attributes declare; coroutines act; calls to one instance are serialised."""

    name: ClassVar[str]  # what `use:` says in the configuration
    config_model: ClassVar[type[ConnectorConfig]]
    consumes: ClassVar[tuple[type[Payload], ...]] = ()
    produces: ClassVar[tuple[type[Payload], ...]] = ()
    contract: ClassVar[DataContract | None] = None  # needed where it consumes or asks the directory
    aggregates: ClassVar[bool] = False  # only makes sums: gets every person under a pseudonym
    effect: ClassVar[Effect] = Effect.IDEMPOTENT
    start_from: ClassVar[Literal["now", "oldest", "state"]] = "now"
    concurrency: ClassVar[Literal["instance", "key"]] = "instance"
    timeout_s: ClassVar[float] = 60  # machine time for one call of start, handle, selftest or a timer
    poll_timeout_s: ClassVar[float] = 600  # the same for poll and reconcile, which may walk through everything

    def __init__(self, config: ConfigT, ctx: Context) -> None:
        self.config = config
        self.ctx = ctx

    @classmethod
    def effect_with(cls, config: ConfigT) -> Effect:
        """`effect` of an instance. Override it where the configuration decides: files can be read back, mail can't."""
        return cls.effect

    async def start(self) -> None:
        """Called once before anything else. Raise ConfigurationError if it can never work."""

    async def handle(self, event: Event) -> None:
        """Act on one event. Returning means done; raise by what happens next (`plugins.errors`)."""

    async def run(self) -> None:
        """For pushed sources: a loop that the hub supervises and restarts. Not overridden: there is none."""

    async def poll(self) -> str | None:
        """For pulled sources: called every `config.poll`. Raise if nothing could be read: the next comes later then.

        Return the code of what could not be read although the rest was: the operator sees it, and since when not all
        was read. None: all was.
        """
        return None

    async def receive(self, request: Received) -> Answer | None:
        """For sources that call: what came to `/connectors/<instance>/...`; None is the hub's 404.

        One at a time, 10 s each, and beside what else is going on: a poll under way does not keep the caller waiting.
        """
        return None

    async def waiting(self) -> Sequence[Waiting]:
        """What waits until a person confirms it, and nothing else (it must outlive a restart: keep it in the state).

        Asked at any time, as `receive` is.
        """
        return ()

    async def confirm(self, word: str) -> None:
        """A person has confirmed what waits under `word`; `waiting` has just named it.

        Called as `receive` is, beside a poll under way: keep that it was confirmed (`ctx.commit`; the hub adds who),
        and let `poll` do it. The hub lets `poll` run right after, also where it has failed.
        """

    async def selftest(self) -> None:
        """A real round trip to the far side. Returning means it works; raise with what is wrong."""

    async def reconcile(self) -> None:
        """Compare with the far side and mend differences; called nightly and by command."""

    async def stop(self) -> None:
        """Called once, last. Must not need the far side."""


TimerMethod = Callable[[Any, datetime, bool], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Daily:
    """A timer declaration: `times` gives the local times of day, from the configuration."""

    times: Callable[[Any], Iterable[time]]


def daily(times: Callable[[Any], Iterable[time]]) -> Callable[[TimerMethod], TimerMethod]:
    """Call a method `(self, due, complete)` each day at the local times that `times(config)` gives (Europe/Stockholm).

    It runs after all events accepted before `due`; `complete` is False if some could not be handled within 60 s.
    After downtime a missed one runs once, with its own `due`. A repeated local time fires at the first, a missing
    one at the next valid minute. A crash may repeat a run with the same `due`.
    """

    def declare(method: TimerMethod) -> TimerMethod:
        method.__skolnav_timer__ = Daily(times)  # type: ignore[attr-defined]
        return method

    return declare


def timers_of(connector: type[Connector[Any]]) -> Mapping[str, Daily]:
    """The declared timers by method name."""
    found: dict[str, Daily] = {}
    for cls in reversed(connector.__mro__):
        for name, member in vars(cls).items():
            declared = getattr(member, "__skolnav_timer__", None)
            if isinstance(declared, Daily):
                found[name] = declared
    return found
