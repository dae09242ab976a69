"""The client's address behind a reverse proxy, from `X-Forwarded-For` or `Forwarded` (RFC 7239)."""

import re
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

Networks = Sequence[IPv4Network | IPv6Network]

_FOR: Final = re.compile(r"""(?:^|[;,])\s*for\s*=\s*(?:"([^"]*)"|([^;,\s"]*))""", re.IGNORECASE)
_PORT: Final = re.compile(r"\A(?:\[([^\]]*)\]|([0-9.]+))(?::[0-9]+)?\Z")


def trusted(address: str, proxies: Networks) -> bool:
    """Whether a connection from this address comes from one of the proxies."""
    found = _address(address)
    return found is not None and any(found in network for network in proxies)


def client_behind(fields: Iterable[tuple[bytes, bytes]], proxies: Networks) -> str | None:
    """The nearest address that is no proxy's, for a request that a trusted proxy sent.

    Each proxy appends the address of its caller, so a client can invent only what comes before the last address that
    is no proxy's. None if that address can't be read, or if both headers are there and differ: a proxy sets one of
    them, and the other may be the client's own.
    """
    by_name: dict[bytes, list[str]] = {b"x-forwarded-for": [], b"forwarded": []}
    for name, value in fields:
        if name in by_name:
            by_name[name].append(value.decode("latin-1"))
    listed = [each for line in by_name[b"x-forwarded-for"] for each in line.split(",")]
    standard = [quoted or plain for line in by_name[b"forwarded"] for quoted, plain in _FOR.findall(line)]
    found = {_nearest(each, proxies) for each in (listed, standard) if each}
    return found.pop() if len(found) == 1 else None


def _nearest(hops: Sequence[str], proxies: Networks) -> str | None:
    for hop in reversed(hops):
        address = _address(hop.strip())
        if address is None:
            return None
        if not any(address in network for network in proxies):
            return str(address)
    return None


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """An address with or without brackets and port. An IPv4 address in IPv6 form counts as IPv4."""
    match = _PORT.match(text)
    try:
        found = ip_address((match[1] or match[2]) if match else text)
    except ValueError:
        return None
    return (found.version == 6 and found.ipv4_mapped) or found
