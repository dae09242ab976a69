"""A name that will go works for two minor versions, and says what replaces it."""

import sys
import types

import pytest

from plugins.deprecation import Deprecated, deprecated


@pytest.fixture
def module(monkeypatch):
    made = types.ModuleType("acme_sdk")
    made.__getattr__ = deprecated("acme_sdk", {"Old": Deprecated(value=dict, since="1.1", use="acme_sdk.New")})
    monkeypatch.setitem(sys.modules, "acme_sdk", made)
    return made


def test_a_deprecated_name_works_and_says_what_replaces_it_at_the_line_that_uses_it(module):
    with pytest.warns(
        DeprecationWarning, match="acme_sdk.Old is deprecated since version 1.1 .* use acme_sdk.New"
    ) as told:
        assert module.Old is dict
    assert told[0].filename == __file__


def test_an_import_of_it_warns_too(module):
    with pytest.warns(DeprecationWarning, match="acme_sdk.Old"):
        from acme_sdk import Old  # noqa: F401


def test_what_is_not_there_is_an_attribute_error(module):
    with pytest.raises(AttributeError, match="'acme_sdk' has no attribute 'Gone'"):
        module.Gone  # noqa: B018
    assert not hasattr(module, "Gone")


def test_it_may_go_after_two_minor_versions():
    old = Deprecated(value=dict, since="1.3", use="x")
    assert [old.may_go(minor) for minor in (3, 4, 5, 6)] == [False, False, True, True]
