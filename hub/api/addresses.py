"""The address under which a caller knows the hub: the public documents name it as their server."""

from ipaddress import ip_address
from typing import Final

from starlette.requests import Request

from hub.api.head import is_host

_UNKNOWN: Final = "localhost"


def host_of(request: Request) -> str:
    """The host and port that the caller has written, or `localhost` if it has written none that could be a host."""
    host = request.headers.get("host", "")
    return host if is_host(host.encode("latin-1")) else _UNKNOWN


def scheme_of(host: str) -> str:
    """`http` for this machine itself, else `https`.

    The hub listens without TLS. Other machines reach it through a proxy, which a request does not name reliably.
    """
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    try:
        return "http" if ip_address(name.strip("[]")).is_loopback else "https"
    except ValueError:
        return "http" if name == _UNKNOWN else "https"


def url_of(request: Request) -> str:
    host = host_of(request)
    return f"{scheme_of(host)}://{host}"
