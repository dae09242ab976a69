"""Absences that are reported in the outside system become events. See README.md."""

from collections.abc import Iterable
from typing import Any

from skolnav.sdk import Connector, hookimpl

from .connector import Example


@hookimpl
def skolnav_connectors() -> Iterable[type[Connector[Any]]]:
    return (Example,)
