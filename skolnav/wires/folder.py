"""The wire to a folder on this machine, which another system reads."""

from plugins.wires.folder import Folder

__all__ = [
    "Folder",
]
