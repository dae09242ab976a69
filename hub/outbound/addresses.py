"""The addresses that a webhook may reach: checks a URL at its registration, and its addresses at each connection.

A subscriber chooses the URL, and the hub's machine makes the call. Without a check, a subscriber could reach the
municipality's inner network or a cloud's metadata service (SSRF). So:

- the URL is `https`; `http` only to addresses in `outbound.allow`, since it is readable on the way;
- the URL has no credentials and no fragment;
- a name is resolved once for each connection, *every* address in the answer is checked, and the connection goes to one
  of those addresses: a second look-up could give another answer (DNS rebinding);
- unless `outbound.allow` lists them, these are refused: addresses that the IANA special-purpose registries do not list
  as globally reachable, multicast, and addresses that clouds reserve. For an address inside an address (IPv4-mapped
  IPv6, NAT64) the inner one counts.

https://www.iana.org/assignments/iana-ipv4-special-registry, .../iana-ipv6-special-registry (read November 2026).
"""

import asyncio
import ipaddress
import re
import socket
import threading
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final
from urllib.parse import quote, urlsplit

Networks = Sequence[IPv4Network | IPv6Network]

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Host and port -> all its addresses as text; empty if there are none or the name is unknown. Raises nothing."""

LOOPBACK: Final[Networks] = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))
MAX_URL: Final = 2048

_REFUSED_V4: Final = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # "this network"; 0.0.0.0 reaches loopback on Linux
        "10.0.0.0/8",
        "100.64.0.0/10",  # carriers' NAT; 100.100.100.200 is a cloud's metadata service
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's host, in a public range but not public
        "169.254.0.0/16",  # link-local, metadata services
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",  # 6to4 relays, retired
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
_PUBLIC_V6: Final = IPv6Network("2000::/3")  # the range of global unicast; all other addresses are refused
_REFUSED_V6: Final = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # protocol assignments, Teredo among them
        "2001:db8::/32",
        "2002::/16",  # 6to4: has an IPv4 address inside that the sender chose
        "3fff::/20",
    )
)
_NAT64: Final = IPv6Network("64:ff9b::/96")  # through it a machine with only IPv6 reaches IPv4

_PATH_SAFE: Final = "/%:@!$&'()*+,;=~-._"  # RFC 3986: pchar, and % for characters that are encoded already
_HOST: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*\.?\Z", re.ASCII)


def is_loopback(host: str) -> bool:
    """Whether a host, as a setting names it, is this machine. A name other than `localhost` is not asked for."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class UrlRefused(ValueError):
    """No webhook may have this URL. `code` is stable (a key for texts). The message does not contain the URL."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


class AddressRefused(Exception):
    """A name has an address that webhooks may not reach."""


@dataclass(frozen=True, slots=True)
class Target:
    """The parts of a webhook's URL. `host` is ASCII and lower-case; `path` includes the query."""

    tls: bool
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """The value of the `Host` header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.tls else 80) else f"{host}:{self.port}"

    @property
    def server_name(self) -> str:
        """The name that the certificate must have."""
        return self.host.removesuffix(".")


def networks(texts: Iterable[str]) -> Networks:
    """`outbound.allow` as networks. Raises ValueError if a text is not a network."""
    return tuple(ipaddress.ip_network(text) for text in texts)


def check_url(url: str, allow: Networks = ()) -> Target:
    """The parts of a webhook's URL. Raises UrlRefused if no webhook may have it.

    Resolves no name: the addresses of a name are checked at each connection. Literal addresses and `localhost` are
    checked here already, so that the error comes early.
    """
    if len(url) > MAX_URL:
        raise UrlRefused("url-length", f"the URL is longer than {MAX_URL} characters")
    if any(ord(c) <= 0x20 or ord(c) == 0x7F or 0xD800 <= ord(c) < 0xE000 for c in url) or "\\" in url:
        # urlsplit drops some of these silently, so the checked URL would differ from the called URL.
        raise UrlRefused("url-characters", "the URL contains a space, a control character or a backslash")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise UrlRefused("url", "not a URL: write https://host/path") from None
    if parts.scheme not in ("https", "http"):
        raise UrlRefused("url-scheme", "a webhook's URL begins with https://")
    if "@" in parts.netloc:
        raise UrlRefused("url-credentials", "no user name or password in the URL: the signature authenticates the hub")
    if parts.fragment:
        raise UrlRefused("url-fragment", "a fragment (#...) is never sent: leave it out")
    if not host or port == 0:
        raise UrlRefused("url", "the URL names no host, or port 0")
    tls = parts.scheme == "https"
    literal = _literal(host)
    host = _ascii(host) if literal is None else str(literal)
    path = quote(parts.path or "/", safe=_PATH_SAFE)
    if parts.query:
        path += "?" + quote(parts.query, safe=_PATH_SAFE + "?")
    target = Target(tls, host, port or (443 if tls else 80), path)
    if literal is None and (host == "localhost" or host.endswith(".localhost")):
        literal = IPv4Address("127.0.0.1")  # RFC 6761
    if literal is not None:
        try:
            admit([str(literal)], allow, public=tls)
        except AddressRefused:
            raise UrlRefused(
                "url-address",
                "the URL leads to an address that webhooks may not reach"
                + ("" if tls else " without TLS")
                + "; outbound.allow names the exceptions",
            ) from None
    elif not tls and not allow:
        raise UrlRefused("url-plain", "http is readable on the way: use https, or name the range in outbound.allow")
    return target


def admit(addresses: Iterable[str], allow: Networks, *, public: bool) -> Sequence[str]:
    """The addresses of one name, if *all* of them may be reached. Raises AddressRefused otherwise.

    `public`: whether public addresses may be reached, beside those in `allow`. Pass False for a call without TLS.
    """
    admitted = []
    for text in addresses:
        address = _literal(text)
        if address is None:
            raise AddressRefused
        inner = _embedded(address)
        if not (any(inner in network for network in allow) or (public and _is_public(inner))):
            raise AddressRefused
        admitted.append(text)
    return admitted


def system_resolve(host: str, port: int) -> asyncio.Future[Sequence[str]]:
    """The machine's own look-up, in its own thread.

    It does not use the loop's pool, which has a handful of threads: a name server that never answers would occupy all
    of them, and one recipient would block the look-ups of all others.
    """
    loop = asyncio.get_running_loop()
    found: asyncio.Future[Sequence[str]] = loop.create_future()

    def settle(addresses: Sequence[str]) -> None:
        if not found.done():
            found.set_result(addresses)

    def look_up() -> None:
        addresses: list[str] = []
        with suppress(OSError, UnicodeError):
            for *_, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP):
                addresses.append(str(address[0]))
        with suppress(RuntimeError):  # the loop is closed, and the caller with it
            loop.call_soon_threadsafe(settle, addresses)

    threading.Thread(target=look_up, name="skolnav-resolve", daemon=True).start()
    return found


def is_literal(host: str) -> bool:
    """Whether a host is an address, so that there is nothing to look up."""
    return _literal(host) is not None


def _literal(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _embedded(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The address that packets to this address reach in the end."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64:
            return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _REFUSED_V4)
    return address in _PUBLIC_V6 and not any(address in network for network in _REFUSED_V6)


def _ascii(host: str) -> str:
    try:
        name = host.encode("idna").decode("ascii").lower()
    except UnicodeError:
        name = ""
    if len(name) > 253 or not _HOST.match(name):
        raise UrlRefused("url-host", "the URL's host is not a valid name")
    return name
