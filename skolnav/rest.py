"""A connector to a system that speaks JSON over HTTP: the vendor writes the mapping. See docs/vendors/README.md."""

from plugins.rest import (
    CODES,
    ByLink,
    ByNumber,
    ByToken,
    Listing,
    Publication,
    Record,
    RestConfig,
    RestConnector,
    RestSink,
    RestSource,
    RestSourceConfig,
    Send,
)

__all__ = [
    "CODES",
    "ByLink",
    "ByNumber",
    "ByToken",
    "Listing",
    "Publication",
    "Record",
    "RestConfig",
    "RestConnector",
    "RestSink",
    "RestSource",
    "RestSourceConfig",
    "Send",
]
