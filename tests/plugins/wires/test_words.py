"""The wires' texts: both languages, the same facts, and nothing left to fill in."""

import re
import string
import subprocess
import sys

import pytest

from plugins import ConfigurationError, PermanentError, SkolnavError, TemporaryError
from plugins.texts import NOTHING, Text
from plugins.wires import Failure, FarSide, words

FAR_SIDE = FarSide(connector="acme", name=Text("mottagaren", "the receiver"), settings="to.")
FAILURES = {name: value for name, value in vars(words).items() if isinstance(value, Failure)}
TEXTS = {name: value for name, value in vars(words).items() if isinstance(value, Text) and value != NOTHING}
VALUES = {"status": 503, "seconds": 20, "most": "1 MiB", "file": "a.csv", "why": words.NO_CONNECTION}


def placeholders(text: str) -> set[str | None]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_says_the_same_in_both_languages(name: str) -> None:
    failure = FAILURES[name]
    assert failure.what.en
    for text in (failure.what, failure.why, failure.fix):
        assert bool(text.sv) == bool(text.en)
        assert text == NOTHING or text.sv != text.en or text.sv == "{why}"
        assert placeholders(text.sv) == placeholders(text.en)


@pytest.mark.parametrize("name", TEXTS)
def test_a_reason_is_in_both_languages(name: str) -> None:
    assert bool(TEXTS[name].sv) == bool(TEXTS[name].en)


@pytest.mark.parametrize("name", FAILURES)
def test_an_error_has_every_text_filled_in(name: str) -> None:
    error = FAR_SIDE.temporary(FAILURES[name], **VALUES)
    for said in (str(error), error.sv):
        assert said.startswith("acme: ")
        assert "{" not in said
        assert "to.why" not in said
    settings = re.findall(r"to\.\w+", str(error))
    assert settings == [] or set(settings) == set(re.findall(r"to\.\w+", error.sv))


def test_a_setting_can_have_another_name_and_advice_be_replaced() -> None:
    far_side = FarSide(
        connector="acme",
        name=Text("x", "x"),
        called={"url": "base_url"},
        fixes={"unreachable": Text("Ring {url}", "Call {url}")},
    )
    error = far_side.temporary(words.UNREACHABLE, why=words.NO_CONNECTION)
    assert str(error) == "acme: x can't be reached. no connection could be made. Call base_url"
    assert error.sv == "acme: x går inte att nå. ingen anslutning kunde göras. Ring base_url"


@pytest.mark.parametrize("kind", [TemporaryError, ConfigurationError, PermanentError])
def test_an_error_with_a_part_in_one_language_is_in_english_alone(kind: type[SkolnavError]) -> None:
    assert kind(Text("svenska", "English"), fix=Text("gör", "do"), ref="7").sv == "svenska. gör. [7]"
    assert kind(Text("svenska", "English"), why="only English").sv == ""
    assert str(kind(Text("svenska", "English"), why="only English")) == "English. only English"


def test_vendors_load_only_the_libraries_of_the_wires_they_use() -> None:
    """Importing `plugins` stays quick."""
    loaded = "import sys, plugins, plugins.wires, plugins.wires.settings, plugins.wires.folder, plugins.wires.smtp;"
    check = "print([name for name in ('paramiko', 'httpx') if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", loaded + check], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"
