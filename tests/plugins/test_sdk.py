from importlib.metadata import EntryPoint

import pytest

from plugins import sdk


class Distribution:
    name, version = "acme", "1.0"

    def __init__(self, *versions):
        self.entry_points = [EntryPoint(each, "acme", "skolnav.sdk") for each in versions]


def point(*versions):
    made = EntryPoint("acme-kitchen", "acme_package_that_is_not_there", "skolnav.connectors")
    vars(made)["dist"] = Distribution(*versions)
    return made


@pytest.fixture(autouse=True)
def version(monkeypatch):
    monkeypatch.setattr(sdk, "MAJOR", 1)
    monkeypatch.setattr(sdk, "MINOR", 3)


@pytest.mark.parametrize("versions", [(), ("1",), ("1.0",), ("1.3",), ("1", "2"), ("2", "1.3")])
def test_a_package_for_this_version_or_an_earlier_minor_one_is_used(versions):
    assert sdk.refusal(point(*versions)) is None


@pytest.mark.parametrize("versions", [("2",), ("1.4",), ("2.0", "3"), ("10",)])
def test_a_package_for_another_version_is_refused_in_both_languages(versions):
    says = sdk.refusal(point(*versions))
    for text in says:
        assert ", ".join(sorted(versions)) in text
        assert "1.3" in text
    assert "it is written for version" in says.en
    assert "paketet är skrivet för version" in says.sv


@pytest.mark.parametrize("name", ["one", "v1", "0", "1.2.3", "01", "1.", "99999"])
def test_a_declaration_that_is_no_version_says_what_to_write(name):
    says = sdk.refusal(point(name))
    assert name in says.sv
    assert "1 or 1.3" in says.en


def test_a_package_without_a_declaration_was_written_for_version_1(monkeypatch):
    monkeypatch.setattr(sdk, "MAJOR", 2)
    assert "version 1 " in sdk.refusal(point()).en
