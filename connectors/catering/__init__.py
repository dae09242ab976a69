"""Portions per kitchen, date and sitting, twice a day, as a file, over HTTPS or by e-mail. See README.md."""

from collections.abc import Iterable
from typing import Any

from connectors.catering.connector import Catering
from plugins import Connector, hookimpl


@hookimpl
def skolnav_connectors() -> Iterable[type[Connector[Any]]]:
    return (Catering,)
