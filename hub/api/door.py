"""The connections of one server: how many there may be, their deadlines, and what operators see of refusals."""

import asyncio
import logging
from collections.abc import Collection, Mapping
from typing import Final, Protocol

from hub.api.limits import SWEEP_S, Limit, Room, Standing
from hub.clock import Clock
from hub.http.forwarded import Networks, trusted
from hub.http.problems import ApiProblem, unavailable
from hub.http.rates import caller_of

log = logging.getLogger(__name__)

LINE_S: Final = 60.0  # at most one line in the log for each limit in this time

_FULL: Final = unavailable("The hub has as many connections open as it accepts. Connect again.", 5)
_FULL_EACH: Final = ApiProblem(
    "too-many-requests",
    "This address has as many connections to the hub open as one address may have. Close some of them, or use them "
    "again.",
    {"Retry-After": "5"},
)
_SAYS: Final[Mapping[Limit, str]] = {
    Limit.HEAD_BYTES: "the head of a request was too large",
    Limit.HEAD_FIELDS: "a request had too many header fields",
    Limit.TARGET: "the path of a request was too long",
    Limit.HEAD_TIME: "the head of a request did not arrive in time",
    Limit.BODY_TIME: "the body of a request did not arrive in time",
    Limit.PIPELINED: "a client sent too many requests without waiting for their answers",
    Limit.EACH: "one address has as many connections open as it may have (`ss -tn` shows the addresses)",
    Limit.CONNECTIONS: "as many connections are open as the hub accepts (`ss -tn` shows the addresses)",
    Limit.DESCRIPTORS: "too few file descriptors are left; raise the limit (`ulimit -n`, LimitNOFILE)",
}


class Held(Protocol):
    """A connection, as the door sees it."""

    @property
    def is_idle(self) -> bool:
        """No request is under way: the next head is not complete."""

    def abort(self) -> None:
        """Close it at once."""

    def sweep(self, now: float) -> None:
        """Refuse or close what is overdue."""


class Door:
    """The connections of one server.

    Where a limit is reached, a connection without a request under way is closed for the new one, the oldest first: a
    client that only holds connections open shuts no other client out.
    """

    def __init__(self, clock: Clock, room: Room, standing: Standing, proxies: Networks = ()) -> None:
        """`standing` may be shared with another door. `proxies`: the reverse proxies, whose addresses are no limit."""
        self.now = clock.monotonic()  # at the last sweep: a connection reads it instead of the clock
        self.proxies = proxies
        self._clock = clock
        self._room = room
        self._standing = standing
        self._all: dict[Held, str] = {}  # in the order in which they came, with their caller
        self._each: dict[str, dict[Held, None]] = {}  # by caller: an address, or "" for those without a limit
        self._unlogged: dict[Limit, int] = {}
        self._logged_at: dict[Limit, float] = {}

    # -- connections ---------------------------------------------------------------------------------------------

    @property
    def connections(self) -> Collection[Held]:
        """Those that are open, in the order in which they came."""
        return self._all.keys()

    def is_proxy(self, address: str) -> bool:
        return bool(self.proxies) and trusted(address, self.proxies)

    def enters(self, connection: Held, address: str, descriptor: int) -> ApiProblem | None:
        """Count a new connection until `leaves`. If it is refused, return the answer instead.

        `address` is empty for a connection to which the limit for one address does not apply.
        """
        caller = caller_of((address, 0)) if address else ""
        of_caller = self._each.get(caller, {})
        if caller and len(of_caller) >= self._room.most_each:
            self.reached(Limit.EACH)
            if not self._make_room(of_caller):
                return _FULL_EACH
        if descriptor >= self._room.highest or len(self._all) >= self._room.most:
            self.reached(Limit.DESCRIPTORS if descriptor >= self._room.highest else Limit.CONNECTIONS)
            if not self._make_room(self._all):
                return _FULL
        self._all[connection] = caller
        self._each.setdefault(caller, {})[connection] = None
        self._standing.open += 1
        return None

    def leaves(self, connection: Held) -> None:
        """Count a connection no longer. Harmless for one that is not counted."""
        caller = self._all.pop(connection, None)
        if caller is None:
            return
        self._standing.open -= 1
        of_caller = self._each[caller]
        del of_caller[connection]
        if not of_caller:
            del self._each[caller]

    def _make_room(self, among: Mapping[Held, object]) -> bool:
        idle = next((each for each in among if each.is_idle), None)
        if idle is None:
            return False
        self.leaves(idle)
        idle.abort()
        return True

    # -- deadlines and what operators see ------------------------------------------------------------------------

    async def watch(self) -> None:
        """Close what is overdue, for as long as the server runs."""
        while True:
            await self._clock.sleep(SWEEP_S)
            self.now = now = self._clock.monotonic()
            for number, connection in enumerate(tuple(self._all)):
                connection.sweep(now)
                if number % 256 == 255:
                    await asyncio.sleep(0)
            for limit in tuple(self._unlogged):
                self._log_reached(limit)

    def reached(self, limit: Limit) -> None:
        """Count it, and write a line for the operator: the first at once, then one in `LINE_S`."""
        self._standing.reached[limit] += 1
        self._unlogged[limit] = self._unlogged.get(limit, 0) + 1
        self._log_reached(limit)

    def _log_reached(self, limit: Limit) -> None:
        if self.now - self._logged_at.get(limit, float("-inf")) >= LINE_S:
            self._logged_at[limit] = self.now
            log.warning(
                "http limit %s reached (%d since the last line): %s", limit, self._unlogged.pop(limit), _SAYS[limit]
            )
