"""Engines: they hold a hub's log, store and keys. Beside them only `hub.bus` and `hub.store` know a database."""

from hub.engines.base import BackupFailed, Engine
from hub.engines.embedded import EmbeddedEngine
from hub.engines.embedded_files import LOG, PAIR, STORE, restore

__all__ = ["LOG", "PAIR", "STORE", "BackupFailed", "EmbeddedEngine", "Engine", "restore"]
