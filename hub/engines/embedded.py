"""The embedded engine: two SQLite files in the data folder and no service to start."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final, Self

from hub.bus.base import Position
from hub.bus.sqlite import SqliteLog
from hub.clock import Clock
from hub.config import HubConfig
from hub.engines import embedded_files, root_key
from hub.keys import Keys
from hub.privacy.parts import Parts
from hub.runner import Runner, ThreadRunner
from hub.store import notes
from hub.store.sql import SqlStore
from schemas import Catalogue

RING_BYTES: Final = 32 << 20  # memory for the newest events, which all followers near the head share


class EmbeddedEngine:
    """Implements `hub.engines.base.Engine`. Make it with `open`."""

    durability = "fsync before the answer"

    def __init__(
        self, *, data: Path, log: SqliteLog, store: SqlStore, keys: Keys, restored: Position | None,
        cleanup: AsyncExitStack,
    ) -> None:  # fmt: skip
        self.restored = restored
        self.log = log
        self.store = store
        self.keys = keys
        self._data = data
        self._cleanup = cleanup

    @classmethod
    async def open(cls, config: HubConfig, *, catalogue: Catalogue, clock: Clock) -> Self:
        """Open the files in `config.data`, creating those that do not exist.

        Raises LogLocked (another hub runs on these files), LogUnavailable, StoreUnavailable, ConfigurationError
        (`wrong-key`, `key-missing`, or files of another version).
        """
        config.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        async with AsyncExitStack() as cleanup:
            # The log first: its lock keeps a second hub off both files.
            log = await SqliteLog.open(
                config.data / "log.db",
                catalogue=catalogue,
                clock=clock,
                runner=_runner(cleanup),
                ring_bytes=RING_BYTES,
                dedupe_window=config.dedupe_window,
                compare=Parts(catalogue),
            )
            cleanup.push_async_callback(log.close)
            store = await SqlStore.open(config.data / "store.db", tenant=config.tenant, runner=_runner(cleanup))
            cleanup.push_async_callback(store.close)
            keys = await root_key.open_keys(config, store)
            restored = await _restored(config.data, log, store, clock)
            return cls(data=config.data, log=log, store=store, keys=keys, restored=restored, cleanup=cleanup.pop_all())

    async def keep_keys(self) -> None:
        await root_key.remember(self.keys, self.store)

    async def back_up(self, folder: Path) -> int:
        return await asyncio.to_thread(embedded_files.back_up, self._data, folder)

    async def close(self) -> None:
        await self._cleanup.aclose()


async def _restored(data: Path, log: SqliteLog, store: SqlStore, clock: Clock) -> Position | None:
    """How far the log reached when a backup was restored: noted by the first start after `embedded_files.restore`."""
    mark = data / embedded_files.RESTORED
    if mark.exists():
        head = log.head()
        await store.commit(notes.put(store.tenant, notes.RESTORED, clock.utc(), head.pack().hex()))
        mark.unlink()
        return head
    noted = (await store.read(notes.load(store.tenant))).get(notes.RESTORED)
    return None if noted is None else Position.unpack(bytes.fromhex(noted.value))


def _runner(cleanup: AsyncExitStack) -> Runner:
    runner = ThreadRunner()
    cleanup.callback(runner.close)
    return runner
