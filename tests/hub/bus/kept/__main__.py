"""Write a file of today's format: `python -m tests.hub.bus.kept`."""

import asyncio
import gzip
import tempfile
from pathlib import Path

import apsw

from hub.bus.base import corrects_all
from hub.bus.migrations import FORMAT
from hub.bus.sqlite import SqliteLog
from hub.runner import ThreadRunner
from tests.clock import HandClock
from tests.contracts.log_events import CATALOGUE
from tests.hub.bus.kept import FOLDER, corrected, folded, unfolded


async def write(path: Path, clock: HandClock) -> None:
    runner = ThreadRunner()
    made = path.with_name("log.db")
    async with await SqliteLog.open(made, catalogue=CATALOGUE, clock=clock, runner=runner) as log:
        await log.append(folded())
        await log.append([corrected()], corrects_all)
    async with await SqliteLog.open(made, catalogue=CATALOGUE, clock=clock, runner=runner) as log:
        await log.append(unfolded())
        reading, copy = apsw.Connection(str(made)), apsw.Connection(str(path))
        with copy.backup("main", reading, "main") as copying:
            copying.step(-1)
        copy.close()
        reading.close()
    runner.close()


with tempfile.TemporaryDirectory() as folder:
    asyncio.run(write(Path(folder) / "copy.db", HandClock()))
    content = gzip.compress((Path(folder) / "copy.db").read_bytes(), mtime=0)
    with (FOLDER / f"format-{FORMAT}.db.gz").open("xb") as kept:
        kept.write(content)
