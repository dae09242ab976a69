"""What a vendor writes: a connector class. All that it may use is in this package and in `schemas`.

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
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, ClassVar, Final, Generic, Literal, NamedTuple, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict

from plugins.receiving import Answer, Received
from plugins.texts import Text
from schemas import Category, DataContract, Event, Payload

T = TypeVar("T")


_WORD: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.:_-]{0,99}\Z")


class DirectoryId(NamedTuple):
    """An SS 12000 id that a setting names; no id of a person, since operators see it."""

    place: tuple[str | int, ...]  # of the setting: ("kitchens", 0, "units", 1)
    kind: Literal["organisation", "group", "room"]
    id: str


class FarSideName(NamedTuple):
    """One of several far sides of an instance, each of which stands for itself: a kitchen, a mailbox, a room."""

    place: tuple[str | int, ...]  # of the setting that names it: ("kitchens", 0, "id")
    name: str  # as operators read it, so no person's


class ConnectorConfig(BaseModel):
    """Base of a connector's configuration: unknown keys are errors, and no message contains a value."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, frozen=True)

    # What a setting means, by its name, in Swedish: `Field(description=...)` says it in English. Subclasses add to it.
    swedish: ClassVar[Mapping[str, str]] = {}

    def warnings(self) -> Iterable[tuple[tuple[str | int, ...], Text]]:
        """What `check` warns about: the place of a setting that is valid and likely to cause trouble, and why."""
        return ()

    def directory_ids(self) -> Iterable[DirectoryId]:
        """The ids in the settings that the school's directory should know.

        `check --selftest` and `connectors` name those that it does not know.
        """
        return ()

    def far_sides(self) -> Iterable[FarSideName]:
        """The far sides, where an instance has several that stand each for itself; no name is in two instances.

        The hub shows when each last got its own (`Context.far_side`), also one that has never got anything.
        """
        return ()

    def sum_words(self) -> Iterable[str]:
        """The names that rows of sums may have (`Aggregate.name`), where the settings list them: diets, for example.

        With a name that is not listed, `publish` raises PrivacyError: a free text may identify a child. If this lists
        nothing, any name can be published; but rows whose names are in no list stand apart for no recipient that gets
        blurred sums.
        """
        return ()


ConfigT = TypeVar("ConfigT", bound=ConnectorConfig)


class Effect(StrEnum):
    """What the same event, handled twice, does at the far side (promise 6)."""

    IDEMPOTENT = "idempotent"  # twice is once, by a key that the far side honours
    VERIFIABLE = "verifiable"  # it can be read back: the connector looks at what is there before it writes
    BLIND = "blind"  # mail, SMS: may repeat after a crash


def Contract(
    purpose: str, basis: str, categories: Iterable[Category], *, swedish: tuple[str, str] | None = None
) -> DataContract:
    """What data a connector class asks for, and why. Its configuration can only narrow that.

    `swedish`: the purpose and the basis in Swedish, for those who read in it.
    """
    purpose_sv, basis_sv = swedish or (None, None)
    return DataContract(
        purpose=purpose, purpose_sv=purpose_sv, legal_basis=basis, legal_basis_sv=basis_sv,
        categories=frozenset(categories),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Waiting:
    """Something that a connector does only after a person has confirmed it. Raises ValueError."""

    word: str  # the word that the person confirms: letters, digits and `.:_-`, up to 100
    says: str  # what would be done, one line without data: "26 of 31 persons would be removed"
    since: datetime  # machine time
    sv: str = ""  # the same in Swedish

    def __post_init__(self) -> None:
        if not _WORD.match(self.word):
            raise ValueError("the word that is confirmed is letters, digits and .:_- (100 at most)")
        if self.since.tzinfo is None:
            raise ValueError("`since` must have an offset")


@dataclass(frozen=True, slots=True)
class Unfinished:
    """What a poll left undone although the rest was done. Both values are shown to the operator: no personal data."""

    code: str
    far_sides: tuple[str, ...]  # the far sides that are behind, by the names that the configuration gives them


class State(Mapping[str, Any]):
    """What a connector remembers: JSON values by name. Each read gives a copy of its own."""

    @abstractmethod
    def under(self, prefix: str) -> Mapping[str, Any]:
        """The names that begin with `prefix` and their values, in the order of the names.

        It shows what has been committed or staged at the moment of each read. Only the names under the prefix are
        walked through, however many others there are; values are decoded as they are read.
        """


class MutableState(State, MutableMapping[str, Any]):
    """The state inside a transaction."""


class Transaction(Protocol):
    """What is kept and published together, or not at all. Raises RuntimeError if it is used after its block."""

    @property
    def state(self) -> MutableState:
        """The connector's state with the changes of this transaction: JSON values by name.

        Deleting a name forgets it. A value that was read is a copy: assign it again to keep a change in it. Raises
        TypeError for a value that JSON does not have.
        """

    def publish(
        self,
        model: type[Payload],
        data: BaseModel | Mapping[str, Any],
        *,
        time: datetime | None = None,
        complete: bool | None = None,
    ) -> str:
        """Publish an event of one of the connector's `produces`; returns its id. Its data is checked at once.

        The id is random and fixed now, so that repeats after a crash are suppressed. `complete` False marks a result
        that may lack an event which was accepted before the result was due. Raises PrivacyError if a connector with
        `aggregates` would publish anything but aggregates, PermanentError if the data does not fit the type.
        """

    def at(self, when: datetime, name: str, key: str) -> None:
        """Call the `@at_moment` method `name` with `key` when school time reaches `when`; at once if it has.

        One moment for each name and key: setting it again moves it. It is kept with the state of this transaction, or
        dropped with it. `when` has an offset; `key` is 1 to 200 printable characters, for example an entity's id.
        Raises PermanentError for another name, time or key, TemporaryError where 100,000 are pending already.
        """

    def withdraw(self, name: str, key: str) -> None:
        """Forget the moment that is set for this name and key. Nothing happens where there is none."""


class DirectoryView(Protocol):
    """The directory as this connector's contract lets it be seen. Every answer is a disclosure and passes the gate.

    Answers are SS 12000 objects, reduced like events: a contract without identity, and one with `aggregates`, gets its
    own pseudonyms for persons. Ids in a question are those that the connector knows. Answers change with the school, so
    ask again instead of keeping a copy.
    """

    async def persons(
        self, *, organisations: Sequence[str] = (), groups: Sequence[str] = (), on: date
    ) -> Sequence[Mapping[str, Any]]:
        """Pupils enrolled (not cancelled, personStatus Aktiv) on a date at one of `organisations` or a part of it;
        without `organisations`, at any organisation that the contract's scope reaches. With `groups`, only the pupils
        who are members of one of them that day.

        Beside the fields of the reduced Person, each has `groups`, the ids of the pupil's groups that day, and `diet`,
        the pupil's diet codes (categories group and diet).
        """

    async def staff(self, *, organisations: Sequence[str] = (), on: date) -> Sequence[Mapping[str, Any]]:
        """Persons (personStatus Aktiv) with a duty (tjänstgöring) on a date at one of `organisations` or a part of it;
        without `organisations`, at any organisation that the contract's scope reaches. Without the category staff, and
        with `aggregates`, the answer is empty.

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
        lesson that shows no groups or no teachers has those of its activity. Filters look at what the contract shows:
        without the category staff, `teacher` finds no lessons. A lesson over midnight is on each of its days.
        """

    async def complete(self, organisations: Sequence[str], on: date) -> bool:
        """Whether the sources of the pupils there are fresh and, with `aggregates`, all these pupils are known.

        A source is not fresh if its last `directory.current` is older than `directory.max_age`, or if the time of its
        `completeUntil` is over: the source has not been heard since, so its latest absences may be missing too.

        If False, mark the result as incomplete. Only a connector with `aggregates` learns that a pupil is not known
        yet.
        """


class ConnectorClock(Protocol):
    """School time and machine time. Never read the machine's clock yourself: tests and the demo move time."""

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
        """Each line names the instance. The hub does not check the lines, so put no data in them."""

    @property
    def state(self) -> State:
        """What has been committed or staged so far."""

    def commit(self) -> AbstractAsyncContextManager[Transaction]:
        """Open a transaction on state and publishing.

        Inside `handle` it stages: all that is staged becomes durable together with the cursor when `handle` returns,
        and is dropped if `handle` raises. `confirm` stages in the same way, and the hub adds who confirmed. In `run`,
        `poll` and timers, all is durable when the block has been left. A block that an exception leaves keeps nothing.
        """

    async def blocking(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Run a blocking call (paramiko, zeep) in a thread pool of this instance."""

    def poll_soon(self) -> None:
        """Let `poll` run now, or once more when the current one has ended: at most once a second.

        A `poll` that has failed keeps its pause. Nothing happens where there is no `poll`.
        """

    def problem(self, code: str, detail: str = "") -> None:
        """Report to the operator what no retry corrects (an unknown diet code). No data in `code` or `detail`."""

    def far_side(self, name: str, code: str = "", next_try: datetime | None = None) -> None:
        """Report how one of several far sides stands: it has got all that waited for it, or (`code`) why it has not.

        `name` is one of `ConnectorConfig.far_sides`; `next_try` is machine time. The hub shows since when it is behind,
        and when it last got its own, also after a restart; an operator is alerted while it is behind.
        """


class Connector(Generic[ConfigT]):
    """Base of all connectors: class attributes declare, coroutines act. Calls to one instance are serialised."""

    name: ClassVar[str]  # the value of `use:` in the configuration
    summary: ClassVar[Text | None] = None  # what it does, in a line; None: the first line of the docstring, in English
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
    # What an operator reads beside a code that this class reports, raises or returns from `poll`; `http-*` is for all
    # codes that begin with `http-`. Without an entry the operator sees the code alone.
    problems: ClassVar[Mapping[str, Text]] = {}
    receive_limit: ClassVar[int] = 1 << 20  # bytes of a body that receive is called with; a larger one is a 413
    receive_timeout_s: ClassVar[float] = 10  # the waiting for its turn and receive itself, with the body that it reads

    def __init__(self, config: ConfigT, ctx: Context) -> None:
        self.config = config
        self.ctx = ctx

    @classmethod
    def effect_with(cls, config: ConfigT) -> Effect:
        """`effect` of an instance. Override it where the configuration decides: files can be read back, mail cannot."""
        return cls.effect

    async def start(self) -> None:
        """Called once before all other methods. Raise ConfigurationError if the instance can never work."""

    async def handle(self, event: Event) -> None:
        """Act on one event. Returning means done; the kind of an error decides what happens next (`plugins.errors`)."""

    async def run(self) -> None:
        """For pushed sources: a loop that the hub supervises and restarts. Without an override there is none."""

    async def poll(self) -> str | Unfinished | None:
        """For pulled sources: called every `config.poll`. Raise if nothing could be read; the next poll comes later.

        Return the code of what could not be read if the rest was read: the operator sees the code, and since when not
        all was read. Return `Unfinished` to name the far sides that are behind. None: all was done.
        """
        return None

    async def receive(self, request: Received) -> Answer | None:
        """For sources that call: what came to `/connectors/<instance>/...`; None is the hub's 404.

        One at a time, `receive_timeout_s` each, and beside other calls: a client does not wait for a poll under way.
        """
        return None

    async def waiting(self) -> Sequence[Waiting]:
        """All that waits until a person confirms it. It must outlive a restart: keep it in the state.

        Called at any time, as `receive` is.
        """
        return ()

    async def confirm(self, word: str) -> None:
        """A person has confirmed what waits under `word`, which `waiting` has just returned.

        Called as `receive` is, also while a poll runs: store the confirmation (`ctx.commit`; the hub adds the person),
        and let `poll` do the work. The hub calls `poll` right after, even if the last poll failed.
        """

    async def selftest(self) -> None:
        """A real round trip to the far side. Returning means that it works; raise an error that says what is wrong."""

    async def reconcile(self) -> None:
        """Compare with the far side and correct differences. Called nightly and by command."""

    async def stop(self) -> None:
        """Called once, as the last method. Must not need the far side."""
