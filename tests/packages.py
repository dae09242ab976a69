"""Installed packages that do what none should: real distributions in a folder on the path of a process."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

KINDS: Final = {
    "raises": "raise RuntimeError('canary-in-an-error')",
    "exits": "sys.exit('canary-in-an-exit')",
    "hangs": "time.sleep(3600)",
    "ends": "os._exit(3)",
    "holds": "re.match('(a+)+b', 'a' * 64)",  # the interpreter, so that no other thread runs
}
"""What a package may do at one of its entrances: a statement for each kind."""

ENTRANCES: Final = (
    "imports", "hooks", "validators", "warnings", "times", "effect", "constructor", "starts", "waiting",
)  # fmt: skip

_MODULE: Final = '''
import os, re, sys, time
from datetime import time as of_day
from pathlib import Path
from pydantic import Field, field_validator
from plugins import Category, Connector, ConnectorConfig, Contract, Effect, daily, hookimpl
from schemas.schedule import DayClosed

AT = {at!r}

def bad():
    {statement}

def enter(name):
    if name == AT:
        bad()

enter("imports")

class Settings(ConnectorConfig):
    path: Path = Field(Path("/dev/null"), description="A line for each event.")
    level: str = Field("low", validate_default=True)

    @field_validator("level")
    @classmethod
    def _level(cls, value):
        enter("validators")
        return value

    def warnings(self):
        enter("warnings")
        return ()

def times(config):
    enter("times")
    return {times}

class Acme(Connector[Settings]):
    """Writes a line for each event."""

    name = {name!r}
    config_model = Settings
    consumes = (DayClosed,)
    contract = Contract("a test", "none", {{Category.NONE, Category.FREE_TEXT}})

    def __init__(self, config, ctx):
        enter("constructor")
        super().__init__(config, ctx)

    @classmethod
    def effect_with(cls, config):
        enter("effect")
        return Effect.IDEMPOTENT

    async def start(self):
        enter("starts")

    async def waiting(self):
        enter("waiting")
        return ()

    async def confirm(self, word): ...

    async def handle(self, event):
        with self.config.path.open("a") as file:
            file.write(event.id + "\\n")

    @daily(times)
    async def report(self, due, complete): ...

@hookimpl
def skolnav_connectors():
    enter("hooks")
    return [Acme]
'''


@dataclass(frozen=True)
class Site:
    """A folder for `PYTHONPATH`."""

    folder: Path

    def install(
        self, name: str, source: str, *, version: str = "1.0", metadata: str | None = None, points: str | None = None
    ) -> None:
        """Install a distribution whose module, entry point and connector have the same name, or upgrade it."""
        module = name.replace("-", "_")
        for old in self.folder.glob(f"{module}-*.dist-info"):
            for file in old.iterdir():
                file.unlink()
            old.rmdir()
        info = self.folder / f"{module}-{version}.dist-info"
        info.mkdir(parents=True)
        written = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n" if metadata is None else metadata
        (info / "METADATA").write_text(written)
        (info / "entry_points.txt").write_text(points or f"[skolnav.connectors]\n{name} = {module}\n")
        (info / "RECORD").write_text(f"{module}.py,sha256={hash(source)},{len(source)}\n")
        (self.folder / f"{module}.py").write_text(source)


def source(name: str, at: str = "nowhere", statement: str = "pass", times: str = "[of_day(8, 30)]") -> str:
    """A package whose connector is called `name`, and which does `statement` at one of ENTRANCES."""
    return _MODULE.format(name=name, at=at, statement=statement, times=times)
