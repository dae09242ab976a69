"""A text for a school's users, in Swedish and English."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

Language = Literal["sv", "en"]


class Text(NamedTuple):
    """`{name}` marks a value to fill in; both languages have the same names. No personal data, payload or secret."""

    sv: str
    en: str

    def say(self, language: str, values: Mapping[str, object]) -> str:
        """Filled in, in Swedish (`sv`) or English (any other language)."""
        return (self.sv if language == "sv" else self.en).format_map(values)

    def filled(self, **values: object) -> "Text":
        """The same text in both languages, filled in."""
        return Text(self.say("sv", values), self.say("en", values))


def words_of(code: str, words: Mapping[str, Text]) -> Text | None:
    """The words for a code such as `http-503`: its own, or those of `http-*`; None if there are none."""
    return words.get(code) or words.get(f"{code.partition('-')[0]}-*")


NOTHING = Text("", "")
