"""The hooks by which a package plugs in. They register things; they carry no events.

A package names its hook module in the entry point group `skolnav.connectors`:

    [project.entry-points."skolnav.connectors"]
    acme-kitchen = "acme_kitchen"
"""

from collections.abc import Iterable
from typing import Any

import pluggy

from plugins.connector import Connector
from schemas import Payload

PROJECT = "skolnav"
ENTRY_POINT_GROUP = "skolnav.connectors"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def skolnav_connectors() -> Iterable[type[Connector[Any]]]:  # type: ignore[empty-body]
    """Return the connector classes that this package offers; `use: <name>` finds them."""


@hookspec
def skolnav_event_types() -> Iterable[type[Payload]]:  # type: ignore[empty-body]
    """Return event types of this package, under a prefix of its own (`com.acme.kitchen.menu.v1`)."""
