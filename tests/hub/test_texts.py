import string

import pytest

from hub import texts


def placeholders(of: str) -> set[str | None]:
    return {name for _, name, _, _ in string.Formatter().parse(of) if name is not None}


@pytest.mark.parametrize("key", texts.TEXTS)
def test_each_text_is_there_in_both_languages_with_the_same_placeholders(key: str) -> None:
    text = texts.TEXTS[key]
    assert text.sv.strip()
    assert text.en.strip()
    assert placeholders(text.sv) == placeholders(text.en)


def test_sections_are_sorted_and_no_key_stands_twice() -> None:
    for section in texts.SECTIONS:
        assert list(section) == sorted(section)
    assert sum(len(section) for section in texts.SECTIONS) == len(texts.TEXTS)


def test_a_text_is_filled_in() -> None:
    assert texts.text("config.unset", "sv", name="X_TOKEN") == "miljövariabeln X_TOKEN är inte satt, eller tom."
    assert "X_TOKEN is not set" in texts.text("config.unset", "en", name="X_TOKEN")


@pytest.mark.parametrize(
    ("environ", "language"),
    [
        ({}, "sv"),
        ({"SKOLNAV_LANG": "en", "LANG": "sv_SE.UTF-8"}, "en"),
        ({"LANG": "sv_SE.UTF-8"}, "sv"),
        ({"LANG": "en_GB.UTF-8"}, "en"),
        ({"LC_ALL": "C", "LANG": "de_DE"}, "en"),
        ({"LANG": "C.UTF-8"}, "sv"),
        ({"LC_ALL": "en_US.UTF-8", "LANG": "sv_SE"}, "en"),
    ],
)
def test_the_language_is_the_users(environ: dict[str, str], language: str) -> None:
    assert texts.language_of(environ) == language
