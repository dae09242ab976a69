"""An empty store with its schema, made once for all hubs of a process: its migrations take a fifth of a short test."""

import asyncio
import os
import tempfile
import threading
from pathlib import Path
from typing import Final

from hub.runner import ThreadRunner
from hub.store.sql import SqlStore

_LOCK: Final = threading.Lock()
_made: bytes | None = None


def write_empty_store(path: Path) -> None:
    """Write the file of a store that no hub has used. Not from a thread with a running event loop."""
    global _made
    with _LOCK:
        if _made is None:
            _made = asyncio.run(_make())
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(_made)


async def _make() -> bytes:
    with tempfile.TemporaryDirectory(prefix="skolnav-test-") as folder:
        path = Path(folder) / "store.db"
        runner = ThreadRunner()
        try:
            store = await SqlStore.open(path, tenant="none", runner=runner)
            await store.close()
        finally:
            runner.close()
        return path.read_bytes()
