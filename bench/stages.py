"""What an event of a batch costs the hub's processor, stage by stage: absences of 1 KiB in batches of 500.

    python -m bench.stages [--folder /some/disk] [--rounds 20]

In one process and one thread, on `thread_time`, the median of the rounds: other work on the machine disturbs that less
than it disturbs a rate. A hub pays somewhat more, since HTTP, its threads and its memory come between (`bench.run
ingest` reports that as processor time for each event).
"""

import argparse
import gc
import statistics
import time
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, TypeVar

from bench import events
from bench.process import folder, machine
from hub.bus import rows
from hub.bus.codec import Clear
from hub.bus.sqlite import _Opened
from hub.bus.writer import Append
from hub.clock import SystemClock
from schemas import Described, Event, core_catalogue
from schemas.event import _parse

T = TypeVar("T")
R = TypeVar("R")

BATCH: Final = 500
IN_FLIGHT: Final = 4
BATCHES: Final = 16


class Stages:
    """The time that each stage took for an event in each round, in microseconds."""

    def __init__(self) -> None:
        self._took_us: dict[str, list[float]] = {}

    def take(self, name: str, function: Callable[[T], R], items: Iterable[T]) -> list[R]:
        began = time.thread_time()
        made = [function(item) for item in items]
        took_us = (time.thread_time() - began) * 1e6 / (BATCH * BATCHES)
        self._took_us.setdefault(name, []).append(took_us)
        return made

    def medians(self) -> dict[str, float]:
        return {name: statistics.median(took) for name, took in self._took_us.items()}


def measure(place: Path, rounds: int) -> Stages:
    stages, make, catalogue = Stages(), events.absences(), core_catalogue()
    opened = _Opened(
        place / "log.db", partitions=1, clock=SystemClock(), codec=Clear(), dedupe_window=timedelta(days=30)
    )
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)  # as the hub's own (hub/cli/run.py)

    def read(value: Any) -> Event:
        return Event.from_dict(value, "[0].")

    def describe(event: Event) -> Described:
        return catalogue.describe(event, "[0].")

    def prepare(described: Described) -> rows.Prepared:
        return rows.prepare(described, opened.names, 1)

    for _ in range(rounds):
        bodies = [events.batch(make, BATCH) for _ in range(BATCHES)]
        values = [value for body in stages.take("JSON", _parse, bodies) for value in body]
        described = stages.take("catalogue", describe, stages.take("envelope", read, values))
        prepared = stages.take("serialising, digests", prepare, described)
        appends = [Append(prepared[n : n + BATCH]) for n in range(0, len(prepared), BATCH)]
        groups = [appends[n : n + IN_FLIGHT] for n in range(0, len(appends), IN_FLIGHT)]
        stages.take("writer", opened.writer.commit, groups)
    opened.db.close()
    return stages


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("build/bench"), help="where the log goes")
    parser.add_argument("--rounds", type=int, default=20)
    arguments = parser.parse_args()
    print(machine(arguments.folder))
    with folder(arguments.folder) as place:
        medians = measure(place, arguments.rounds).medians()
    for name, us in medians.items():
        print(f"  {name:<24}{us:6.2f} us an event")
    print(f"  {'all':<24}{sum(medians.values()):6.2f}")


if __name__ == "__main__":
    main()
