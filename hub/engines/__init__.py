"""Engines: where a hub's log, store and keys are. Nothing outside this room, `hub.bus` and `hub.store` knows which."""

from hub.engines.base import BackupFailed, Engine
from hub.engines.embedded import EmbeddedEngine

__all__ = ["BackupFailed", "EmbeddedEngine", "Engine"]
