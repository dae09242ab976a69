"""The YAML file as plain values, each with its line, and with references resolved.

Scalars follow the core schema of YAML 1.2: `10:30` is text (YAML 1.1 reads 630), and so are `no`, `on` and dates. A
repeated key is an error, where PyYAML would use the last.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from hub.config.findings import Path as Place
from hub.config.slips import dash_without_space, is_curly, slip
from hub.texts import TEXTS, of_system

_REFERENCE: Final = re.compile(r"\$\{(env|file):([^}]*)\}\Z")
_MAX_SECRET: Final = 1 << 16
MAX_BYTES: Final = 2 << 20
MAX_VALUES: Final = 200_000  # a value counts once for each reference to it


class Unreadable(ValueError):
    """The file holds no configuration. `key` and `values` are a text of `hub.texts`, `line` the line if it has one."""

    def __init__(self, key: str, line: int | None = None, **values: object) -> None:
        super().__init__(key)
        self.key, self.line, self.values = key, line, values


class TooMuch(Unreadable):
    """Not a configuration that a person wrote: too large, too deep, or references that multiply each other."""


class NotYaml(Unreadable):
    """Not text, or not YAML."""


def text_of(path: Path) -> str:
    """The file's text. Raises OSError, Unreadable."""
    with path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise TooMuch("config.too-large", limit=MAX_BYTES >> 20)
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise NotYaml("config.yaml-encoding", content.count(b"\n", 0, error.start) + 1) from None


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers: dict[Any, Any] = {}  # noqa: RUF012 - PyYAML's own way


for _tag, _pattern, _first in (
    ("tag:yaml.org,2002:bool", r"(true|True|TRUE|false|False|FALSE)\Z", "tTfF"),
    ("tag:yaml.org,2002:null", r"(~|null|Null|NULL|)\Z", ["~", "n", "N", ""]),
    ("tag:yaml.org,2002:int", r"[-+]?[0-9]+\Z", "-+0123456789"),
    ("tag:yaml.org,2002:float", r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+|[0-9]+)([eE][-+]?[0-9]+)?\Z", "-+.0123456789"),
):
    _Loader.add_implicit_resolver(_tag, re.compile(_pattern), list(_first))


class Tree:
    """`data` holds the values, `lines` the line of each place, and `references` the resolved value of each reference.

    `problems` are (place, text key, values, line if it is not the place's own), one for each place that could not be
    read. Those places are in `unreadable`, and their values in `data` mean nothing.
    """

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self.folder = folder
        self._environ = environ
        self.data: Any = None
        self.lines: dict[Place, int] = {}
        self.references: dict[Place, str] = {}
        self.files: dict[Place, Path] = {}  # the files that references name
        self.unreadable: set[Place] = set()
        self.problems: list[tuple[Place, str, dict[str, object], int | None]] = []
        self._values = 0
        self._text = ""

    def read(self, text: str) -> None:
        """Raises Unreadable."""
        loader, self._text = None, text
        try:
            loader = _Loader(text)
            node = loader.get_single_node()
            self.data = None if node is None else self._value(loader, node, (), frozenset())
        except RecursionError:
            raise TooMuch("config.too-deep") from None
        except yaml.YAMLError as error:
            key, line, values = slip(error, text)
            raise NotYaml(key, line, **values) from None
        finally:
            if loader is not None:
                loader.dispose()

    def line(self, place: Place) -> int | None:
        """The line of a place, or of the nearest place around it that is written in the file."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place)

    def at(self, place: Place) -> Any:
        """The value at a place; None if there is none."""
        value = self.data
        try:
            for part in place:
                value = value[part]
        except (KeyError, IndexError, TypeError):
            return None
        return value

    def raw(self, kind: str, name: str) -> bytes | None:
        """The bytes behind a reference; None if there are none."""
        if kind == "env":
            return self._environ.get(name, "").encode() or None
        try:
            return (self.folder / name).read_bytes()
        except OSError:
            return None

    def _value(self, loader: _Loader, node: yaml.Node, place: Place, inside: frozenset[int]) -> Any:
        self.lines.setdefault(place, node.start_mark.line + 1)
        self._values += 1
        if self._values > MAX_VALUES:
            raise TooMuch("config.too-many", node.start_mark.line + 1, limit=MAX_VALUES)
        if id(node) in inside:
            return self._problem(place, "config.anchor")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(loader, node, place, inside | {id(node)})
        if isinstance(node, yaml.SequenceNode):
            within = inside | {id(node)}
            return [self._value(loader, item, (*place, index), within) for index, item in enumerate(node.value)]
        if self._is_dash(node):
            return self._problem(place, "config.yaml-dash", at=node.start_mark.line + 1)
        if isinstance(node, yaml.ScalarNode) and node.style is None and is_curly(node.value):
            return self._problem(place, "config.yaml-curly", at=node.start_mark.line + 1)
        try:
            value = loader.construct_object(node)
        except (yaml.YAMLError, ValueError):
            return self._problem(place, "config.string")
        return self._resolved(value, place) if isinstance(value, str) else value

    def _mapping(self, loader: _Loader, node: yaml.MappingNode, place: Place, inside: frozenset[int]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            # A key is its text: `1:` is "1", as in JSON.
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else "?"
            here = (*place, key)
            line = key_node.start_mark.line + 1
            if key in found:
                self.problems.append((here, "config.duplicate-key", {"line": self.lines[here]}, line))
                continue
            self.lines[here] = line
            if self._is_dash(key_node):
                self._problem(here, "config.yaml-dash")
                self.unreadable.add(place)
            found[key] = self._value(loader, value_node, here, inside)
        return found

    def _is_dash(self, node: yaml.Node) -> bool:
        """A list's dash without its space makes valid YAML of another meaning: a key `-id`, or a text over lines."""
        mark = node.start_mark
        begins = self._text[mark.index - mark.column : mark.index].strip() == ""
        plain = isinstance(node, yaml.ScalarNode) and node.style is None
        return plain and begins and dash_without_space(self._text[mark.index : mark.index + 2])

    def _resolved(self, value: str, place: Place) -> Any:
        match = _REFERENCE.match(value)
        if match is None:
            return self._problem(place, "config.reference") if "${" in value else value
        self.references[place] = ""
        kind, name = match.groups()
        if kind == "file":
            self.files[place] = self.folder / name
        if place == ("key",):
            return value  # its content is bytes: see hub.config.load
        if kind == "env":
            resolved = self._environ.get(name, "")
            if not resolved:
                return self._problem(place, "config.unset", name=name)
        else:
            path = self.folder / name
            try:
                with path.open("rb") as file:
                    resolved = file.read(_MAX_SECRET).decode().rstrip("\r\n")
            except OSError as error:
                return self._problem(place, "config.file-missing", path=path, error=of_system(error))
            except UnicodeDecodeError:
                return self._problem(place, "config.file-missing", path=path, error=TEXTS["system.not-utf-8"])
            if not resolved:
                return self._problem(place, "config.file-empty", path=path)
        self.references[place] = resolved
        return resolved

    def _problem(self, place: Place, key: str, *, at: int | None = None, **values: object) -> Any:
        self.problems.append((place, key, values, at))
        self.unreadable.add(place)
        return ""
