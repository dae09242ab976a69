"""Portions per kitchen, date and sitting, twice a day, as a file in a folder or over SFTP. See README.md."""

from collections.abc import Iterable
from typing import Any

from connectors.catering.connector import Catering
from plugins import Connector, hookimpl


@hookimpl
def skolnav_connectors() -> Iterable[type[Connector[Any]]]:
    return (Catering,)
