"""`last/` has the wheel of the example as it was built for the first release of this major version of the SDK.

It runs against the present hub: what vendors have installed goes on working. The suites that call each part of a
connector are enough for that; `test_examples.py` runs them all. In a file of its own, so that another worker can run
it.
"""

import shutil
from typing import Final

import pytest

from tests.skolnav.environments import LAST, REPOSITORY, environment, passes

SUITES: Final = "TestConfiguration or TestEffect or TestHistory or TestPull or TestSelftest"


@pytest.mark.parametrize("last", LAST, ids=lambda path: path.name)
def test_the_last_wheel_of_an_example_runs_against_this_hub(last, hub_wheel, tmp_path):
    name = last.name.split("-")[0].replace("_", "-")
    example = shutil.copytree(REPOSITORY / "examples" / name, tmp_path / name)
    shutil.rmtree(example / name.replace("-", "_"))
    passes(environment(tmp_path / "env", hub_wheel, last), example, "-k", SUITES)
