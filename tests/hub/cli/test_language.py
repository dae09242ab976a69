"""The language of the command line: the user's, or the one that `--language` names."""

import pytest

from hub.cli import language


@pytest.mark.parametrize(
    ("arguments", "left", "chosen"),
    [
        (["check"], ["check"], "sv"),
        (["check", "--language", "en", "--json"], ["check", "--json"], "en"),
        (["--language=en", "check"], ["check"], "en"),
        (["why", "--", "--language", "en"], ["why", "--", "--language", "en"], "sv"),
    ],
)
def test_the_language_is_taken_from_anywhere_on_the_line(arguments: list[str], left: list[str], chosen: str) -> None:
    assert language.choose(arguments, {"LANG": "sv_SE.UTF-8"}) == left
    assert language.language() == chosen


def test_another_language_is_refused() -> None:
    with pytest.raises(language.UnknownLanguage):
        language.choose(["--language", "fi"], {})
