"""Levels: computed from what the suites showed, and from quality.yaml."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from plugins.testing.report import BadQuality, Results, read_quality, report
from plugins.testing.rules import RULES, Level
from tests.kit.mailroom import Mailroom
from tests.kit.right import HouseControl

ROOT = Path(__file__).resolve().parents[2]


def shown(*without):
    """Results in which each test passed, but for those of some rules."""
    results = Results()
    hidden = {test for name in without for test in RULES[name].tests}
    for rule in RULES.values():
        for test in rule.tests:
            if test not in hidden:
                results.outcomes[test].add("passed")
    return results


def test_a_level_needs_each_rule_of_it_and_of_the_levels_below():
    assert report("house", shown(), {}).level is Level.PLATINUM
    assert report("house", shown("reconcile"), {}).level is Level.GOLD
    assert report("house", shown("forgets"), {}).level is Level.SILVER
    assert report("house", shown("stale"), {}).level is Level.BRONZE
    assert report("house", shown("order"), {}).level is None
    assert report("house", Results(), {}).level is None


def test_an_exemption_holds_with_its_reason_which_is_printed():
    found = report("house", shown("far-sides"), {"far-sides": "there is one house"})
    assert found.level is Level.PLATINUM
    assert any("far-sides" in line and "exempt: there is one house" in line for line in found.text())


def test_an_exemption_excuses_nothing_that_fails():
    results = shown()
    results.outcomes["test_one_that_refuses_keeps_nothing_from_the_others"].add("failed")
    assert report("house", results, {"far-sides": "there is one house"}).level is Level.SILVER


def test_what_is_stated_as_done_and_not_shown_is_wrong():
    found = report("house", shown("stale"), {"stale": "", "order": ""})
    assert found.wrong == ("stale is stated as done, and the tests show: not shown",)
    assert "docs/vendors/rules/stale.md" in "\n".join(found.text())


def test_a_skipped_test_shows_nothing():
    results = shown("last-event")
    results.outcomes["test_the_last_event_of_an_entity_is_enough"].add("skipped")
    assert report("house", results, {}).level is Level.SILVER


def test_a_rule_about_events_does_not_apply_to_a_source_and_the_other_way_round():
    assert RULES["stale"].without(Mailroom)
    assert not RULES["stale"].without(HouseControl)
    assert RULES["pushed"].without(HouseControl)
    assert not RULES["pushed"].without(Mailroom)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("house: [", "is not YAML"),
        ("- house", "names of connectors"),
        ("house: gold", "there must be rules"),
        ("house: {no-such-rule: done}", "no-such-rule, which is no rule"),
        ("house: {stale: true}", "house.stale must be `done`"),
        ("house: {stale: {exempt: ''}}", "with a reason"),
    ],
)
def test_a_quality_file_that_makes_no_sense_says_why(tmp_path, text, says):
    (tmp_path / "quality.yaml").write_text(text)
    with pytest.raises(BadQuality, match=says):
        read_quality(tmp_path / "quality.yaml")


def test_each_rule_has_a_page_with_why_an_example_and_the_exception():
    for rule in RULES.values():
        page = (ROOT / rule.page).read_text()
        assert page.startswith(f"# {rule.name}\n\n{rule.says} Level: {rule.level.name.lower()}.\n"), rule.name
        for part in ("## Why", "## Example", "```python", "## Exception"):
            assert part in page, f"{rule.page}: {part}"
    index = (ROOT / "docs/vendors/rules/README.md").read_text()
    rows = re.findall(r"^\| \[(.*)\]\(.*\) \| (.*) \| (.*) \|$", index, re.MULTILINE)
    assert rows == [(rule.name, rule.level.name.lower(), rule.says) for rule in RULES.values()]
    assert {path.stem for path in (ROOT / "docs/vendors/rules").iterdir()} == {"README", *RULES}


SUITE = """
from plugins.testing.suites import ConfigurationSuite, OrderSuite
from tests.kit.bad.difference import LosesUpdates
from tests.kit.subject import TheHouse

class TestConfiguration(TheHouse, ConfigurationSuite):
    connector = LosesUpdates

class TestOrder(TheHouse, OrderSuite):
    connector = LosesUpdates

    def key(self, effect):
        return effect[0] if effect[0] != "message" else repr(effect)
"""


def pytest_of(folder, *arguments):
    (folder / "test_it.py").write_text(SUITE)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-o", "asyncio_mode=auto"]
    return subprocess.run(
        [*command, *arguments, "test_it.py"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    ).stdout


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["one process", "two workers"])
def test_a_vendor_s_pytest_shows_both_sides_and_prints_the_level(tmp_path, workers):
    (tmp_path / "quality.yaml").write_text("house: {settings: done, order: done, stale: {exempt: not yet}}")
    told = pytest_of(tmp_path, "--skolnav-report", *workers)
    assert "{'board/told': [('board/told', {'n': 8})]}" in told  # one side
    assert "Differing items" in told  # and the other
    assert "house: no level yet" in told
    assert "bronze   settings              done" in told
    assert "bronze   order                 failed" in told
    assert "silver   stale                 exempt: not yet" in told
    assert "quality.yaml: order is stated as done, and the tests show: failed" in told
