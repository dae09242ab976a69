"""Play a school year by hand: `python -m tests.end_to_end.school_year --full`."""

import argparse
import asyncio
import gc
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

from tests.end_to_end.school_year.calendar import END
from tests.end_to_end.school_year.play import EVENTFUL, FULL, SMALL, Size, play


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.end_to_end.school_year", description=__doc__)
    parser.add_argument("--full", action="store_true", help="40 kitchens, 30 schools, 12,000 pupils")
    parser.add_argument("--size", help="kitchens,schools,pupils")
    parser.add_argument("--seed", type=int, default=10)
    parser.add_argument("--last", type=date.fromisoformat, default=END, help="the last day to play")
    parser.add_argument("--eventful", action="store_true", help="only the days that differ from others")
    parser.add_argument("--quiet", action="store_true", help="no line for each day")
    options = parser.parse_args()
    size = Size(*map(int, options.size.split(","))) if options.size else FULL if options.full else SMALL
    gc.set_threshold(50_000, 20, 50)  # as `skolnav run` does
    began = time.monotonic()

    def say(text: str) -> None:
        if not options.quiet:
            print(text, flush=True)

    with tempfile.TemporaryDirectory(prefix="school-year-") as folder:
        found = asyncio.run(
            play(
                size, Path(folder), seed=options.seed, last=options.last, say=say,
                only=EVENTFUL if options.eventful else None,
            )
        )  # fmt: skip
    for fault in found.faults if options.quiet else ():
        print("FAULT", fault)
    print(f"{found.orders} orders came, {found.incomplete} rows incomplete; {found.checks} rows judged")
    print(f"confirmed by the operator: {found.confirmed}")
    print(f"problems: {dict(found.problems)}")
    print(f"{time.monotonic() - began:.0f} s in all; of them {dict(found.spent_s)}")
    return 1 if found.faults else 0


if __name__ == "__main__":
    sys.exit(main())
