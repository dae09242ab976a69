"""The caller's language: weights, ranges and wildcards of `Accept-Language`."""

import pytest

from hub.http.languages import preferred


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("sv", "sv"),
        ("sv-SE", "sv"),
        ("SV-se", "sv"),
        ("sv-Latn-SE", "sv"),
        ("en", "en"),
        ("de", "en"),
        ("en, sv;q=0.9", "en"),
        ("sv;q=0.5, en;q=0.9", "en"),
        ("en;q=0.5, sv;q=0.9", "sv"),
        ("en;q=0.5,sv", "sv"),
        ("nb, sv;q=0.8, en;q=0.5", "sv"),
        ("sv, en", "sv"),
        ("en, sv", "en"),
        ("sv;q=0, en", "en"),
        ("sv;q=0", "en"),
        ("sv;q=0, *", "en"),
        ("en;q=0, *", "sv"),
        ("*", "en"),
        ("*, sv;q=0.5", "en"),
        ("*;q=0.1, sv;q=0.5", "sv"),
        ("de, *;q=0.5", "en"),
        ("sv-SE ; q = 0.8 , en ; q = 0.4", "sv"),
        ("sv-SE;q=0.2, sv;q=0.9, en;q=0.5", "sv"),
        ("svenska-i-skolan", "en"),
        ("sve", "en"),
        ("sv;q=2, en;q=0.1", "en"),
        ("sv;q=abc, en", "en"),
        (", ,sv", "sv"),
        ("x," * 10_000 + "sv", "en"),
    ],
)
def test_the_language_with_the_highest_weight_is_chosen(header, language):
    assert preferred(header) == language
