"""What one connector instance remembers: all of it in memory, each change durable through the store.

Values are kept as the JSON bytes that the store has, and decoded at each read: what a connector gets is its own copy,
the same before and after a restart.
"""

from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any, Final

import orjson

from hub.hosting.newest import Newest
from hub.store import connector_state
from hub.store.base import Operation

# Plain JSON only: what orjson would turn into a string on the way out would come back as another type.
_STRICT: Final = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_SUBCLASS

Changes = dict[str, bytes | None]
"""By name: the new value, or None where it is forgotten."""


class ConnectorState:
    """The state of one instance. Changes are applied in the connector's thread, and written in the store's."""

    def __init__(self, tenant: str, connector: str, values: dict[str, bytes]) -> None:
        self.values = values
        self._tenant = tenant
        self._connector = connector
        self._newest: Newest[str, bytes | None] = Newest()

    def apply(self, changes: Mapping[str, bytes | None]) -> Operation:
        """Show these changes from now on; returns what makes them durable."""
        for name, value in changes.items():
            if value is None:
                self.values.pop(name, None)
            else:
                self.values[name] = value
        return connector_state.put_newest(self._tenant, self._connector, self._newest.of(changes))

    def all_landed(self) -> None:
        """All changes that were made so far are durable."""
        self._newest.all_landed()


class StateView(Mapping[str, Any]):
    """State with changes laid over it, as a connector reads it. Later overlays hide earlier ones."""

    def __init__(self, base: Mapping[str, bytes], *overlays: Mapping[str, bytes | None]) -> None:
        self._base = base
        self._overlays = overlays

    def __getitem__(self, name: str) -> Any:
        value = self._raw(name)
        if value is None:
            raise KeyError(name)
        return orjson.loads(value)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._raw(name) is not None

    def __iter__(self) -> Iterator[str]:
        names = dict.fromkeys(list(self._base))
        for overlay in self._overlays:
            names.update(dict.fromkeys(overlay))
        return (name for name in names if self._raw(name) is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _raw(self, name: str) -> bytes | None:
        for overlay in reversed(self._overlays):
            if name in overlay:
                return overlay[name]
        return self._base.get(name)


class EditableState(StateView, MutableMapping[str, Any]):
    """The state inside a transaction. What is set or deleted collects in `changes`."""

    def __init__(self, base: Mapping[str, bytes], *overlays: Mapping[str, bytes | None]) -> None:
        self.changes: Changes = {}
        super().__init__(base, *overlays, self.changes)

    def __setitem__(self, name: str, value: Any) -> None:
        if not isinstance(name, str):
            raise TypeError("names of connector state are strings")
        try:
            # A copy: what orjson returns keeps the 4 KiB that it was written into, for as long as it lives.
            self.changes[name] = bytes(memoryview(orjson.dumps(value, option=_STRICT)))
        except TypeError:
            raise TypeError(
                f"connector state takes JSON values with string keys; {type(value).__name__} is or holds something else"
            ) from None

    def __delitem__(self, name: str) -> None:
        if name not in self:
            raise KeyError(name)
        self.changes[name] = None
