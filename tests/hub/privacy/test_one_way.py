"""Every recipient gets its events by one way, `hub.privacy.telling`: what import-linter cannot say of that."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import hub

ROOT = Path(hub.__file__).parent
OUTSIDE = sorted(path for path in ROOT.rglob("*.py") if path.relative_to(ROOT).parts[0] != "privacy")
OWN_WORDS = {"Intent", "Draft", "Withheld"}  # what only hub.privacy makes
ASKED = {"decide", "record", "keep"}  # of the gate, the log of disclosures and the marks
OWNERS = {"gate", "_gate", "teller", "_teller", "disclosures", "_disclosures", "withheld", "_withheld"}


def faults(source: str) -> Iterator[str]:
    """What code outside `hub.privacy` may not do."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(("hub.privacy", "hub.store")):
            for name in {alias.name for alias in node.names} & OWN_WORDS:
                yield f"line {node.lineno} imports {name}"
        elif isinstance(node, ast.Attribute) and node.attr in ASKED:
            owner = node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", "")
            if owner in OWNERS:
                yield f"line {node.lineno} calls {owner}.{node.attr}"


@pytest.mark.parametrize("path", OUTSIDE, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_other_room_decides_or_makes_an_intent_or_a_mark(path: Path) -> None:
    """Promises 4 and 5: a second way would forget what the first one keeps."""
    assert not list(faults(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "line",
    ["from hub.privacy.base import Decision, Intent", "from hub.store.withheld import Withheld",
     "parts.gate.decide(stored, recipient)", "self._services.disclosures.record([])", "withheld.keep(marks)"],
)  # fmt: skip
def test_the_rule_sees_what_it_forbids(line: str) -> None:
    assert list(faults(line))
