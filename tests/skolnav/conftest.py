import os

import pytest

from tests.skolnav import environments


@pytest.fixture(scope="session")
def hub_wheel(tmp_path_factory):
    """This tree's wheel."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "hub-wheel"
    folder.mkdir(exist_ok=True)
    return environments.hub_wheel(folder)


@pytest.fixture(scope="session")
def installed_hub(tmp_path_factory, hub_wheel):
    """An environment with this tree's wheel, as a vendor or a municipality has it."""
    return environments.environment(tmp_path_factory.mktemp("installed") / "env", hub_wheel)
