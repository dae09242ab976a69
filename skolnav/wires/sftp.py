"""The wire to an SFTP server: pinned host key, bounded time, whole files."""

from plugins.wires.sftp import Sftp

__all__ = [
    "Sftp",
]
