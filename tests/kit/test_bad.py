"""The suites notice each bad connector, and say which rule it breaks and where the rule is explained."""

import inspect
import logging
import re
import ssl
from contextlib import contextmanager
from pathlib import Path

import pytest

from plugins.testing import School
from plugins.testing.rules import RULES
from plugins.testing.suites import PushSuite, SensitivitySuite
from plugins.timers import daily_timers_of, moment_timers_of
from schemas import Category
from tests.kit.bad import SEEDED, Bad, difference, elusive, faults, pushed, subtle, undisturbed, years
from tests.kit.house import open_house
from tests.kit.mailroom import Mailroom, Source, Wire
from tests.kit.subject import TheHouse, TheMailroom, TheWire, counts, house_config

ROOT = Path(__file__).resolve().parents[2]
MODULES = (difference, elusive, faults, pushed, subtle, undisturbed, years)  # importing them lists their connectors


@pytest.fixture(autouse=True)
def surroundings():
    """What bad connectors change for the whole process is put right again."""
    level, context = logging.root.level, ssl._create_default_https_context
    httpx = logging.getLogger("httpx")
    httpx_level = httpx.level
    httpx.setLevel(logging.NOTSET)  # as where nobody has imported `skolnav.wires`, which silences it
    yield
    httpx.setLevel(httpx_level)
    logging.root.setLevel(level)
    ssl._create_default_https_context = context
    for program in subtle.PROGRAMS:
        program.kill()
        program.wait()
    subtle.PROGRAMS.clear()
    subtle.DUMP.unlink(missing_ok=True)


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
            yield {"base": TheHouse, "peer": house, "config": house_config(house)}


async def played(bad, known):
    """The suite's test, as pytest calls it for a vendor."""
    usual = {"key": lambda self, effect: effect[0] if effect[0] != "message" else repr(effect)}
    settings = {**only_what_is_named(bad), **bad.settings}
    arguments = {"changing_day": settings.pop("changing_day", None), **bad.arguments}
    school = School()
    known = {**known, "school": school, "events": school.story(bad.cls.consumes), **arguments}
    suite = type("Suite", (known["base"], bad.suite), {**usual, **settings, "connector": bad.cls})()
    test = getattr(suite, bad.test)
    await test(**{name: known[name] for name in inspect.signature(test).parameters})


def only_what_is_named(bad):
    """SensitivitySuite leaves out one part after the other: here only the part that its message must name."""
    if bad.suite is not SensitivitySuite:
        return {}
    named, cls = bad.says.replace("\\", ""), bad.cls
    parts = {model.spec.type: f"the consumed type {model.spec.type} makes no difference" for model in cls.consumes}
    parts |= {name: f"the timer {name}()" for name in {*daily_timers_of(cls), *moment_timers_of(cls)}}
    parts |= {each: f"the category {each.value} of the contract makes no difference" for each in Category}
    parts |= {each: f"({each})" for each in ("room", "again")}
    others = {part: "not named" for part, says in parts.items() if says not in named and named not in says}
    assert len(others) == len(parts) - 1, "the message names one part"
    return {"no_difference": others}


def school_in(text):
    return [secret for secret in ("a-very-secret-token",) if secret in text]


def test_there_are_at_least_forty_and_each_has_a_docstring():
    assert len(SEEDED) >= 40
    for bad in SEEDED:
        assert bad.cls.__doc__
        assert bad.rule in RULES
