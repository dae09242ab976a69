"""The one configuration file: it is read and checked as a whole, and holds secrets by reference only."""

from hub.config.findings import ConfigErrors, Finding
from hub.config.load import load, parse, slug
from hub.config.model import (
    ClientConfig,
    ConnectorEntry,
    DirectorySettings,
    HubConfig,
    LeftOut,
    Role,
    SchoolClock,
)

__all__ = [
    "ClientConfig",
    "ConfigErrors",
    "ConnectorEntry",
    "DirectorySettings",
    "Finding",
    "HubConfig",
    "LeftOut",
    "Role",
    "SchoolClock",
    "load",
    "parse",
    "slug",
]
