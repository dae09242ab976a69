"""What differs between engines: where the log, the store and the keys are, how they are backed up, what survives.

Everything else about a running hub is the same on each engine (`hub.assembly`). An engine is opened for one
municipality and closed once.
"""

from pathlib import Path
from typing import Protocol

from hub.bus.base import Log
from hub.keys import Keys
from hub.store.base import Store


class BackupFailed(Exception):
    """No usable backup was written. The text says why: a path and the database's or the system's word."""


class Engine(Protocol):
    """The parts of a hub that an engine provides, open from the moment that the engine is."""

    @property
    def log(self) -> Log: ...

    @property
    def store(self) -> Store: ...

    @property
    def keys(self) -> Keys: ...

    @property
    def durability(self) -> str:
        """What an acknowledged event survives (promise 1), in a few English words for `/readyz`."""

    async def keep_keys(self) -> None:
        """Remember which keys this data belongs to. Called once they have opened what the store has sealed.

        Raises StoreUnavailable.
        """

    async def back_up(self, folder: Path) -> int:
        """Copy the data, while the hub runs, into `folder`, which is made if there is none; returns the bytes.

        Raises FileExistsError (a backup is there), BackupFailed, OSError.
        """

    async def close(self) -> None:
        """Save what is under way and let go of all that `open` took. Called last."""
