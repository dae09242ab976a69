"""Two versions of the hub in turn, in one run: what a change costs, whatever the machine does today.

    git worktree add /tmp/before REVISION && make -C /tmp/before install
    .venv/bin/python -m bench.pairs /tmp/before --rounds 3 ingest fanout catchup

Each round runs every scenario of `bench.run` in the other tree and in this one, and the order alternates from round to
round. The median of each figure is printed for both, with the ratio. An absolute figure of one day promises nothing;
the ratio of a pair does.
"""

import argparse
import re
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

# `bench.run.report` writes: two blanks, what was measured in 58 columns, the figure, its unit.
_LINE: Final = re.compile(r"  (?P<what>.{58}) +(?P<figure>[\d,.]+) (?P<unit>\S*)")
# In these units more is better; in all others (ms, us, MiB, s) less is.
_RATES: Final = ("/s",)

Figures = dict[tuple[str, str], list[float]]
"""(what was measured, unit) -> one value a round."""


def measured(tree: Path, scenarios: Sequence[str], more: Sequence[str]) -> Figures:
    """Run `bench.run` of a tree with that tree's own environment. Raises CalledProcessError."""
    command = [str(tree / ".venv" / "bin" / "python"), "-m", "bench.run", *scenarios, *more]
    printed = subprocess.run(command, cwd=tree, check=True, stdout=subprocess.PIPE, text=True).stdout
    figures: Figures = {}
    last = ""
    for line in printed.splitlines():
        if (found := _LINE.match(line)) is None:
            continue
        what = found["what"].rstrip()
        # An indented line belongs to the one above it, and the same words come under several.
        last = what if not what.startswith(" ") else last
        name = what if what == last else f"{last}: {what.strip()}"
        figures.setdefault((name, found["unit"]), []).append(float(found["figure"].replace(",", "")))
    return figures


def compare(before: Mapping[tuple[str, str], list[float]], after: Mapping[tuple[str, str], list[float]]) -> None:
    """Print the medians and how the second stands to the first; above 1 is better in every row."""
    print(f"{'':<78} {'before':>12} {'after':>12} {'better by':>10}")
    for (what, unit), values in before.items():
        if "JetStream" in what or (what, unit) not in after:
            continue
        old, new = statistics.median(values), statistics.median(after[what, unit])
        ratio = 1.0 if not old or not new else new / old if unit.endswith(_RATES) else old / new
        print(f"{f'{what} [{unit}]':<78} {old:>12,.2f} {new:>12,.2f} {ratio:>10.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path, help="a tree of the version to compare with, installed")
    parser.add_argument("scenario", nargs="*", help="of bench.run; left out: all")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--events", type=int, default=200_000, help="of catchup, memory and disk")
    parser.add_argument("--folder", type=Path, default=Path("build/bench"), help="where the hubs' files go")
    arguments = parser.parse_intermixed_args()
    more = ["--events", str(arguments.events), "--folder", str(arguments.folder.absolute())]
    trees = {"before": arguments.before.absolute(), "after": Path(__file__).resolve().parents[1]}
    found: dict[str, Figures] = {"before": {}, "after": {}}
    for number in range(arguments.rounds):
        for name in sorted(trees, reverse=number % 2 == 0):
            print(f"round {number + 1}: {name}", file=sys.stderr, flush=True)
            for key, values in measured(trees[name], arguments.scenario, more).items():
                found[name].setdefault(key, []).extend(values)
    compare(found["before"], found["after"])


if __name__ == "__main__":
    main()
