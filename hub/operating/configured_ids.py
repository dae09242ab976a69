"""Ids of the school's directory that a connector's settings name, compared with the directory of the running hub.

Ids of groups, organisations and rooms; none of persons, since an operator must not learn whether a person is known.
"""

from collections.abc import Container, Iterable, Sequence

from hub.assembly.services import Services
from hub.directory.directory import Directory


def is_empty(services: Services) -> bool:
    """Whether no organisation has arrived yet, so that nothing can be said of any id."""
    return not services.directory.organisations


def unknown(services: Services, ids: Iterable[tuple[str, str]]) -> Sequence[tuple[str, str]]:
    """Those (kind, id) that the directory does not know. Ids are compared in lower case."""
    return [(kind, id) for kind, id in ids if id.lower() not in _table(services.directory, kind)]


def unknown_settings(services: Services, connector: str) -> Sequence[str]:
    """The settings of one connector (`connectors.kitchen.kitchens[0].units[0]`) whose ids the directory does not know.

    Empty while the directory is.
    """
    entry = services.config.connectors.get(connector)
    if entry is None or is_empty(services):
        return []
    missing = set(unknown(services, {(each.kind, each.id) for each in entry.ids}))
    return sorted({each.unknown.path for each in entry.ids if (each.kind, each.id) in missing})


def _table(directory: Directory, kind: str) -> Container[str]:
    if kind == "group":
        return directory.groups
    return directory.rooms if kind == "room" else directory.organisations
