"""docs/glossary.md: each thing has one Swedish word, and the Swedish texts keep to it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

import hub
from hub.texts import TEXTS

HOUSE: Final = Path(hub.__file__).parent.parent
GLOSSARY: Final = (HOUSE / "docs" / "glossary.md").read_text("utf-8")
ROWS: Final = [
    [cell.strip() for cell in line.strip("|").split("|")] for line in GLOSSARY.splitlines() if line.startswith("| ")
]
WORDS: Final = [row for row in ROWS if len(row) == 4 and row[0].startswith("`")]
WRONG: Final = sorted({word for row in ROWS for word in re.findall(r"`([^`]+)`", row[-1])})


def pattern(word: str) -> re.Pattern[str]:
    """`koppling*` with any ending, `läge` as a whole word."""
    parts = map(re.escape, word.split("*"))
    return re.compile(r"(?<!\w)" + r"\w*".join(parts) + r"(?!\w)", re.IGNORECASE)


def swedish() -> Iterator[tuple[str, str]]:
    """Each Swedish text that Skolnav can show, with where it stands."""
    yield from ((key, text.sv) for key, text in TEXTS.items())
    for room in ("hub", "plugins", "connectors", "skolnav"):
        for file in sorted((HOUSE / room).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                yield from ((f"{file.name}:{node.lineno}", text) for text in _texts(node))  # type: ignore[attr-defined]


def _texts(node: ast.AST) -> Iterator[str]:
    """The first of two arguments of `Text`, the value of `"sv"` in a dict, and the third argument of `rule`."""
    found: list[ast.expr | None] = []
    if isinstance(node, ast.Dict):
        found = [value for key, value in zip(node.keys, node.values, strict=True) if getattr(key, "value", "") == "sv"]
    elif isinstance(node, ast.Call):
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        if name == "Text":
            found = [*node.args[:1], *(each.value for each in node.keywords if each.arg == "sv")]
        elif name == "rule":
            found = [*node.args[2:3]]
    for each in found:
        if isinstance(each, ast.Constant) and isinstance(each.value, str):
            yield each.value
        elif isinstance(each, ast.JoinedStr):
            yield "".join(str(part.value) for part in each.values if isinstance(part, ast.Constant))


FOUND: Final = list(swedish())


def test_the_texts_were_found() -> None:
    assert len(WORDS) > 20
    assert len(FOUND) > len(TEXTS) + 100


@pytest.mark.parametrize("row", WORDS, ids=[row[1] for row in WORDS])
def test_each_word_is_used_and_explained(row: list[str]) -> None:
    words, english, definition, _ = row
    assert english
    assert definition.endswith(".")
    for word in re.findall(r"`([^`]+)`", words):
        assert any(pattern(word).search(text) for _, text in FOUND), f"no text has {word}"


@pytest.mark.parametrize("wrong", WRONG)
def test_no_text_has_another_word_for_it(wrong: str) -> None:
    assert [f"{place}: {text}" for place, text in FOUND if pattern(wrong).search(text)] == []
