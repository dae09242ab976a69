"""Search for pairs of worlds that an observer can tell apart: `python -m tests.silence --pairs 5000 --seed N`.

Prints the smallest history found for each difference, and ends with 1 if there is one.
"""

import argparse
import logging
import sys

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.silence import known
from tests.silence.history import leavers, pairs
from tests.silence.worlds import Pair, differences, in_words


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.silence", description=__doc__)
    parser.add_argument("--pairs", type=int, default=1000, help="how many pairs of each family")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--family", choices=("hidden", "leavers", "both"), default="both")
    parser.add_argument("--all", action="store_true", help="also what is known to show (tests/silence/known.py)")
    asked = parser.parse_args()
    logging.disable(logging.CRITICAL)  # the hubs' own lines, of dead letters for instance
    steps, acts = known.QUIET_STEPS, known.QUIET_ACTS
    families = {
        "hidden": pairs() if asked.all else pairs(hidden=steps, inside=steps, acts=acts),
        "leavers": leavers() if asked.all else leavers(acts=acts),
    }
    failed = 0
    for name, family in families.items():
        if asked.family not in (name, "both") or (name == "leavers" and "leave" in known.STEPS and not asked.all):
            continue

        @seed(asked.seed)
        @settings(
            max_examples=asked.pairs, database=None, deadline=None, suppress_health_check=list(HealthCheck),
            phases=(Phase.generate, Phase.shrink),
        )  # fmt: skip
        @given(family)
        def search(pair: Pair) -> None:
            found = differences(pair) if asked.all else known.left(differences(pair))
            assert not found, in_words(pair, found)

        try:
            search()
        except (AssertionError, ExceptionGroup) as error:
            failed = 1
            print(f"{name}: {error}")
        else:
            print(f"{name}: {asked.pairs} pairs, and no difference")
    return failed


if __name__ == "__main__":
    sys.exit(main())
