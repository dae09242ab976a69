"""Engines: they hold a hub's log, store and keys. Other rooms, except `hub.bus` and `hub.store`, do not know which."""

from hub.engines.base import BackupFailed, Engine
from hub.engines.embedded import EmbeddedEngine

__all__ = ["BackupFailed", "EmbeddedEngine", "Engine"]
