"""What pytest does for vendors (entry point `pytest11`): failing suites show both sides, and `--skolnav-report`."""

import json
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


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--skolnav-report") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Reporting(config.rootpath), "skolnav-report")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Note which connector a suite's test is about, where a worker of pytest-xdist can pass it on."""
    cls: Any = getattr(item, "cls", None)
    connector = getattr(cls, "connector", None)
    if not item.config.getoption("--skolnav-report") or connector is None:
        return
    from plugins.testing.rules import RULES
    from plugins.testing.suites import Subject

    if issubclass(cls, Subject):
        without = {rule.name: why for rule in RULES.values() if (why := rule.without(connector))}
        test = getattr(item, "originalname", item.name)
        item.user_properties.append((_PROPERTY, json.dumps([connector.name, test, without])))


class _Reporting:
    """Collects results, and prints the reports."""

    def __init__(self, root: Path) -> None:
        from plugins.testing.report import Results

        self._root = root
        self._new = Results
        self._results: dict[str, Any] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for name, value in report.user_properties:
            if name != _PROPERTY or (report.when != "call" and report.passed):
                continue
            connector, test, without = json.loads(str(value))
            results = self._results.setdefault(connector, self._new())
            results.outcomes[test].add(report.outcome)
            results.without = without

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        from plugins.testing.report import FILE, BadQuality, read_quality, report

        self._lines: list[str] = []
        wrong = False
        try:
            quality = read_quality(self._root / FILE)
        except BadQuality as error:
            quality, wrong = {}, True
            self._lines.append(str(error))
        for connector, results in sorted(self._results.items()):
            found = report(connector, results, quality.get(connector, {}))
            self._lines += found.text()
            wrong = wrong or bool(found.wrong)
        if wrong and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        terminalreporter.section("skolnav: levels")
        for line in getattr(self, "_lines", ()) or ["no suite of plugins.testing.suites ran"]:
            terminalreporter.write_line(line)
