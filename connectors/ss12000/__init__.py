"""SS 12000 v2.1: a school system's own data, pulled. See README.md."""

from collections.abc import Iterable
from typing import Any

from connectors.ss12000.connector import Ss12000
from plugins import Connector, hookimpl


@hookimpl
def skolnav_connectors() -> Iterable[type[Connector[Any]]]:
    return (Ss12000,)
