"""Promise 5: nothing that a recipient gets tells that something was withheld."""

from collections.abc import Sequence
from typing import Any

import pytest

from hub.privacy.base import PayloadLevel
from tests.hub.privacy.house import House
from tests.hub.privacy.worlds import PAIRS, RECIPIENTS, Pair, Said, visible


def play(events: Sequence[Said], level: PayloadLevel, restarted: bool) -> dict[str, list[Any]]:
    """What each recipient gets, decided as events come (or when all are known, as after a restart or in a replay)."""
    house = House()
    house.tree()
    got: dict[str, list[Any]] = {to.name: [] for to in RECIPIENTS}
    told = []
    for said in events:
        stored = house.say(said.type, said.data, said.source, id=said.id)
        told.append(stored)
        if not restarted:
            _deliver(house, [stored], level, got)
    if restarted:
        _deliver(house, told, level, got)
    return got


def _deliver(house: House, events: Sequence[Any], level: PayloadLevel, got: dict[str, list[Any]]) -> None:
    for to in RECIPIENTS:
        at_level = type(to)(to.name, to.contracts, level)
        for stored in events:
            body = house.bytes_for(stored, at_level)
            if body is not None:
                got[to.name].append(visible(body))


@pytest.mark.parametrize("restarted", [False, True], ids=["as they come", "all at once"])
@pytest.mark.parametrize("level", list(PayloadLevel))
@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_worlds_that_differ_only_in_what_is_withheld_look_the_same(
    pair: Pair, level: PayloadLevel, restarted: bool
) -> None:
    """Promise 5."""
    assert play(pair.told, level, restarted) == play(pair.never, level, restarted)


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_the_bytes_are_the_same_too(pair: Pair) -> None:
    """Promise 5: neither the order of fields nor the way they are written differs."""

    def raw(events: Sequence[Said]) -> list[bytes]:
        house = House()
        house.tree()
        found = []
        for said in events:
            stored = house.say(said.type, said.data, said.source, id=said.id)
            for to in RECIPIENTS:
                body = house.bytes_for(stored, to)
                if body is not None:
                    found.append(body.replace(stored.parsed["sequence"].encode(), b"-"))
        return found

    assert raw(pair.told) == raw(pair.never)


def test_somebody_gets_something_in_every_world() -> None:
    """Else the tests above would hold for a gate that is shut."""
    for pair in PAIRS:
        got = play(pair.told, PayloadLevel.FULL, False)
        assert got["client/all"]
        assert got["client/school"]
