import pytest

from tests.skolnav.environments import environment, hub_wheel


@pytest.fixture(scope="session")
def installed_hub(tmp_path_factory):
    """An environment with this tree's wheel, as a vendor or a municipality has it."""
    folder = tmp_path_factory.mktemp("installed")
    return environment(folder / "env", hub_wheel(folder))
