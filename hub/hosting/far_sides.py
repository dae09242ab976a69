"""The far sides of each instance that stand each for itself (kitchens, mailboxes, rooms): when each last got its own,
and since when and why it is behind.

A connector names them in its configuration (`ConnectorConfig.far_sides`) and reports how each stands
(`Context.far_side`). The last time outlives a restart of the hub.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from hub.clock import Clock
from hub.store import far_sides as rows
from hub.store.base import Operation, Store

MOST: Final = 10_000  # of one instance; a connector that reports more is not a configuration's
_LONGEST: Final = 200  # characters of a name


@dataclass(frozen=True, slots=True)
class FarSide:
    """One far side."""

    name: str
    reached: datetime | None = None  # when it last got all that waited for it; None: never, as far as the hub knows
    behind: datetime | None = None  # since when it is behind; None while it is not
    code: str = ""  # why it is behind; empty while it is not
    next_try: datetime | None = None  # while it is behind, if the connector has said it


class FarSides:
    """Of all instances. `save` makes durable what was reported since; the caller calls it now and then."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._known: dict[str, dict[str, FarSide]] = {}  # by instance and name
        self._unsaved: set[tuple[str, str]] = set()

    async def load(self) -> None:
        """Raises StoreUnavailable."""
        for row in await self._store.read(rows.load(self._store.tenant)):
            side = FarSide(row.name, row.reached, row.behind, row.code)
            self._known.setdefault(row.connector, {}).setdefault(row.name, side)

    def declare(self, instance: str, names: Iterable[str]) -> None:
        """The far sides that the configuration names; what is known of others is forgotten."""
        wanted, known = list(dict.fromkeys(names)), self._known.get(instance, {})
        self._unsaved |= {(instance, name) for name in known.keys() - set(wanted)}
        self._known[instance] = {name: known.get(name, FarSide(name)) for name in wanted}

    def report(self, instance: str, name: str, code: str, next_try: datetime | None) -> None:
        """A far side has got all that waited for it, or (`code`) is behind."""
        known, now = self._known.setdefault(instance, {}), self._clock.utc()
        name = name[:_LONGEST]
        if name not in known and len(known) >= MOST:
            return
        side = known.get(name, FarSide(name))
        if code:
            known[name] = replace(side, behind=side.behind or now, code=code, next_try=next_try)
        else:
            known[name] = FarSide(name, reached=now)
        self._unsaved.add((instance, name))

    def of(self, instance: str) -> Sequence[FarSide]:
        """In the order of the configuration."""
        return list(self._known.get(instance, {}).values())

    async def save(self) -> None:
        """Raises StoreUnavailable; then the next call saves the same again."""
        unsaved, self._unsaved = self._unsaved, set()
        try:
            if unsaved:
                await self._store.commit(*(self._row(*each) for each in sorted(unsaved)))
        except BaseException:
            self._unsaved |= unsaved
            raise

    def _row(self, instance: str, name: str) -> Operation:
        side, tenant = self._known.get(instance, {}).get(name), self._store.tenant
        if side is None:
            return rows.forget(tenant, instance, name)
        return rows.put(tenant, rows.FarSideRow(instance, name, side.reached, side.behind, side.code))
