"""Search for pairs of worlds that an observer can tell apart: `python -m tests.silence --pairs 5000 --seed N`.

Prints the smallest history found for each difference, and ends with 1 if there is one.
"""

import argparse
import logging
import sys
from collections.abc import Sequence

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import SearchStrategy

from tests.silence import known
from tests.silence.history import leavers, pairs
from tests.silence.worlds import LEAVING, Pair, differences, in_words


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.silence", description=__doc__)
    parser.add_argument("--pairs", type=int, default=1000, help="how many pairs of each family")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--family", choices=("hidden", "leavers", "both"), default="both")
    parser.add_argument("--all", action="store_true", help="also the times that docs/privacy.md states as left")
    asked = parser.parse_args()
    logging.disable(logging.CRITICAL)  # the hubs' own lines, of dead letters for instance
    families = {
        "hidden": (pairs(), ("what", "when")),
        "leavers": (leavers(), LEAVING),
    }
    failed = 0
    for name, (family, aspects) in families.items():
        if asked.family in (name, "both"):
            found = _search(family, aspects, asked)
            failed |= bool(found)
            print(f"{name}: {found or f'{asked.pairs} pairs, and no difference'}")
    return failed


def _search(family: SearchStrategy[Pair], aspects: Sequence[str], asked: argparse.Namespace) -> str:
    """The smallest pair that differs, in words; empty if none was found."""

    @seed(asked.seed)
    @settings(
        max_examples=asked.pairs, database=None, deadline=None, suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
    )  # fmt: skip
    @given(family)
    def search(pair: Pair) -> None:
        found = differences(pair, aspects)
        if not asked.all:
            found = known.left(pair, found)
        assert not found, in_words(pair, found)

    try:
        search()
    except (AssertionError, ExceptionGroup) as error:
        return str(error)
    return ""


if __name__ == "__main__":
    sys.exit(main())
