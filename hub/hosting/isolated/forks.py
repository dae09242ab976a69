"""The fork server of connectors: what their processes share, and what they get of the hub's environment."""

import os
from typing import Final

from plugins.fork_server import ForkServer

# What a process gets of the hub's environment. The rest may hold secrets: the configuration can name variables.
_KEPT: Final = frozenset(
    {
        "HOME", "LANG", "LANGUAGE", "LD_LIBRARY_PATH", "NO_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "PATH", "PYTHONPATH",
        "SSL_CERT_DIR", "SSL_CERT_FILE", "TMPDIR", "TZ", "VIRTUAL_ENV",
    }
)  # fmt: skip

_SET: Final = {
    "MALLOC_ARENA_MAX": "2",  # else each thread of a connector reserves 64 MiB
    "PYDANTIC_DISABLE_PLUGINS": "__all__",  # one package with unreadable metadata would end the fork server
}


def connectors() -> ForkServer:
    """Its processes run `hub.hosting.isolated.child`."""
    return ForkServer("hub.hosting.isolated.child", _environ)


def _environ() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name.upper() in _KEPT or name[:3] == "LC_"}
    return {**kept, **_SET}


_shared: Final = connectors()


def shared() -> ForkServer:
    """The one of this process. It begins with the first connector that needs it, and ends with this process."""
    return _shared
