"""A small connector with a real far side, and the variations of it that the suites must catch."""

import os
import time
from collections.abc import Iterable
from datetime import time as time_of_day
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, SecretStr

from plugins import Category, Connector, ConnectorConfig, Contract, Effect, Event, TemporaryError, daily
from schemas import EventSpec, Payload, Ref
from schemas.absence import AbsenceChanged, AbsenceReported


class LedgerConfig(ConnectorConfig):
    folder: Path = Field(description="An existing folder.")
    token: SecretStr = Field(SecretStr("none"), description="What the far side knows us by.")
    report_times: tuple[time_of_day, ...] = Field((time_of_day(8, 30),), description="School times of the report.")


class Tally(Payload):
    """How many notifications there are at a kitchen."""

    spec = EventSpec(
        type="test.ledger.tally.v1",
        subject=Ref("kitchen", "kitchen"),
        key=Ref("kitchen", "kitchen"),
        examples=({"kitchen": "K1", "away": 1, "complete": True},),
    )
    kitchen: Annotated[str, Category.NONE]
    away: Annotated[int, Category.AGGREGATE]
    complete: Annotated[bool, Category.NONE] = True


class Ledger(Connector[LedgerConfig]):
    """One file per absence, written whole; a count each morning."""

    name = "ledger"
    config_model = LedgerConfig
    consumes = (AbsenceReported, AbsenceChanged)
    produces = (Tally,)
    contract = Contract("tests", "none", {Category.ATTENDANCE})
    effect = Effect.VERIFIABLE

    async def handle(self, event: Event) -> None:
        name = event.data["id"]
        # What is at the far side says how new it is: after a crash our own state may know less than it does.
        await self.ctx.blocking(write, self.config.folder / name, event.sequence or "", event.data["endTime"])
        async with self.ctx.commit() as tx:
            tx.state[name] = event.data["endTime"]

    @daily(lambda config: config.report_times)
    async def report(self, due: Any, complete: bool) -> None:
        count = len(self.ctx.state)
        await self.ctx.blocking(write, self.config.folder / "count", due.isoformat(), f"{count} {complete}")
        async with self.ctx.commit() as tx:
            tx.publish(Tally, {"kitchen": "K1", "away": count}, complete=complete)

    async def selftest(self) -> None:
        await self.ctx.blocking(reach, self.config.folder)


def reach(folder: Path) -> None:
    """Raise what the far side's switches stand for."""
    for fault, why in (("refuse", "the folder refuses"), ("down", "no folder"), ("wrong", "that is no folder")):
        if (folder / f".{fault}").exists():
            raise TemporaryError("ledger: not written", why=why, code=f"{fault.removesuffix('e')}ed")
    if (folder / ".slow").exists():
        time_out_s = 0.2
        time.sleep(min(float((folder / ".slow").read_text()), time_out_s))
        raise TemporaryError("ledger: not written", why="it took too long", code="slow")


def write(path: Path, version: str, text: str) -> None:
    """Replace a file unless what it holds is as new."""
    reach(path.parent)
    if path.exists() and path.read_text().partition(" ")[0] >= version:
        return
    part = path.with_suffix(".part")
    part.write_text(f"{version} {text}")
    os.replace(part, path)
    with (path.parent / ".journal").open("a") as journal:
        journal.write(f"{path.name} {text}\n")


class FolderPeer:
    """The folder, with a journal of each change in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.folder.mkdir(exist_ok=True)

    def effects(self) -> list[tuple[str, str]]:
        try:
            lines = (self.folder / ".journal").read_text().splitlines()
        except FileNotFoundError:
            return []
        return [(name, text) for name, _, text in (line.partition(" ") for line in lines)]

    def bytes(self) -> bytes:
        return b"\n".join(path.read_bytes() for path in self._files())

    def reset(self) -> None:
        for path in self._files():
            path.unlink()

    def refuse(self, on: bool) -> None:
        if on:
            (self.folder / ".refuse").touch()
        else:
            (self.folder / ".refuse").unlink()

    def down(self, on: bool) -> None:
        self._switch("down", on)

    def wrong(self, on: bool) -> None:
        self._switch("wrong", on)

    def slow(self, seconds: float) -> None:
        self._switch("slow", bool(seconds), str(seconds))

    def _switch(self, name: str, on: bool, text: str = "") -> None:
        if on:
            (self.folder / f".{name}").write_text(text)
        else:
            (self.folder / f".{name}").unlink()

    def _files(self) -> Iterable[Path]:
        return sorted(path for path in self.folder.iterdir() if path.is_file())
