"""A real hub under publishers, recipients and faults; prints what was found.

    .venv/bin/python -m bench.soak --minutes 10 --folder /some/disk [--seed 1]

Exits 1 at any fault.
"""

import argparse
import asyncio
import random
import sys
from pathlib import Path

from bench.process import folder, machine
from bench.soak.running import Course, soak


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--folder", type=Path, default=Path("build/bench"), help="where the hub's files go")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000), help="of the acts and the events")
    arguments = parser.parse_args()
    print(machine(arguments.folder))
    print(f"seed {arguments.seed}", flush=True)
    with folder(arguments.folder) as place:
        outcome = asyncio.run(
            soak(place, Course(arguments.minutes * 60, arguments.seed), lambda line: print(line, flush=True))
        )
    print(*outcome.lines, sep="\n")
    return 1 if outcome.truth.faults else 0


if __name__ == "__main__":
    sys.exit(main())
