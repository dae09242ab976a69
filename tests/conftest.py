"""What every test module may rely on."""

import os

import pytest
from hypothesis import settings

# No test measures time: on a busy machine an example may take any time.
settings.register_profile("skolnav")
settings.load_profile("skolnav")

pytest.register_assert_rewrite("tests.contracts")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """On CI everything that a test may need is there: what is skipped hides something, and fails the run."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and exitstatus == pytest.ExitCode.OK and reporter is not None:
        skipped = reporter.stats.get("skipped", [])
        if skipped:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if os.environ.get("CI") and terminalreporter.stats.get("skipped"):
        terminalreporter.line("CI: a skipped test counts as a failure; the reasons stand above.", red=True)
