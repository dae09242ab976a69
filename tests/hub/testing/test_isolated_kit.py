"""SKOLNAV_ISOLATION=process: what a test changes in its own process can't reach a connector's, and is refused."""

import pytest

from plugins import ConfigurationError, Connector
from plugins.testing import open_hub
from plugins.testing.hub import ISOLATION
from plugins.testing.suites import PullSuite
from tests.hub.hosting.elsewhere import Elsewhere


class Pulled(PullSuite):
    __test__ = False
    connector = Elsewhere


@pytest.fixture(autouse=True)
def in_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ISOLATION, "process")


async def test_a_suite_that_holds_poll_up_from_inside_is_skipped_with_a_reason() -> None:
    with pytest.raises(pytest.skip.Exception, match=f"without {ISOLATION}=process"):
        async with Pulled().pulling({}):
            pytest.fail("it ran, and its gate was lost")


async def test_a_class_that_another_process_could_not_import_is_refused() -> None:
    async def handle(self: Connector, event: object) -> None:
        pytest.fail("never called")

    changed = type("Elsewhere", (Elsewhere,), {"handle": handle, "__module__": Elsewhere.__module__})
    async with open_hub() as hub:
        with pytest.raises(ConfigurationError, match="process of its own"):
            await hub.add(changed, {})
