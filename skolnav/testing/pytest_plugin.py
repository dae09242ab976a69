"""The kit's part of pytest. Its entry point leads here: a vendor's folder `plugins/` would hide the room's module."""

from plugins.testing.pytest_plugin import pytest_addoption, pytest_configure, pytest_runtest_setup

__all__ = ["pytest_addoption", "pytest_configure", "pytest_runtest_setup"]
