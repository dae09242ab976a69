"""The suites notice each bad connector, and say which rule it breaks and where the rule is explained."""

import inspect
import re
from pathlib import Path

import pytest

from plugins.testing import School
from plugins.testing.rules import RULES
from tests.kit.bad import SEEDED, Bad, difference, faults, undisturbed, years
from tests.kit.house import open_house
from tests.kit.subject import TheHouse

ROOT = Path(__file__).resolve().parents[2]
MODULES = (undisturbed, difference, faults, years)


@pytest.mark.parametrize("bad", SEEDED, ids=lambda bad: bad.cls.__name__)
async def test_a_bad_connector_is_noticed_and_its_rule_named(bad: Bad, monkeypatch):
    with open_house() as house, pytest.raises((AssertionError, pytest.fail.Exception)) as caught:
        await played(bad, house, monkeypatch)
    text = str(caught.value)
    assert re.search(bad.says, text, re.DOTALL), text
    assert f"\nRule {bad.rule}: " in text, text
    assert (ROOT / RULES[bad.rule].page).is_file()
    assert school_in(text) == []


async def played(bad, house, monkeypatch):
    """The suite's test, as pytest calls it for a vendor."""
    usual = {"key": lambda self, effect: effect[0] if effect[0] != "message" else repr(effect)}
    settings = dict(bad.settings)
    arguments = {"changing_day": settings.pop("changing_day", None), **bad.arguments}
    cls = type("Suite", (TheHouse, bad.suite), {**usual, **settings, "connector": bad.cls})
    suite, school = cls(), School()
    known = {
        "peer": house,
        "config": {"url": house.url, "token": "a-very-secret-token", "timeout_s": 0.5},
        "school": school,
        "events": school.story(bad.cls.consumes),
        "monkeypatch": monkeypatch,
        **arguments,
    }
    test = getattr(suite, bad.test)
    await test(**{name: known[name] for name in inspect.signature(test).parameters})


def school_in(text):
    return [secret for secret in ("a-very-secret-token",) if secret in text]


def test_there_are_at_least_forty_and_each_has_a_docstring():
    assert len(SEEDED) >= 40
    for bad in SEEDED:
        assert bad.cls.__doc__
        assert bad.rule in RULES
