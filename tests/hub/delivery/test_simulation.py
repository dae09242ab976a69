"""Randomised crashes, failing recipients and changing marks, judged by an independent model.

What it proves: docs/architecture.md, The order of commits.

`SKOLNAV_SEEDS` says how many worlds (100), `SKOLNAV_SEED` runs a single one.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from hub.bus.base import Stored
from hub.delivery.follower import Follower
from hub.privacy.gate import PrivacyGate
from hub.store import cursors
from hub.store.base import Operation
from tests.hub.delivery.world import TENANT, World, simulate

ONE = os.environ.get("SKOLNAV_SEED")
SEEDS: Sequence[int] = [int(ONE)] if ONE else range(int(os.environ.get("SKOLNAV_SEEDS", "100")))
CHUNK = 20


def lived(seed: int, folder: Path) -> World:
    folder = folder / str(seed)
    folder.mkdir()
    return simulate(seed, folder)


@pytest.mark.parametrize("seeds", [SEEDS[n : n + CHUNK] for n in range(0, len(SEEDS), CHUNK)], ids=str)
def test_promises_hold_through_crashes_and_faults(seeds: Sequence[int], tmp_path: Path) -> None:
    """Promises 1, 2, 3, 4 and 6."""
    crashes = arrivals = 0
    for seed in seeds:
        world = lived(seed, tmp_path)
        assert not world.violations, f"seed {seed}: {sorted(set(world.violations))}"
        crashes += world.crashes
        arrivals += sum(len(far.arrivals) for far in world.far.values())
    assert ONE or (crashes > len(seeds) and arrivals > 100 * len(seeds)), "too little happened to prove anything"


class TestTheModelSeesWhatIsBroken:
    """A judge that passes everybody proves nothing: each of these hubs breaks a promise, and is caught."""

    def caught(self, promise: str, folder: Path) -> bool:
        return any(any(promise in each for each in lived(seed, folder).violations) for seed in range(60))

    def test_bytes_that_leave_on_an_old_decision(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """Promise 4."""
        monkeypatch.setattr(PrivacyGate, "check", lambda self, decision: None)
        assert self.caught("mark is not Ingen", tmp_path)

    def test_a_cursor_that_forgets_what_is_open(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """Promise 2."""

        def cursor(self: Follower) -> Operation:
            row = cursors.Cursor(
                subscription=self.subscription.id,
                lane=self.lane,
                position=self._reader.pack(),
                open=(),
                accepted_us=self.standing.read_us,
            )
            return cursors.save(TENANT, row)

        monkeypatch.setattr(Follower, "_cursor", cursor)
        assert self.caught("promise 2", tmp_path)

    def test_a_follower_that_keeps_no_order_within_a_key(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """Promise 2."""

        def key(self: Follower, stored: Stored) -> bytes:
            return stored.at.to_bytes(12, "big")

        monkeypatch.setattr(Follower, "_key", key)
        assert self.caught("out of order", tmp_path)

    def test_an_outcome_that_is_committed_apart_from_its_cursor(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """Promise 6."""
        settle = Follower._settle

        def apart(self: Follower, item: object, outcome: object) -> None:
            operations, outcome.operations = outcome.operations, ()  # type: ignore[attr-defined]
            if operations:
                self._parts.store.commit(*operations)
            settle(self, item, outcome)  # type: ignore[arg-type]

        monkeypatch.setattr(Follower, "_settle", apart)
        assert self.caught("promise 6", tmp_path)
