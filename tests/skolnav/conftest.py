import pytest

from tests.skolnav import environments


@pytest.fixture(scope="session")
def hub_wheel(tmp_path_factory):
    """This tree's wheel."""
    return environments.hub_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def installed_hub(tmp_path_factory, hub_wheel):
    """An environment with this tree's wheel, as a vendor or a municipality has it."""
    return environments.environment(tmp_path_factory.mktemp("installed") / "env", hub_wheel)
