"""A connector's level, computed from the results of the suites and from `quality.yaml` (`pytest --skolnav-report`)."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from plugins.testing.rules import RULES, Level, Rule

FILE: Final = "quality.yaml"


class BadQuality(Exception):
    """`quality.yaml` can't be read as one; the text says what is wrong."""


@dataclass(slots=True)
class Results:
    """What is known of one connector after a run."""

    outcomes: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))  # by test: passed, failed, skipped
    without: dict[str, str] = field(default_factory=dict)  # by rule: why it does not apply
    needed: dict[str, list[str]] = field(default_factory=dict)  # by rule: the tests that must pass; empty: all of it
    # By rule: what the suites' own attributes leave out of a check, with the reasons (the keys; the order is kept).
    exempt: dict[str, dict[str, None]] = field(default_factory=lambda: defaultdict(dict))


@dataclass(frozen=True, slots=True)
class Line:
    rule: Rule
    status: str  # done, exempt, not applicable, failed, not shown
    why: str = ""

    @property
    def holds(self) -> bool:
        return self.status in ("done", "exempt", "not applicable")


@dataclass(frozen=True, slots=True)
class Report:
    connector: str
    lines: tuple[Line, ...]
    wrong: tuple[str, ...]  # what quality.yaml says and the results do not

    @property
    def level(self) -> Level | None:
        """The highest level whose rules, and those of the levels below, all hold. None: not even bronze."""
        reached = None
        for level in Level:
            if not all(line.holds for line in self.lines if line.rule.level is level):
                return reached
            reached = level
        return reached

    @property
    def missing(self) -> tuple[Line, ...]:
        """What keeps it from the next level; empty at the highest."""
        following = (self.level or 0) + 1
        return tuple(line for line in self.lines if line.rule.level == following and not line.holds)

    def text(self) -> Iterator[str]:
        level = self.level
        yield f"{self.connector}: {level.name.lower() if level else 'no level yet'}"
        if missing := self.missing:
            rules = ", ".join(line.rule.name for line in missing)
            yield f"  for {missing[0].rule.level.name.lower()} it lacks: {rules}"
        for line in self.lines:
            page = "" if line.holds else f" ({line.rule.page})"
            why = f": {line.why}" if line.why else ""
            yield f"  {line.rule.level.name.lower():<9}{line.rule.name:<22}{line.status}{why}{page}"
        for wrong in self.wrong:
            yield f"  {FILE}: {wrong}"


def read_quality(path: Path) -> dict[str, dict[str, str]]:
    """By connector and rule: empty for `done`, else the reason of an exemption. Raises BadQuality.

    acme-kitchen:
      stale: done
      far-sides: {exempt: "there is one kitchen"}
    """
    if not path.is_file():
        return {}
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except yaml.YAMLError:
        raise BadQuality(f"{path.name} is not YAML") from None
    if not isinstance(content, dict):
        raise BadQuality(f"{path.name} must have the names of connectors at its top")
    return {str(name): dict(_stated(path, name, rules)) for name, rules in content.items()}


def _stated(path: Path, name: Any, rules: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(rules, dict):
        raise BadQuality(f"{path.name}: under {name} there must be rules")
    for rule, stated in rules.items():
        if rule not in RULES:
            raise BadQuality(f"{path.name}: {name} has {rule}, which is no rule. Rules: {', '.join(RULES)}")
        match stated:
            case "done":
                yield rule, ""
            case {"exempt": str(reason)} if len(stated) == 1 and reason.strip():
                yield rule, reason.strip()
            case _:
                raise BadQuality(f"{path.name}: {name}.{rule} must be `done`, or `exempt:` with a reason")


def report(connector: str, results: Results, quality: Mapping[str, str]) -> Report:
    """Judge one connector: `quality` is its part of `quality.yaml`."""
    lines = tuple(_judged(rule, results, quality.get(rule.name)) for rule in RULES.values())
    wrong = [
        f"{line.rule.name} is stated as done, and the tests show: {line.status}"
        for line in lines
        if quality.get(line.rule.name) == "" and line.status != "done"
    ]
    return Report(connector, lines, tuple(wrong))


def _judged(rule: Rule, results: Results, exempt: str | None) -> Line:
    if why := results.without.get(rule.name):
        return Line(rule, "not applicable", why)
    outcomes = {test: results.outcomes.get(test, set()) for test in results.needed.get(rule.name, rule.tests)}
    failed = sorted(test for test, found in outcomes.items() if "failed" in found)
    if failed:  # an exemption excuses what is not tested, and nothing that fails
        return Line(rule, "failed", ", ".join(failed))
    if exempt:
        return Line(rule, "exempt", exempt)
    partly = "; ".join(results.exempt.get(rule.name, ()))
    enough = {"passed", "skipped"} if partly else {"passed"}  # an exemption may leave nothing of a test
    missing = sorted(test for test, found in outcomes.items() if not found & enough)
    if missing:
        return Line(rule, "not shown", f"no passed {', '.join(missing)}")
    return Line(rule, "exempt", partly) if partly else Line(rule, "done")
