"""The texts of the wires' failures, in Swedish and English. `{it}` is the far side, `{ca_file}` a setting."""

from plugins.wires.words import CODES

__all__ = [
    "CODES",
]
