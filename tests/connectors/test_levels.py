"""The built-in connectors are at gold: each rule up to it has its tests here, or an exemption with a reason.

The tests themselves run once, in the connectors' conformance modules; `pytest --skolnav-report` computes the level from
that run. So a level can be lost in two ways only: one of those tests fails or skips, or it is not there.
"""

from pathlib import Path
from types import ModuleType

import pytest

from plugins.testing.report import Results, read_quality, report
from plugins.testing.rules import RULES, Level, exemptions_of
from plugins.testing.suites import Subject
from tests.connectors.catering import test_conformance as catering
from tests.connectors.ss12000 import test_conformance as ss12000

QUALITY = read_quality(Path(__file__).resolve().parents[2] / "quality.yaml")


@pytest.mark.parametrize(
    ("module", "name", "level"), [(catering, "catering", Level.GOLD), (ss12000, "ss12000", Level.PLATINUM)]
)
def test_each_rule_of_its_level_has_a_test_or_an_exemption(module: ModuleType, name: str, level: Level) -> None:
    results = Results()
    for suite in vars(module).values():
        if not (isinstance(suite, type) and issubclass(suite, Subject) and suite.__name__.startswith("Test")):
            continue
        connector = suite.connector
        assert connector.name == name
        for rule in RULES.values():
            results.needed[rule.name] = [*rule.needed(connector)]
            if why := rule.without(connector):
                results.without[rule.name] = why
        for rule_name, reasons in exemptions_of(suite).items():
            results.exempt[rule_name].update(dict.fromkeys(reasons))
        for test in dir(suite):
            if test.startswith("test_"):
                results.outcomes[test].add("passed")
    found = report(name, results, QUALITY.get(name, {}))
    assert found.level is level, "\n".join(found.text())
    assert found.wrong == ()
