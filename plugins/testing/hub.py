"""What a test can do with a hub: the vendors' view of a real one, which a test can make fail."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.metadata import entry_points
from typing import Any, ClassVar, Final, Protocol, Self, cast

from plugins.connector import Connector, ConnectorConfig, Waiting
from plugins.errors import ConfigurationError
from plugins.receiving import Answer, Received
from plugins.testing.clock import ManualClock
from schemas import Event

ENTRY_POINT_GROUP: Final = "skolnav.testhub"
ISOLATION: Final = "SKOLNAV_ISOLATION"
"""With this variable at `process` a test's hub runs each connector in a process of its own, as most hubs do."""
START: Final = "2026-11-24T07:30"  # a Tuesday in term


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that an instance has given up. `reason` is the code of the failure."""

    instance: str
    event: str
    reason: str
    attempts: int


@dataclass(frozen=True, slots=True)
class PendingTimer:
    """A timer that an instance has set by `tx.at` and that has not run yet."""

    name: str
    key: str
    due: datetime  # in Europe/Stockholm


class TestHub(Protocol):
    """A hub for one test, with files of its own: `async with open_hub() as hub`.

    `clock` gives the hub its school time, which only the test moves.
    """

    __test__: ClassVar[bool] = False  # pytest: this is no test class

    @property
    def clock(self) -> ManualClock: ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *error: object) -> None: ...

    async def add(
        self, connector: type[Connector[Any]], config: ConnectorConfig | Mapping[str, Any], name: str | None = None
    ) -> str:
        """Run an instance of a connector; returns its name (the class's, unless given).

        A mapping is validated by the class's model first. Raises ConfigurationError if the class can't be run.
        """

    async def post(self, events: Iterable[Event | Mapping[str, Any]]) -> None:
        """Publish events as a source does; returns when they are durable. Raises InvalidEvent; then none is stored."""

    async def settle(self) -> None:
        """Return when nothing is left to do now: all deliveries tried, due timers run, published events appended.

        Deliveries and timers that wait for a retry go on waiting (`retry`). Returns at once where the hub has crashed.
        """

    async def advance_to(self, moment: datetime | str) -> None:
        """Move school time on (`"08:30"`: the same day) and settle."""

    async def retry(self) -> None:
        """Let machine time pass until all failed deliveries and timers may be tried again, and settle."""

    async def poll(self, instance: str) -> None:
        """Let an instance's `poll` run now, besides its regular polls, and settle.

        A `poll` that fails is reported as always (`problems`, `logs`), and nothing is raised here.
        """

    async def receive(self, instance: str, request: Received) -> Answer | None:
        """Give an instance a request as if it had come over HTTP; then let a poll that it asks for run, and settle.

        None is the hub's 404. Raises what the connector raises.
        """

    async def waiting(self, instance: str) -> Sequence[Waiting]:
        """What an instance wants a person to confirm, as an operator sees it."""

    async def confirm(self, instance: str, word: str) -> None:
        """Confirm a word as an operator does; then let the poll that follows run, and settle.

        Raises TemporaryError if nothing waits under this word, and what the connector raises.
        """

    async def reconcile(self, instance: str) -> None:
        """Reconcile as by an operator's command, and settle. Raises what the connector raises."""

    async def selftest(self, instance: str) -> None:
        """Run the self-test as by an operator's command. Raises what the connector raises."""

    async def replay(self, instance: str) -> None:
        """Deliver every event to an instance once more, as an operator's replay does, and settle."""

    async def resend(self, instance: str, event: str) -> None:
        """Deliver one event, by its id, to an instance once more, and settle: with others of its batch, if it had any.

        Raises KeyError if the log has no event with this id.
        """

    async def published(self, type: str | None = None) -> list[Event]:
        """The events that connectors have published so far, in order; of one type where given."""

    async def state(self, instance: str) -> dict[str, Any]:
        """The state of an instance as it is in the store."""

    async def timers(self, instance: str) -> list[PendingTimer]:
        """The pending timers that an instance has set by `tx.at`, as they are in the store, the earliest first."""

    async def status(self, instance: str) -> str:
        """`running`, or why it is not: `failed: <code>`, `stuck: <code>`, `paused: <code>` (it gets no more events)."""

    async def dead_letters(self) -> list[DeadLetter]: ...

    def problems(self) -> list[str]:
        """All problems that an operator sees, one line each."""

    def logs(self) -> str:
        """Every line that was logged since the hub was opened, at all levels, with tracebacks."""

    async def stop(self) -> None:
        """Stop in good order. Nothing runs until `restart`."""

    async def crash(self) -> None:
        """Lose at once what is not durable, as `kill -9` does. Nothing runs until `restart`."""

    async def restart(self) -> None:
        """Start again on the same files, after a crash or after an orderly stop, and settle."""

    def crash_after_effect(self, effects: Callable[[], object]) -> None:
        """Crash as soon as the far side's `effects()` differ from what they are now, before the hub can store that.

        `crashed` says whether the hub has crashed.
        """

    @property
    def crashed(self) -> bool: ...


def open_hub(start: datetime | str = START) -> TestHub:
    """A new hub for a test, with school time at `start`.

    It comes from the installed hub (entry point group `skolnav.testhub`), so that a vendor's tests import nothing but
    `plugins` and `schemas`. Raises ConfigurationError if none is installed.
    """
    return _installed()(start)


@cache
def _installed() -> Callable[[datetime | str], TestHub]:
    # Looked for once in a process: the metadata of all installed packages are read for it.
    found = list(entry_points(group=ENTRY_POINT_GROUP))
    if not found:
        raise ConfigurationError("no hub to test with is installed", fix="pip install skolnav")
    return cast(Callable[[datetime | str], TestHub], found[0].load())
