"""How often one caller is let in: a bucket of tokens for each address."""

from ipaddress import ip_address
from typing import Final

from hub.clock import Clock

MAX_CALLERS: Final = 10_000


class Rates:
    """Lets each caller in `burst` times at once and `per_s` times a second in the long run."""

    def __init__(self, clock: Clock, per_s: float, burst: int) -> None:
        self._clock = clock
        self._per_s = per_s
        self._burst = burst
        self._spent: dict[str, tuple[float, float]] = {}  # caller -> tokens that were out, and when

    def wait_s(self, caller: str) -> float:
        """0: it is in. Else after how many seconds it would be."""
        now = self._clock.monotonic()
        spent = self._out(self._spent.get(caller, (0.0, now)), now)
        if spent > self._burst - 1:
            return (spent - self._burst + 1) / self._per_s
        self._spent[caller] = spent + 1, now
        if len(self._spent) > MAX_CALLERS:
            self._forget(now)
        return 0.0

    def _out(self, entry: tuple[float, float], now: float) -> float:
        spent, at = entry
        return max(0.0, spent - (now - at) * self._per_s)

    def _forget(self, now: float) -> None:
        """Those who have all their tokens again; if all are busy, everybody begins anew."""
        self._spent = {caller: entry for caller, entry in self._spent.items() if self._out(entry, now)}
        if len(self._spent) > MAX_CALLERS:
            self._spent.clear()


def caller_of(client: tuple[str, int] | None) -> str:
    """Whom to count together: an IPv4 address, an IPv6 network of /64 (whoever has one address has all of it)."""
    if client is None:
        return ""
    try:
        address = ip_address(client[0])
    except ValueError:
        return client[0]
    return address.exploded[:19] if address.version == 6 else str(address)
