"""One catalogue of words: each key in both languages, none missing, none left over."""

import ast
import errno
import re
import string
from pathlib import Path

import pytest

import hub
from hub import texts
from schemas import core_catalogue

FROM_CLASS_NAMES = {"permanent", "temporary"}  # codes that an error has by its class (`plugins.errors`)
FROM_SYSTEM = {f"system.{name.lower()}" for name in errno.errorcode.values()}
KEY = re.compile(r"[a-z-]+\.(?!py)[a-z.-]+")


def placeholders(of: str) -> set[str | None]:
    return {name for _, name, _, _ in string.Formatter().parse(of) if name is not None}


@pytest.mark.parametrize("key", texts.TEXTS)
def test_each_text_is_there_in_both_languages_with_the_same_placeholders(key: str) -> None:
    text = texts.TEXTS[key]
    assert text.sv.strip()
    assert text.en.strip()
    assert placeholders(text.sv) == placeholders(text.en)


def test_sections_are_sorted_and_no_key_stands_twice() -> None:
    for section in texts.SECTIONS:
        assert list(section) == sorted(section)
        assert len({key.partition(".")[0] for key in section}) == 1
    assert sum(len(section) for section in texts.SECTIONS) == len(texts.TEXTS)


class Used(ast.NodeVisitor):
    """The strings of a piece of code, and what its f-strings begin with."""

    def __init__(self) -> None:
        self.strings: set[str] = set()
        self.beginnings: set[str] = set()
        self.looked_up: set[str] = set()

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str):
            self.strings.add(node.value)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        first = node.values[0]
        if isinstance(first, ast.Constant) and isinstance(first.value, str) and "." in first.value:
            self.beginnings.add(first.value)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        first = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
        if name in ("say", "text", "Phrase") and isinstance(first, str) and KEY.fullmatch(first):
            self.looked_up.add(first)
        self.generic_visit(node)


@pytest.fixture(scope="module")
def used() -> Used:
    found = Used()
    house = Path(hub.__file__).parent.parent
    for room in ("hub", "plugins", "schemas"):
        for file in (house / room).rglob("*.py"):
            if file.parent != house / "hub" / "texts" or file.name == "__init__.py":
                found.visit(ast.parse(file.read_text("utf-8")))
    found.strings |= FROM_CLASS_NAMES | FROM_SYSTEM | {each.type for each in core_catalogue()}
    return found


def test_no_text_is_left_over(used: Used) -> None:
    """A key is a string of the code, or an f-string begins it (`column.`) and the rest is a string of the code."""

    def is_used(key: str) -> bool:
        return key in used.strings or any(
            key.startswith(begins) and key.removeprefix(begins) in used.strings for begins in used.beginnings
        )

    assert [key for key in texts.TEXTS if not is_used(key)] == []


def test_every_text_that_is_asked_for_by_name_is_there(used: Used) -> None:
    assert len(used.looked_up) > 100
    assert sorted(used.looked_up - set(texts.TEXTS)) == []


def test_a_text_is_filled_in() -> None:
    assert texts.text("config.unset", "sv", name="X_TOKEN") == "miljövariabeln X_TOKEN saknas eller är tom."
    assert "X_TOKEN is not set" in texts.text("config.unset", "en", name="X_TOKEN")


@pytest.mark.parametrize(
    ("environ", "language"),
    [
        ({}, "sv"),
        ({"SKOLNAV_LANG": "en", "LANG": "sv_SE.UTF-8"}, "en"),
        ({"LANG": "sv_SE.UTF-8"}, "sv"),
        ({"LANG": "en_GB.UTF-8"}, "en"),
        ({"LC_ALL": "C", "LANG": "de_DE"}, "en"),
        ({"LANG": "C.UTF-8"}, "sv"),
        ({"LC_ALL": "en_US.UTF-8", "LANG": "sv_SE"}, "en"),
    ],
)
def test_the_language_is_the_users(environ: dict[str, str], language: str) -> None:
    assert texts.language_of(environ) == language


def test_each_event_type_of_the_hub_and_no_other_has_swedish_words() -> None:
    from hub.texts import types
    from schemas import core_catalogue

    known = {each.type.removeprefix("se.skolnav.") for each in core_catalogue()}
    assert set(types._SWEDISH) == known


@pytest.mark.parametrize("module", ["hub/api/operator.py", "hub/api/protection.py", "hub/http/auth.py"])
def test_what_a_command_s_user_may_be_refused_with_is_told_in_both_languages(module: str) -> None:
    """The command line shows the details of these answers. `no-contract` and the log-in are a program's."""
    calls = [each for each in ast.walk(ast.parse(Path(hub.__file__).parents[1].joinpath(module).read_text("utf-8")))
             if isinstance(each, ast.Call) and getattr(each.func, "id", "") == "ApiProblem"]  # fmt: skip
    english = [ast.unparse(each.args[0]) for each in calls if isinstance(each.args[1], ast.Constant | ast.JoinedStr)]
    assert calls
    assert set(english) <= {"'no-contract'"}
