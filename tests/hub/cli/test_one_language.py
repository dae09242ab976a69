"""One language in a session: no English word in a Swedish one, and the other way round.

Every command's help and every wrong use of a command is read whole, by the words that Typer, pydantic and the operating
system would write, and by common words of the other language.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, Final

import pytest
from typer.main import get_command

# Words that no Swedish text has. Names of options, settings and commands are taken away before.
ENGLISH: Final = re.compile(
    r"\b(usage|options?|arguments|commands?|show|exit|try|for|help|error|required|default|missing|invalid|value|such|"
    r"unexpected|extra|the|and|of|is|are|not|with|this|from|or|must|input|should|file|no|range|valid|found|open|denied|"
    r"directory|days?|hours?|input|to|one|it|be|can|could|did|you|mean|integer|number|string|path|text|dynamic)\b",
    re.IGNORECASE,
)
SWEDISH: Final = re.compile(
    r"[åäöÅÄÖ]|\b(och|eller|inte|med|som|att|det|den|ett|en|till|av|finns|visa|ange|flagga|kopplingen|hubben|fel)\b",
    re.IGNORECASE,
)
# What a user types or what names a thing: options, commands, settings, quoted values, paths, ids, environment names.
_NAMES: Final = (
    r'"[^"]*"', r"`[^`]*`", r"'[^']*'", r"https?://\S+", r"skolnav [a-z][a-z-]*( [a-z][a-z-]*)*",
    r"(?<!\w)--?[a-z][a-z-]*",
    r"\S*/\S+", r"\S*\.(yaml|db|json|md|sock)\b", r"\b[A-Z][A-Z_]{4,}\b", r"\b\w+_\w+\b", r"<text>",
    r"sink\|source\|both\|rest", r"\bnot-asked\b", r"\b(sink|source|both|rest|stay|sv|en)\b",
)  # fmt: skip


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    for name, each in getattr(command, "commands", {}).items():
        yield from commands(each, (*path, name))


def every_command() -> list[tuple[str, ...]]:
    from hub.cli.commands import app

    return list(commands(get_command(app)))


PATHS: Final = every_command()


def plain(text: str) -> str:
    """The words of a text, without what names a command, an option, a setting, a file or a value."""
    for each in PATHS:
        if each:
            text = re.sub(rf"^  {re.escape(each[-1])}\b", "", text, flags=re.MULTILINE)
    for name in _NAMES:
        text = re.sub(name, " ", text)
    return text


def assert_one_language(text: str, language: str) -> None:
    other = ENGLISH if language == "sv" else SWEDISH
    assert sorted({found[0] for found in other.finditer(plain(text))}) == [], text
    assert text.strip()


WRONG: Final = [
    (), ("nosuch",), ("subscriptons",), ("subscriptions", "nosuch"), ("connectors", "nosuch"), ("dead-letters", "x"),
    ("run", "--nosuch"), ("demo", "--spe", "1"), ("subscriptions", "replay", "x"), ("subscriptions", "show"),
    ("connectors", "try", "x"), ("connectors", "confirm", "x"), ("why",), ("why", "x"), ("events", "--limit", "0"),
    ("events", "--limit", "x"), ("events", "--limit", "1.5"), ("demo", "--speed", "abc"), ("demo", "--speed", "0"),
    ("plugins", "new", "--kind", "x", "y"), ("run", "--config"), ("run", "twice"), ("events", "--follow=1"),
    ("dead-letters", "resend"), ("disclosures",), ("events", "--since", "yesterday"), ("backup",), ("-x",),
    ("catalogue", "show", "se.skolnav.nothing.v1"), ("plugins", "show", "nothing"), ("plugins", "new", "hub"),
    ("plugins", "new", "A b"), ("check",), ("plan",), ("apply",), ("connectors",), ("subscriptions",), ("events",),
    ("run", "-c", "/"), ("check", "-c", "/nosuch/x.yaml"), ("restore", "/nosuch"), ("backup", "/proc/x"),
    ("disclosures", "verify"), ("dead-letters",), ("why", "x", "y"), ("demo", "--keep", "/proc"),
    ("connectors", "try", "x", "--event", "y"), ("connectors", "trace", "x"), ("catalogue", "export", "/proc/x"),
]  # fmt: skip


ALL: Final = [(*path, "--help") for path in PATHS] + WRONG

# One process for each language: the commands' help is built in the language of the process.
DRIVER: Final = """
import contextlib, io, json, sys
from hub.cli import main
found = []
for arguments in json.load(sys.stdin):
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out), contextlib.suppress(SystemExit):
        main(arguments)
    found.append(out.getvalue())
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, tuple[str, ...]], str]:
    """What each command of ALL says in each language, in a folder without a hub and without a configuration."""
    found = {}
    for language, locale in (("sv", "sv_SE.UTF-8"), ("en", "en_GB.UTF-8")):
        environ = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "SKOLNAV_"))}
        done = subprocess.run(
            [sys.executable, "-c", DRIVER], input=json.dumps(ALL), text=True, capture_output=True, timeout=300,
            cwd=tmp_path_factory.mktemp(language), env={**environ, "LANG": locale, "COLUMNS": "200"},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        found |= {(language, each): text for each, text in zip(ALL, json.loads(done.stdout), strict=True)}
    return found


@pytest.mark.parametrize("language", ["sv", "en"])
@pytest.mark.parametrize("arguments", ALL, ids=" ".join)
def test_help_and_wrong_usage_are_in_one_language(
    said: dict[tuple[str, tuple[str, ...]], str], language: str, arguments: tuple[str, ...]
) -> None:
    assert_one_language(said[language, arguments], language)


def test_the_list_of_words_would_find_typers_own() -> None:
    for typers in (
        "Usage: skolnav [OPTIONS] COMMAND [ARGS]...", "Show this message and exit.", "Try 'skolnav --help' for help.",
        "Error: No such command 'x'.", "Input should be a valid integer, unable to parse string as an integer",
        "No such file or directory", "Missing option '--since'.", "[required]",
    ):  # fmt: skip
        assert ENGLISH.search(plain(typers)), typers
