"""Slows callers that try tokens and secrets, by their address and by the client whose secret they try.

A right bearer token that can't be guessed (`hub.config.risks.bits`) is always served: clients share addresses, and
one client's old token must not lock another client out. For a weaker token, and for a secret at `/oauth/token`, a
caller that was refused too often gets 429 for the right one too, so that the answer reveals nothing about a guess. A
client that was served from the same address before is still served, and so is every client at another address.
"""

import logging
import math
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, Final

from hub.clock import Clock
from hub.http.counted import Counted
from hub.http.problems import ApiProblem
from hub.http.rates import Rates, caller_of

log = logging.getLogger(__name__)

PER_S: Final = 0.2  # wrong tokens and secrets from one address, in the long run
BURST: Final = 20  # of these, at once
BURST_OF_CLIENT: Final = 10  # wrong secrets of one client from one address, at once
MAX_SERVED: Final = 10_000  # clients with their addresses that are remembered

Address = str
"""The host of a request; empty for the hub's own socket, which has no limit."""


def address_of(scope: Mapping[str, Any]) -> Address:
    client = scope.get("client")
    return client[0] if client else ""


class Guesses:
    """Wrong tokens and secrets, by address and client; and the clients that were served, by address."""

    def __init__(self, clock: Clock) -> None:
        self.failed = 0
        self.slowed = Counted(clock, log, "a caller tries tokens or secrets and is slowed")
        self._by_address = Rates(clock, PER_S, BURST)
        self._by_client = Rates(clock, PER_S, BURST_OF_CLIENT)
        self._served: set[tuple[str, Address]] = set()

    def served(self, client: str, address: Address) -> bool:
        """The client has been served from this address before."""
        return (client, address) in self._served

    def admit(self, client: str, address: Address, *, guessable: bool = True) -> None:
        """The client showed the right token or secret. Raises ApiProblem (429) if that is guessable and its address is
        slowed.
        """
        if not address or (client, address) in self._served:
            return
        if guessable:
            self._require(self._wait_s(address, client))
        if len(self._served) >= MAX_SERVED:
            self._served.clear()
        self._served.add((client, address))

    def wrong(self, address: Address, client: str = "") -> None:
        """The caller showed a wrong token, or a wrong secret for `client`. Raises ApiProblem (429) if it is slowed."""
        self.failed += 1
        if not address:
            return
        self._require(self._wait_s(address, client))
        self._by_address.wait_s(caller_of((address, 0)))
        if client:
            self._by_client.wait_s(_pair(client, address))

    def _wait_s(self, address: Address, client: str) -> float:
        wait_s = self._by_address.left_s(caller_of((address, 0)))
        return max(wait_s, self._by_client.left_s(_pair(client, address))) if client else wait_s

    def _require(self, wait_s: float) -> None:
        if wait_s > 0:
            self.slowed.count()
            raise ApiProblem(
                "too-many-requests",
                "Too many wrong tokens or secrets came from this address. Wait, and send the right one.",
                {"Retry-After": str(math.ceil(wait_s))},
            )


def _pair(client: str, address: Address) -> str:
    # Hashed, since an invented client id may be long. It is counted too: a difference would reveal which clients exist.
    return f"{caller_of((address, 0))} {blake2b(client.encode(errors='replace'), digest_size=16).hexdigest()}"
