"""`skolnav run` with connectors that do what none should, and one that is well.

python -m tests.faults.bad_connectors run --config FILE
"""

import asyncio
import time
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from hub.cli import main
from plugins import Category, Connector, ConnectorConfig, Contract, Event
from plugins.manager import Plugins
from schemas.schedule import LessonChanged


class NoSettings(ConnectorConfig):
    """Nothing to set."""


class FileSettings(ConnectorConfig):
    """Where the one that is well writes."""

    path: Path = Field(description="A file; an event's id a line.")


class _Bad(Connector[NoSettings]):
    config_model = NoSettings
    consumes = (LessonChanged,)
    contract = Contract("a test", "none: invented lessons", {Category.NONE})
    timeout_s: ClassVar[float] = 1


class Raises(_Bad):
    """Fails on each event, and quotes it."""

    name = "raises"

    async def handle(self, event: Event) -> None:
        raise ValueError(f"could not take {event.data['activity']}")


class Blocks(_Bad):
    """Blocks its loop."""

    name = "blocks"

    async def handle(self, event: Event) -> None:
        time.sleep(3600)


class NeverReturns(_Bad):
    """Waits for what does not come, until it is cancelled."""

    name = "never-returns"

    async def handle(self, event: Event) -> None:
        await asyncio.Event().wait()


class WillNotBeCancelled(_Bad):
    """Waits on although it was cancelled."""

    name = "will-not-be-cancelled"

    async def handle(self, event: Event) -> None:
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                continue


class Well(Connector[FileSettings]):
    """Writes down what came."""

    name = "well"
    config_model = FileSettings
    consumes = (LessonChanged,)
    contract = Contract("a test", "none: invented lessons", {Category.NONE})

    async def handle(self, event: Event) -> None:
        with self.config.path.open("a") as file:
            file.write(f"{event.id}\n")


if __name__ == "__main__":
    given = Plugins.of(Raises, Blocks, NeverReturns, WillNotBeCancelled, Well)
    Plugins.load = lambda *_, **__: given  # type: ignore[method-assign]
    main()
