"""`Retry-After` from outside: seconds or a date, and what can't be believed is as if it were absent."""

from datetime import UTC, datetime

import pytest

from plugins.retry_after import believable, read_retry_after

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("120", 120.0),
        ("\t120 ", 120.0),
        ("86400", 86_400.0),
        ("Tue, 24 Nov 2026 08:00:30 GMT", 30.0),
        ("Tue, 24 Nov 2026 08:00:30 -0000", 30.0),
        ("Tuesday, 24-Nov-26 08:00:30 GMT", 30.0),
        ("Tue Nov 24 08:00:30 2026", 30.0),
        ("Wed, 25 Nov 2026 08:00:00 GMT", 86_400.0),
        ("Mon, 23 Nov 2026 08:00:00 GMT", 0.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
    ],
)
def test_a_wish_within_a_day_is_read(value: str, seconds: float) -> None:
    assert read_retry_after(value, NOW) == seconds


@pytest.mark.parametrize("value", ["86401", "9" * 400, "9" * 5000, "Wed, 25 Nov 2026 08:00:01 GMT"])
def test_a_longer_wish_is_as_if_absent(value: str) -> None:
    assert read_retry_after(value, NOW) is None


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "-1",
        "+5",
        "1.5",
        "1e3",
        "0x10",
        "inf",
        "nan",
        "soon",
        "²",
        "١٢",
        "5\n",
        "5, 7",
        "Tue, 99 Nov 2026 08:00:30 GMT",
        "Tue, 24 Nov 99999 00:00:00 GMT",
        "Tue, 24 Nov 2026 08:00:30 +" + "9" * 30,
        "Mon, 01 Jan 0001 00:00:00 +2359",
    ],
)
def test_what_is_no_wish_is_as_if_absent(value: str | None) -> None:
    assert not read_retry_after(value, NOW)


@pytest.mark.parametrize("seconds", [None, -0.1, 86_400.1, float("inf"), float("nan")])
def test_a_connectors_own_wish_has_the_same_bounds(seconds: float | None) -> None:
    assert believable(seconds) is None
