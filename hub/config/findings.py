"""Errors and warnings about a configuration: file, line, place, and a text that says what to write instead."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from os import environ
from typing import NamedTuple

from hub.texts import Text, language_of, text

Path = tuple[str | int, ...]


class Phrase(NamedTuple):
    """A value of a text that is itself a text, in the same language."""

    key: str
    values: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One error or warning. `line` counts from 1 (None: the file as a whole), `path` is dotted.

    `shown` is the value in quotes, or empty where the value may be secret or personal.
    """

    file: str
    line: int | None
    path: str
    key: str
    values: Mapping[str, object] = field(default_factory=dict)
    shown: str = ""

    def says(self, language: str) -> str:
        """What is wrong and what to write instead, in a sentence or two."""
        sentence = text(self.key, language, **{name: _in(language, value) for name, value in self.values.items()})
        return f"{self.shown} {sentence}" if self.shown else sentence[0].upper() + sentence[1:]

    def render(self, language: str) -> str:
        """The place on one line, and the text on the next."""
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{where}  {self.path}\n  {self.says(language)}" if self.path else f"{where}\n  {self.says(language)}"

    def to_json(self) -> dict[str, object]:
        """JSON values, with the text in both languages."""
        return {
            "file": self.file,
            "line": self.line,
            "path": self.path,
            "key": self.key,
            "sv": self.says("sv"),
            "en": self.says("en"),
        }


class ConfigErrors(Exception):
    """The configuration can't be used. `errors` holds every error, in the order of the file."""

    def __init__(self, errors: Iterable[Finding]) -> None:
        self.errors = tuple(sorted(errors, key=lambda finding: (finding.line or 0, finding.path)))
        super().__init__(self.errors)

    def render(self, language: str) -> str:
        return "\n".join(error.render(language) for error in self.errors)

    def __str__(self) -> str:
        return self.render(language_of(environ))


def _in(language: str, value: object) -> object:
    if isinstance(value, Phrase):
        return text(value.key, language, **value.values)
    if isinstance(value, Text):
        return value.sv if language == "sv" else value.en
    return value


def dotted(path: Path) -> str:
    """`("kitchens", 0, "id")` -> `kitchens[0].id`."""
    out = ""
    for part in path:
        out += f"[{part}]" if isinstance(part, int) else f".{part}" if out else part
    return out
