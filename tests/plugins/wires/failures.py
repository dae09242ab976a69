"""The failures that a module can raise."""

import ast
import inspect
from types import ModuleType

from plugins.wires import Failure, words

# Raised by `expect_success` alone, for connectors that leave an answer's status to the wire.
_BY_STATUS = {"http-{status}"}


def failures_in(module: ModuleType) -> list[Failure]:
    """Those of a catalogue; of any other module those of the wires' catalogue that it names."""
    own = [value for value in vars(module).values() if isinstance(value, Failure)]
    named = [
        getattr(words, node.attr)
        for node in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "words"
    ]
    return own + [each for each in named if isinstance(each, Failure) and each.code not in _BY_STATUS]
