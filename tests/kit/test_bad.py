"""The suites notice each bad connector, and say which rule it breaks and where the rule is explained."""

import inspect
import re
from contextlib import contextmanager
from pathlib import Path

import pytest

from plugins.testing import School
from plugins.testing.rules import RULES
from plugins.testing.suites import PushSuite
from tests.kit.bad import SEEDED, Bad, difference, faults, pushed, undisturbed, years
from tests.kit.house import open_house
from tests.kit.mailroom import Mailroom, Source, Wire
from tests.kit.subject import TheHouse, TheMailroom, TheWire, counts

ROOT = Path(__file__).resolve().parents[2]
MODULES = (difference, faults, pushed, undisturbed, years)  # importing them lists their connectors


@pytest.mark.parametrize("bad", SEEDED, ids=lambda bad: bad.cls.__name__)
async def test_a_bad_connector_is_noticed_and_its_rule_named(bad: Bad, monkeypatch):
    with far_side(bad) as known, pytest.raises((AssertionError, pytest.fail.Exception)) as caught:
        await played(bad, {**known, "monkeypatch": monkeypatch})
    text = str(caught.value)
    assert re.search(bad.says, text, re.DOTALL), text
    assert re.search(rf"\n\s*Rule {bad.rule}: .* See {re.escape(RULES[bad.rule].page)}", text), text
    assert (ROOT / RULES[bad.rule].page).is_file()
    assert school_in(text) == []


@contextmanager
def far_side(bad):
    """The fixtures that a vendor's test would have."""
    if issubclass(bad.cls, Mailroom):
        peer = PushSuite.peer.__wrapped__(None)
        yield {"base": TheMailroom, "peer": peer, "config": {"key": "a-very-secret-token"}, "requests": counts()}
    elif issubclass(bad.cls, Wire):
        source = Source()
        try:
            yield {"base": TheWire, "peer": source, "config": {"port": source.port}}
        finally:
            source.close()
    else:
        with open_house() as house:
            config = {"url": house.url, "token": "a-very-secret-token", "timeout_s": 0.5}
            yield {"base": TheHouse, "peer": house, "config": config}


async def played(bad, known):
    """The suite's test, as pytest calls it for a vendor."""
    usual = {"key": lambda self, effect: effect[0] if effect[0] != "message" else repr(effect)}
    settings = dict(bad.settings)
    arguments = {"changing_day": settings.pop("changing_day", None), **bad.arguments}
    school = School()
    known = {**known, "school": school, "events": school.story(bad.cls.consumes), **arguments}
    suite = type("Suite", (known["base"], bad.suite), {**usual, **settings, "connector": bad.cls})()
    test = getattr(suite, bad.test)
    await test(**{name: known[name] for name in inspect.signature(test).parameters})


def school_in(text):
    return [secret for secret in ("a-very-secret-token",) if secret in text]


def test_there_are_at_least_forty_and_each_has_a_docstring():
    assert len(SEEDED) >= 40
    for bad in SEEDED:
        assert bad.cls.__doc__
        assert bad.rule in RULES
