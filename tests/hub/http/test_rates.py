"""How often one caller is let in, on a clock that is moved by hand."""

import pytest

from hub.http import rates
from hub.http.rates import Rates, caller_of
from tests.clock import HandClock


def test_a_burst_is_let_in_and_then_so_many_a_second_each() -> None:
    clock = HandClock()
    limits = Rates(clock, per_s=2, burst=3)
    assert [limits.wait_s("a") for _ in range(4)] == [0, 0, 0, 0.5]
    assert limits.wait_s("b") == 0
    clock.move(seconds=0.5)
    assert [limits.wait_s("a") for _ in range(2)] == [0, 0.5]
    clock.move(minutes=1)
    assert [limits.wait_s("a") for _ in range(4)] == [0, 0, 0, 0.5]


def test_who_is_refused_does_not_wait_the_longer() -> None:
    clock = HandClock()
    limits = Rates(clock, per_s=1, burst=1)
    assert [limits.wait_s("a") for _ in range(5)] == [0, 1, 1, 1, 1]


def test_callers_are_forgotten_when_they_are_quiet_and_never_more_than_so_many_kept(monkeypatch) -> None:
    monkeypatch.setattr(rates, "MAX_CALLERS", 3)
    clock = HandClock()
    limits = Rates(clock, per_s=1, burst=2)
    for caller in "abc":
        limits.wait_s(caller)
    clock.move(seconds=5)
    limits.wait_s("d")
    assert set(limits._spent) == {"d"}
    for caller in "efghijkl":
        limits.wait_s(caller)
    assert len(limits._spent) <= 3


@pytest.mark.parametrize(
    ("client", "caller"),
    [
        (("192.0.2.7", 1), "192.0.2.7"),
        (("2001:db8:1:2:3::4", 1), "2001:0db8:0001:0002"),
        (("2001:db8:1:2:ffff::", 2), "2001:0db8:0001:0002"),
        (("", 0), ""),
        (None, ""),
    ],
)
def test_whom_to_count_together(client: tuple[str, int] | None, caller: str) -> None:
    assert caller_of(client) == caller
