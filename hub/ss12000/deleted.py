"""`/deletedEntities`: the ids of deleted entities that the client might have seen. They come from state that has ended.

The list reaches back as far as the log keeps such state (`retention`). Its times are those at which the hub received
the deletion.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final, NamedTuple

from hub.ss12000 import filters
from hub.ss12000.errors import bad_request
from hub.ss12000.filters import OneOf, Query, page_limit
from hub.ss12000.lists import CHUNK
from hub.ss12000.paging import Place
from hub.ss12000.resources import ENDPOINTS, RESOURCES
from hub.ss12000.sight import Seen, Sight

PATH: Final = "deletedEntities"
_ENTITY: Final = OneOf(ENDPOINTS)


def read(given: Mapping[str, list[str]]) -> Query:
    """The query of the parameters `after`, `entities` and `limit`. Raises Refused (400)."""
    query = Query(limit=page_limit(given))
    for name, values in given.items():
        if name == "after":
            query.values["after"] = filters.one(name, values, filters.instant)
        elif name == "entities":
            try:
                query.values["entities"] = tuple(_ENTITY(each) for each in values)
            except ValueError:
                raise bad_request("parameter-invalid", "`entities` must be one of the standard's types.") from None
        elif name != "limit":
            raise bad_request("parameter-unknown", "This list has no such parameter. See SS 12000 v2.1.0.")
    return query


class _Gone(NamedTuple):
    """A deleted entity that the client may see. `key` is its place in the list's order."""

    list_name: str
    seen: Seen
    key: str


async def page(place: Place, sight: Sight) -> tuple[dict[str, list[str]], Place | None]:
    """A page of ids, by the standard's names of the lists, and where the next page begins. `limit` counts ids."""
    query = place.query
    after = query.values.get("after")
    wanted = query.values.get("entities")
    limit = query.limit
    found: list[_Gone] = []
    kind_after, _, key_after = place.after.partition(" ")
    for number, resource in enumerate(RESOURCES):
        if (wanted is not None and resource.resource not in wanted) or number < int(kind_after or 0):
            continue
        table = await sight.index.table(resource.kind)
        rows = sorted(
            (
                row
                for row in table.rows.values()
                if (gone_us := sight.index.gone_us(table, row)) is not None and (after is None or gone_us > after)
            ),
            key=lambda row: sight.called(row.id) if resource.person_ids else row.key,
        )
        if kind_after == str(number):
            past = sight.called(key_after[:36]) if resource.person_ids else key_after
            rows = [row for row in rows if (sight.called(row.id) if resource.person_ids else row.key) > past]
        for start in range(0, len(rows), CHUNK):
            part = await sight.see(table, rows[start : start + CHUNK])
            found += [_Gone(resource.deleted, seen, f"{number} {seen.row.key}") for seen in part]
            if len(found) > limit:
                break
        if len(found) > limit:
            break
    data: dict[str, list[str]] = {}
    for name, seen, _ in found[:limit]:
        sight.use(seen)
        own = sight.called(seen.row.id) if name == "persons" else seen.row.id
        data.setdefault(name, []).append(own)
    following = replace(place, after=found[limit - 1].key) if len(found) > limit else None
    return data, following
