"""Engines: they hold a hub's log, store and keys. Beside them only `hub.bus` and `hub.store` know a database."""

from hub.engines.base import BackupFailed, Engine
from hub.engines.embedded import EmbeddedEngine

__all__ = ["BackupFailed", "EmbeddedEngine", "Engine"]
