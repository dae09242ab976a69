"""The differences between engines: where log, store and keys are, how to back them up, and what they survive.

Everything else about a running hub is the same on each engine (`hub.assembly`). An engine belongs to one municipality;
it is opened and closed once.
"""

from pathlib import Path
from typing import Protocol

from hub.bus.base import Log, Position
from hub.keys import Keys
from hub.store.base import Store
from hub.texts import Text


class BackupFailed(Exception):
    """There is no usable backup. `says` has a file's name, and the class of the database's or the system's error."""

    def __init__(self, says: Text) -> None:
        super().__init__(says.en)
        self.says = says


class Engine(Protocol):
    """The parts of a hub that an engine provides. They are open as long as the engine is."""

    @property
    def log(self) -> Log: ...

    @property
    def store(self) -> Store: ...

    @property
    def keys(self) -> Keys: ...

    @property
    def durability(self) -> str:
        """How durable an acknowledged event is (promise 1), in a few English words for `/readyz`."""

    @property
    def restored(self) -> Position | None:
        """How far the log reached when the data was last restored from a backup; None: it never was."""

    async def keep_keys(self) -> None:
        """Store which keys the data belongs to. Call it after the keys have opened the sealed parts of the store.

        Raises StoreUnavailable.
        """

    async def back_up(self, folder: Path) -> int:
        """Copy the data into `folder` while the hub runs, and return the number of bytes. Creates the folder if needed.

        Raises FileExistsError (the folder has a backup already), BackupFailed, OSError.
        """

    async def close(self) -> None:
        """Commit the writes under way, then release everything that `open` acquired. Call it last."""
