"""Levels: computed from what the suites showed, and from quality.yaml."""

import importlib
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import pytest
import yaml
from pydantic import Field

from plugins import ConnectorConfig
from plugins.level import measured
from plugins.testing import suites
from plugins.testing.report import BadQuality, Results, read_quality, report
from plugins.testing.rules import RULES, Level, exemptions_of
from plugins.testing.suites import CompleteSuite, OrderSuite
from tests.kit.mailroom import Mailroom, Wire
from tests.kit.right import HouseControl
from tests.kit.subject import TheHouse

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


def test_what_the_next_level_lacks_is_said_first():
    level, lacks, *_ = report("house", shown("forgets", "school-time", "reconcile"), {}).text()
    assert level == "house: silver"
    assert lacks == "  for gold it lacks: school-time, forgets"
    assert not any("lacks" in line for line in report("house", shown(), {}).text())


def test_an_exemption_holds_with_its_reason_which_is_printed():
    found = report("house", shown("far-sides"), {"far-sides": "there is one house"})
    assert found.level is Level.PLATINUM
    assert any("far-sides" in line and "exempt: there is one house" in line for line in found.text())


def test_an_exemption_excuses_nothing_that_fails():
    results = shown()
    results.outcomes["test_one_that_refuses_keeps_nothing_from_the_others"].add("failed")
    assert report("house", results, {"far-sides": "there is one house"}).level is Level.SILVER


def test_what_a_suite_leaves_out_of_a_check_is_an_exemption_with_its_reason():
    """A vendor switches no rule off without that the report says so."""
    results = shown()
    results.exempt["order"]["order_matters: a journal"] = None
    found = report("house", results, {"order": ""})
    assert found.level is Level.PLATINUM
    assert any("order" in line and "exempt: order_matters: a journal" in line for line in found.text())
    assert found.wrong == ("order is stated as done, and the tests show: exempt",)


def test_what_a_suite_leaves_out_excuses_what_has_no_more_to_check_and_nothing_that_did_not_run():
    test = "test_a_timer_that_is_late_is_about_the_moment_it_was_due"
    for outcome, level in (("skipped", Level.PLATINUM), ("failed", Level.BRONZE), (None, Level.BRONZE)):
        results = shown()
        results.outcomes[test] = {outcome} if outcome else set()
        results.exempt["complete"]["of_today count: nothing is sent the day after"] = None
        assert report("house", results, {}).level is level, outcome


@pytest.mark.parametrize("attributes", [{"order_matters": " "}, {"of_today": {"count": ""}}])
def test_an_exemption_in_a_suite_needs_a_reason(attributes):
    with pytest.raises(ValueError, match="needs a reason"):
        exemptions_of(type("TestHouse", (TheHouse, OrderSuite, CompleteSuite), attributes))


def test_each_attribute_with_reasons_is_known_as_an_exemption():
    """One that is added to a suite later must show in the report as well."""
    known = {"expected_problems", "no_difference", "order_matters", "says_nothing", "of_today", "shared_state"}
    reasons = {
        name
        for suite in (getattr(suites, name) for name in suites.__all__)
        for owner in getattr(suite, "__mro__", ())
        for name, kind in getattr(owner, "__annotations__", {}).items()
        if kind in (ClassVar[Mapping[str, str]], ClassVar[str])
    }
    assert reasons - {"start"} == known
    stated = {name: "why" if name == "order_matters" else {"part": "why"} for name in known}
    found = exemptions_of(type("TestHouse", (TheHouse,), stated))
    assert {each.split()[0].rstrip(":") for reasons in found.values() for each in reasons} == known


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


def test_a_source_that_is_listened_to_is_shown_by_the_suite_for_it():
    listened = {
        "test_what_is_pushed_is_acknowledged_once_it_is_kept",
        "test_what_comes_again_is_taken_once",
        "test_garbage_on_the_stream_harms_nothing",
        "test_a_flood_on_the_stream_is_kept_whole_and_in_order",
    }
    assert set(RULES["pushed"].needed(Wire)) == listened
    assert set(RULES["pushed"].needed(Mailroom)) == {*RULES["pushed"].tests} - listened
    results = Results(needed={"pushed": [*RULES["pushed"].needed(Wire)]})
    for test in listened:
        results.outcomes[test].add("passed")
    assert next(line for line in report("wire", results, {}).lines if line.rule.name == "pushed").status == "done"


class OneOfMany(ConnectorConfig):
    lamps: list[str] | None = Field(None, description="Lamps.")


def test_one_far_side_needs_no_exemption():
    assert RULES["far-sides"].without(HouseControl) == "its settings have no list of far sides"
    assert not RULES["far-sides"].without(type("Several", (HouseControl,), {"config_model": OneOfMany}))


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
        for part in ("## Why", "## Example of the fault\n", "```python", "## Exception"):
            assert part in page, f"{rule.page}: {part}"
    index = (ROOT / "docs/vendors/rules/README.md").read_text()
    rows = re.findall(r"^\| \[(.*)\]\(.*\) \| (.*) \| (.*) \|$", index, re.MULTILINE)
    assert rows == [(rule.name, rule.level.name.lower(), rule.says) for rule in RULES.values()]
    assert {path.stem for path in (ROOT / "docs/vendors/rules").iterdir()} == {"README", *RULES}


PACKAGE = """
from acme_house.connector import House
from plugins.testing.suites import ConfigurationSuite
from tests.kit.subject import TheHouse

class TestConfiguration(TheHouse, ConfigurationSuite):
    connector = House
"""
ALL_BUT_SETTINGS = [name for name in RULES if name != "settings"]


def test_the_level_is_written_into_the_package_and_is_that_of_this_code_only(tmp_path, monkeypatch):
    """`skolnav plugins` never shows a level that was measured of other code."""
    package = tmp_path / "acme_house"
    package.mkdir()
    (package / "__init__.py").touch()
    code = "from tests.kit.right import HouseControl\n\n\nclass House(HouseControl): ...\n"
    (package / "connector.py").write_text(code)
    (tmp_path / "quality.yaml").write_text(
        yaml.safe_dump({"house": {name: {"exempt": "not tried here"} for name in ALL_BUT_SETTINGS}})
    )
    monkeypatch.syspath_prepend(tmp_path)
    cls = importlib.import_module("acme_house.connector").House
    assert measured(cls) == ""
    told = pytest_of(tmp_path, "--skolnav-report", "--skolnav-level", suite=PACKAGE)
    assert "house: platinum" in told
    assert f"written: {package / 'skolnav-level.json'}" in told
    assert measured(cls) == "platinum"
    (package / "mapping.py").write_text("# changed since\n")
    assert measured(cls) == ""
    (tmp_path / "quality.yaml").unlink()
    pytest_of(tmp_path, "--skolnav-report", "--skolnav-level", suite=PACKAGE)
    assert measured(cls) == ""  # no level was reached


SUITE = """
from plugins.testing.suites import ConfigurationSuite, OrderSuite
from tests.kit.bad.difference import LosesUpdates
from tests.kit.subject import TheHouse

class TestConfiguration(TheHouse, ConfigurationSuite):
    connector = LosesUpdates
    shared_state = {"acme.cache": "a reason"}

class TestOrder(TheHouse, OrderSuite):
    connector = LosesUpdates

    def key(self, effect):
        return effect[0] if effect[0] != "message" else repr(effect)
"""


def pytest_of(folder, *arguments, suite=SUITE):
    (folder / "test_it.py").write_text(suite)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-o", "asyncio_mode=auto"]
    return subprocess.run(
        [*command, *arguments, "test_it.py"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{folder}"},
        capture_output=True,
        text=True,
        check=False,
    ).stdout


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["one process", "two workers"])
def test_a_vendor_s_pytest_shows_both_sides_and_prints_the_level(tmp_path, workers):
    (tmp_path / "quality.yaml").write_text("house: {settings: done, order: done, stale: {exempt: not yet}}")
    told = pytest_of(tmp_path, "--skolnav-report", "-k", "not may_come_first", *workers)
    assert re.search(r"\{'board/told': \[\('board/told', \{'n': \d+\}\)\]\}", told)  # one side
    assert "Differing items" in told  # and the other
    assert "house: no level yet" in told
    assert "bronze   settings              done" in told
    assert "bronze   order                 failed" in told
    assert "silver   stale                 exempt: not yet" in told
    assert "quality.yaml: order is stated as done, and the tests show: failed" in told
