"""Every code that an operator sees has words in Swedish and English: those of the connectors, the wires and the hub."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from pydantic import Field

import connectors
import hub
from hub.texts import meaning
from plugins import Connector, Text
from plugins.manager import ConnectorInfo, Plugins
from plugins.rest import Listing, Record, RestSource, RestSourceConfig
from plugins.texts import NOTHING, words_of
from plugins.wires.words import CODES

HOUSE: Final = Path(connectors.__file__).parents[1]
CODE: Final = re.compile(r"[a-z0-9]+(-[a-z0-9{}]+)*\Z")
REPORTS: Final = frozenset({"problem", "_problem", "on_problem", "_on_problem", "_give_up", "_end", "Failure"})
CLASSES: Final = [Plugins.load().connector(name) for name in Plugins.load().names()]
BUILT_IN: Final = [cls for cls in CLASSES if cls.__module__.startswith("connectors.")]


def strings(*nodes: ast.AST) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and CODE.match(node.value):
            yield node.value


def codes_in(*files: Path) -> set[str]:
    """The literals that stand where a code does: first in a report or `Failure`, or as `code=`."""
    found: set[str] = set()
    for file in files:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name in REPORTS:
                found.update(strings(*node.args[:2]))
            found.update(strings(*(each.value for each in node.keywords if each.arg == "code")))
    return found


def folder_of(cls: type[Connector[Any]]) -> Path:
    return HOUSE.joinpath(*cls.__module__.split(".")[:-1])


def is_bilingual(text: Text | None) -> bool:
    return text is not None and bool(text.sv.strip()) and bool(text.en.strip()) and text.sv != text.en


@pytest.mark.parametrize("cls", BUILT_IN, ids=lambda cls: cls.name)
def test_each_code_of_a_connector_has_words_in_both_languages(cls: type[Connector[Any]]) -> None:
    """Promise 8. `last-order-stands`, `removals-held` and others stood in English in the log alone."""
    codes = codes_in(*folder_of(cls).rglob("*.py")) | codes_in(*(HOUSE / "plugins" / "wires").rglob("*.py"))
    assert len(codes) > 30
    assert sorted(code for code in codes if not is_bilingual(words_of(code, cls.problems))) == []


@pytest.mark.parametrize("cls", BUILT_IN, ids=lambda cls: cls.name)
def test_each_code_with_words_is_one_that_the_connector_has(cls: type[Connector[Any]]) -> None:
    codes = codes_in(*folder_of(cls).rglob("*.py"))
    kinds = {f"{code.partition('-')[0]}-*" for code in codes}
    assert sorted(cls.problems.keys() - CODES.keys() - codes - kinds) == []
    assert all("{" not in says for text in cls.problems.values() for says in text), "nothing fills in values"


def test_each_code_with_which_the_hub_reports_a_connector_or_pauses_a_delivery_has_words() -> None:
    rooms = Path(hub.__file__).parent
    codes = codes_in(
        *(rooms / "hosting").rglob("*.py"), rooms / "delivery" / "follower.py", rooms / "privacy/directory_view.py"
    )
    codes |= {
        "configuration",
        "temporary",
        "permanent",
        "privacy",
        "failed",
        "other",
        "error-KeyError",
        "fault-KeyError",
    }
    # Answers to one caller, never the state of a connector; a follower's place in the log is a metric.
    codes -= {"nothing-waits", "behind"}
    assert {"blocked", "hung", "left-behind", "timeout"} <= codes
    missing = [code for code in sorted(codes) if not (meaning(code, "sv") and meaning(code, "en"))]
    assert missing == []
    assert meaning("error-KeyError", "sv") == "ett fel i kopplingens program (KeyError)"
    assert meaning("login-refused", "sv") == ""


@pytest.mark.parametrize("info", [each for each in Plugins.load().describe() if each.distribution == "skolnav"],
                         ids=lambda info: info.name)  # fmt: skip
def test_what_a_connector_does_and_its_settings_are_told_in_both_languages(info: ConnectorInfo) -> None:
    assert is_bilingual(info.summary)
    assert all(is_bilingual(each) for each in (info.purpose, info.legal_basis) if each != NOTHING)
    assert [name for name, text in info.settings.items() if not is_bilingual(text)] == []


def test_a_vendor_s_settings_have_the_swedish_of_the_wires_and_its_own() -> None:
    class Config(RestSourceConfig):
        """With a setting of its own."""

        swedish = {"school": "Skolans kod."}  # noqa: RUF012 - pydantic knows it for a class variable
        school: str = Field(description="The school's code.")
        other: str = Field(description="Told in English alone.")

    class Acme(RestSource[Config]):
        """Acme's lists."""

        name = "acme"
        config_model = Config

        def publish(self, listing: Listing, record: Record, new: bool) -> None:
            """It publishes nothing."""

    (info,) = Plugins.of(Acme).describe()
    assert info.summary == Text("Acme's lists.", "Acme's lists.")
    assert info.settings["school"] == Text("Skolans kod.", "The school's code.")
    assert info.settings["other"] == Text("Told in English alone.", "Told in English alone.")
    assert info.settings["timeout_s"].sv.startswith("Längsta tystnad")
