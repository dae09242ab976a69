"""Wires to far sides, shared by all connectors: HTTPS, SFTP, mail, folders. See docs/vendors/writing.md, "Wires".

Each wire is a module of its own, so that a connector loads only the libraries of the wires that it uses:
`plugins.wires.https`, `.sftp`, `.smtp`, `.folder`. Their settings are in `plugins.wires.settings`.
"""

from plugins.wires.failures import Failure, FarSide

__all__ = ["Failure", "FarSide"]
