"""What every test module may rely on."""

import os
from typing import Final

import pytest
from hypothesis import settings

from hub.cli import language

# No test measures time: on a busy machine an example may take any time.
settings.register_profile("skolnav", deadline=None)
settings.load_profile("skolnav")

LONG: Final = (
    "tests/skolnav/", "tests/hub/cli/test_bad_packages.py", "tests/kit/", "tests/end_to_end/", "tests/faults/",
    "tests/docs/", "tests/hub/demo/", "tests/hub/delivery/test_simulation.py", "tests/hub/cli/", "tests/silence/",
)  # fmt: skip

pytest.register_assert_rewrite("tests.contracts")


@pytest.fixture(autouse=True)
def language_of_the_session() -> None:
    """A command that ran in this process before, in another language, leaves nothing behind."""
    language.choose([], os.environ)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files that take long begin first, so that no worker ends the run with one of them alone."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))


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
