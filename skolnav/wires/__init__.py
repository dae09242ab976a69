"""Wires to far sides, shared by all connectors: HTTPS, SFTP, mail, folders. See docs/vendors/writing.md, "Wires"."""

from plugins.wires import Failure, FarSide

__all__ = [
    "Failure",
    "FarSide",
]
