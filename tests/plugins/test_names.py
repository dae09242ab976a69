"""Names that people read: nothing invisible, and no twins."""

import unicodedata

import pytest

from plugins.names import is_plain, looks_of


@pytest.mark.parametrize("name", ["acme", "Närvaro åk 4–6", "K-017", "😀", unicodedata.normalize("NFD", "kök"), "日本"])
def test_a_name_may_have_anything_that_is_seen(name: str) -> None:
    assert is_plain(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "\u00a0\u2003",
        "\u3164",
        "\u2800\ufe0f",
        "a\nb",
        "a\rb",
        "a\tb",
        "a\x00b",
        "a\x1b[2Jb",
        "a\x7fb",
        "a\x9b2Jb",
        "a\u2028b",
        "a\u2029b",
        "a\u202eb",
        "a\u2066b",
        "a\u200fb",
        "a\u061cb",
        "a\u200bb",
        "a\u00adb",
        "\ufeffa",
        "a\ud800b",
        "a\ue000b",
        "a\U000e0041b",
        "a\uffffb",
    ],
)
def test_a_name_has_nothing_that_is_not_seen(name: str) -> None:
    assert not is_plain(name)


@pytest.mark.parametrize(
    "twin",
    ["Acme-Absence", "ＡＣＭＥ-absence", " acme-absence ", "acme-ab\ufe0fsence", "acme-abſence", "\u3164acme-absence"],
)
def test_names_that_look_alike_are_twins(twin: str) -> None:
    assert looks_of(twin) == "acme-absence"


def test_two_unicode_forms_of_one_name_are_twins_and_other_names_are_none() -> None:
    assert looks_of(unicodedata.normalize("NFD", "Kök Å")) == looks_of("kök å")
    assert looks_of("kok") != looks_of("kök")
