"""How a connector plugs in: what vendors import. See docs/vendors.md."""

from plugins.connector import (
    Answer,
    Connector,
    ConnectorConfig,
    Context,
    Contract,
    DirectoryView,
    Effect,
    Received,
    Transaction,
    Waiting,
    daily,
)
from plugins.durations import Duration
from plugins.errors import ConfigurationError, PermanentError, PrivacyError, SkolnavError, TemporaryError
from plugins.hookspecs import hookimpl
from plugins.paths import LocalPath
from plugins.rules import CertificateFile
from plugins.texts import Text
from schemas import Category, Event

__all__ = [
    "Answer",
    "Category",
    "CertificateFile",
    "ConfigurationError",
    "Connector",
    "ConnectorConfig",
    "Context",
    "Contract",
    "DirectoryView",
    "Duration",
    "Effect",
    "Event",
    "LocalPath",
    "PermanentError",
    "PrivacyError",
    "Received",
    "SkolnavError",
    "TemporaryError",
    "Text",
    "Transaction",
    "Waiting",
    "daily",
    "hookimpl",
]
