"""Limits the rate of requests from each address, by a token bucket for each."""

from ipaddress import ip_address
from typing import Final

from hub.clock import Clock

MAX_CALLERS: Final = 10_000


class Rates:
    """Admits `burst` requests at once from each caller, and `per_s` requests a second in the long run."""

    def __init__(self, clock: Clock, per_s: float, burst: int) -> None:
        self._clock = clock
        self._per_s = per_s
        self._burst = burst
        self._spent: dict[str, tuple[float, float]] = {}  # caller -> tokens that it had spent, and at what time

    def wait_s(self, caller: str) -> float:
        """Admit a request and return 0, or return the seconds until a request would be admitted."""
        now = self._clock.monotonic()
        spent = self._out(self._spent.get(caller, (0.0, now)), now)
        if (left_s := self._left_s(spent)) > 0:
            return left_s
        self._spent[caller] = spent + 1, now
        if len(self._spent) > MAX_CALLERS:
            self._forget(now)
        return 0.0

    def left_s(self, caller: str) -> float:
        """The seconds until a request would be admitted; 0 if it would be now. Admits none."""
        now = self._clock.monotonic()
        return self._left_s(self._out(self._spent.get(caller, (0.0, now)), now))

    def _left_s(self, spent: float) -> float:
        return max(0.0, (spent - self._burst + 1) / self._per_s)

    def _out(self, entry: tuple[float, float], now: float) -> float:
        spent, at = entry
        return max(0.0, spent - (now - at) * self._per_s)

    def _forget(self, now: float) -> None:
        """Forget callers that have all their tokens again; if none has, all callers, so that memory is bounded."""
        self._spent = {caller: entry for caller, entry in self._spent.items() if self._out(entry, now)}
        if len(self._spent) > MAX_CALLERS:
            self._spent.clear()


def caller_of(client: tuple[str, int] | None) -> str:
    """The address that counts as one caller: an IPv4 address, or an IPv6 /64, since one host can use all of a /64."""
    if client is None:
        return ""
    try:
        address = ip_address(client[0])
    except ValueError:
        return client[0]
    return address.exploded[:19] if address.version == 6 else str(address)
