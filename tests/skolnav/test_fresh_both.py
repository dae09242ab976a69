"""A fresh package of this kind, in a file of its own: the workers of a test run share the kinds."""

from tests.skolnav.fresh import green


def test_a_fresh_package_installs_is_clean_and_passes_its_tests(hub_wheel, tmp_path):
    green("both", hub_wheel, tmp_path)
