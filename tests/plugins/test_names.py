"""Names that people read: nothing invisible, and no twins."""

import unicodedata

import pytest

from plugins.names import is_plain, looks_of, mixes_alphabets


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


@pytest.mark.parametrize("dash", "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2043\u02d7\ufe58\ufe63\uff0d\u30fc\u2500")
def test_a_name_with_another_dash_is_a_twin(dash: str) -> None:
    assert looks_of(f"acme{dash}absence") == "acme-absence"


@pytest.mark.parametrize(
    ("latin", "twin"),
    [
        ("cappa", "\u0441\u0430\u0440\u0440\u0430"),  # Cyrillic
        ("CAPPA", "\u0421\u0410\u0420\u0420\u0410"),
        ("box", "\u03b2\u03bf\u03c7"),  # Greek
        ("NEO", "\u039d\u0395\u039f"),
        ("cëo", "\u0441\u0451\u043e"),  # Cyrillic with a mark, composed
        ("betа-feed", "beta-feed"),
    ],
)
def test_a_name_in_another_alphabet_that_looks_the_same_is_a_twin(latin: str, twin: str) -> None:
    assert looks_of(twin) == looks_of(latin)


@pytest.mark.parametrize("name", ["bet\u0430-feed", "\u03b2eta-feed", "be\u03bf", "\uff41\u0430", "\u0430\u03bf"])
def test_a_name_that_mixes_alphabets_is_known(name: str) -> None:
    assert mixes_alphabets(name)


@pytest.mark.parametrize("name", ["Närvaro åk 4–6", "школа", "σχολείο 7", "日本 K-017 ½ ²", ""])
def test_a_name_in_one_alphabet_mixes_none(name: str) -> None:
    assert not mixes_alphabets(name)


def test_two_unicode_forms_of_one_name_are_twins_and_other_names_are_none() -> None:
    assert looks_of(unicodedata.normalize("NFD", "Kök Å")) == looks_of("kök å")
    assert looks_of("kok") != looks_of("kök")
