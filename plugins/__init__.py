"""How a connector plugs in: what vendors import. See docs/vendors/README.md."""

from plugins.connector import (
    Connector,
    ConnectorConfig,
    Context,
    Contract,
    DirectoryId,
    DirectoryView,
    Effect,
    FarSideName,
    MutableState,
    State,
    Transaction,
    Unfinished,
    Waiting,
)
from plugins.durations import Duration
from plugins.errors import ConfigurationError, PermanentError, PrivacyError, SkolnavError, TemporaryError
from plugins.hookspecs import hookimpl
from plugins.paths import LocalPath
from plugins.receiving import Answer, BodyLost, Received
from plugins.rules import CertificateFile
from plugins.texts import Text
from plugins.timers import at_moment, daily
from schemas import Category, Event

__all__ = [
    "Answer",
    "BodyLost",
    "Category",
    "CertificateFile",
    "ConfigurationError",
    "Connector",
    "ConnectorConfig",
    "DirectoryId",
    "Context",
    "Contract",
    "DirectoryView",
    "Duration",
    "Effect",
    "Event",
    "FarSideName",
    "LocalPath",
    "MutableState",
    "PermanentError",
    "PrivacyError",
    "Received",
    "SkolnavError",
    "State",
    "TemporaryError",
    "Text",
    "Transaction",
    "Unfinished",
    "Waiting",
    "at_moment",
    "daily",
    "hookimpl",
]
