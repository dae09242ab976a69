"""A process that appends to a log from many tasks at once and writes each acknowledgement to its standard output.

    python -m tests.faults.publisher PATH '{"tasks": 64, "next": {"0": 17}, "synchronous": "FULL"}'

Each task has a key of its own (its number) and publishes one event after the other; `next` says where it goes on,
`fresh` after how many events the indexes are folded in. A
line is written only after the append returned: `<key> <number>`; `unavailable <error>` where the log refused.
"""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from hub.bus import index
from hub.bus.base import LogUnavailable, Stored
from hub.bus.sqlite import SqliteLog
from hub.clock import SystemClock
from hub.runner import ThreadRunner
from schemas import Described
from tests.contracts.log_events import CATALOGUE, event


def numbered(key: str, number: int, size: int) -> Described:
    """The same bytes whenever the same number is published again."""
    data = {"id": f"key-{key}", "people": [], "note": f"{number}:" + "x" * size}
    return event("matter.opened", data, id=f"{key}-{number}")


def number_of(stored: Stored) -> tuple[str, int]:
    key, _, number = stored.id.rpartition("-")
    return key, int(number)


async def publish(path: Path, tasks: int, next: dict[str, int], synchronous: str, size: int, fresh: int) -> None:
    index.FRESH_EVENTS = fresh  # type: ignore[misc]  # final, except for this
    log = await SqliteLog.open(path, catalogue=CATALOGUE, clock=SystemClock(), runner=ThreadRunner())
    if synchronous != "FULL":
        log._db.execute(f"PRAGMA synchronous = {synchronous}")  # the mode that the power cut must catch

    async def task(key: str) -> None:
        number = next.get(key, 0)
        while True:
            try:
                await log.append([numbered(key, number, size)])
            except LogUnavailable as error:
                os.write(1, f"unavailable {error}\n".encode())
                await asyncio.sleep(0.05)
                continue
            os.write(1, f"{key} {number}\n".encode())
            number += 1

    await asyncio.gather(*[task(str(key)) for key in range(tasks)])


def main() -> None:
    options: dict[str, Any] = {"tasks": 64, "next": {}, "synchronous": "FULL", "size": 200, "fresh": index.FRESH_EVENTS}
    options.update(json.loads(sys.argv[2]))
    asyncio.run(publish(Path(sys.argv[1]), **options))


if __name__ == "__main__":
    main()
