"""What pytest does for vendors (entry point `pytest11`): failing suites show both sides, and `--skolnav-report`."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

# Before anything imports the suites: their `assert`s then show both sides.
pytest.register_assert_rewrite("plugins.testing.suites")

_PROPERTY: Final = "skolnav"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("skolnav").addoption(
        "--skolnav-report",
        action="store_true",
        help="after the tests, print each connector's level with its rules (reads quality.yaml in the root folder)",
    )
    parser.getgroup("skolnav").addoption(
        "--skolnav-level",
        action="store_true",
        help="with --skolnav-report: write each connector's level into its package, for `skolnav plugins` to show",
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--skolnav-report") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(
            _Reporting(config.rootpath, write=config.getoption("--skolnav-level")), "skolnav-report"
        )


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Note which connector a suite's test is about, where a worker of pytest-xdist can pass it on."""
    cls: Any = getattr(item, "cls", None)
    connector = getattr(cls, "connector", None)
    if not item.config.getoption("--skolnav-report") or connector is None:
        return
    from plugins.level import folder_of
    from plugins.testing.rules import RULES, exemptions_of
    from plugins.testing.suites import Subject

    if issubclass(cls, Subject):
        without = {rule.name: why for rule in RULES.values() if (why := rule.without(connector))}
        test = getattr(item, "originalname", item.name)
        needed = {rule.name: rule.needed(connector) for rule in RULES.values()}
        try:
            exempt = exemptions_of(cls)
        except ValueError as error:
            raise pytest.UsageError(str(error)) from None
        about = [connector.name, test, without, needed, str(folder_of(connector) or ""), exempt]
        item.user_properties.append((_PROPERTY, json.dumps(about)))


class _Reporting:
    """Collects results, and prints the reports."""

    def __init__(self, root: Path, *, write: bool) -> None:
        from plugins.testing.report import Results

        self._root = root
        self._write = write
        self._folders: dict[str, str] = {}
        self._new = Results
        self._results: dict[str, Any] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for name, value in report.user_properties:
            if name != _PROPERTY or (report.when != "call" and report.passed):
                continue
            connector, test, without, needed, self._folders[connector], exempt = json.loads(str(value))
            results = self._results.setdefault(connector, self._new())
            results.outcomes[test].add(report.outcome)
            results.without, results.needed = without, needed
            for rule, reasons in exempt.items():
                results.exempt[rule].update(dict.fromkeys(reasons))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        from plugins.testing.report import FILE, BadQuality, read_quality, report

        self._lines: list[str] = []
        wrong = False
        levels: dict[str, str] = {}
        try:
            quality = read_quality(self._root / FILE)
        except BadQuality as error:
            quality, wrong = {}, True
            self._lines.append(str(error))
        for connector, results in sorted(self._results.items()):
            found = report(connector, results, quality.get(connector, {}))
            self._lines += found.text()
            levels[connector] = found.level.name.lower() if found.level else ""
            wrong = wrong or bool(found.wrong)
        if self._write:
            self._lines += self._written(levels)
        if wrong and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _written(self, levels: dict[str, str]) -> Iterator[str]:
        from plugins.level import write

        for folder in sorted({*self._folders.values()} - {""}):
            found = {name: level for name, level in levels.items() if level and self._folders[name] == folder}
            yield f"written: {write(Path(folder), found)}"

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        terminalreporter.section("skolnav: levels")
        for line in getattr(self, "_lines", ()) or ["no suite of plugins.testing.suites ran"]:
            terminalreporter.write_line(line)
