import re
import string
from pathlib import Path

import pytest

from hub.cli import words


def placeholders(of: str) -> set[str | None]:
    return {name for _, name, _, _ in string.Formatter().parse(of) if name is not None}


@pytest.mark.parametrize("key", words.WORDS)
def test_each_text_is_there_in_both_languages_with_the_same_placeholders(key: str) -> None:
    text = words.WORDS[key]
    assert text.sv.strip()
    assert text.en.strip()
    assert placeholders(text.sv) == placeholders(text.en)


def test_sections_are_sorted_and_no_key_stands_twice() -> None:
    for section in words.SECTIONS:
        assert list(section) == sorted(section)
    assert sum(len(section) for section in words.SECTIONS) == len(words.WORDS)


@pytest.mark.parametrize(
    ("arguments", "left", "language"),
    [
        (["check"], ["check"], "sv"),
        (["check", "--language", "en", "--json"], ["check", "--json"], "en"),
        (["--language=en", "check"], ["check"], "en"),
        (["why", "--", "--language", "en"], ["why", "--", "--language", "en"], "sv"),
    ],
)
def test_the_language_is_taken_from_anywhere_on_the_line(arguments: list[str], left: list[str], language: str) -> None:
    try:
        assert words.choose(arguments, {"LANG": "sv_SE.UTF-8"}) == left
        assert words.language() == language
    finally:
        words.choose([], {})


def test_another_language_is_refused() -> None:
    with pytest.raises(words.UnknownLanguage):
        words.choose(["--language", "fi"], {})


def test_every_key_that_the_commands_say_is_there_and_every_key_is_said() -> None:
    commands = Path(words.__file__).parent.parent.glob("*.py")
    code = "".join(file.read_text("utf-8") for file in commands)
    said = set(re.findall(r"[\"']([a-z-]+\.[a-z.-]+)[\"']", code))
    computed = ("column.", "status.", "plan.what.", "check.selftest-")  # f"column.{name}"
    assert {key for key in words.WORDS if not key.startswith(computed)} <= said
    looked_up = set(re.findall(r"\bsay\(\s*[\"']([^\"'{]+)[\"']", code))
    assert looked_up <= set(words.WORDS)
