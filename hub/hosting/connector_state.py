"""What one connector instance remembers: all of it in memory, each change durable through the store.

Values are JSON bytes, as in the store, and are decoded at each read: a connector gets a copy of its own, and gets the
same value before and after a restart.
"""

import threading
from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping
from typing import Any, Final

import orjson

from hub.hosting.newest import Newest
from hub.store import connector_state
from hub.store.base import Operation
from plugins.connector import MutableState, State

# Plain JSON only: a value that orjson would turn into a string on its way out would come back as another type.
_STRICT: Final = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_SUBCLASS

_FEW: Final = 100  # up to this many new names are inserted one by one; more are appended and then sorted

Changes = dict[str, bytes | None]
"""By name: the new value; None deletes the name."""


class ConnectorState:
    """The state of one instance. Changes are applied in the connector's thread, and written in the store's.

    The names are sorted at the first query by prefix, and stay sorted after it: a connector without such queries does
    not pay for the order.
    """

    def __init__(self, tenant: str, connector: str, values: dict[str, bytes]) -> None:
        self.values = values
        self.size = sum(
            len(name) + len(value) for name, value in values.items()
        )  # characters of names, bytes of values
        self._tenant = tenant
        self._connector = connector
        self._newest: Newest[str, bytes | None] = Newest()
        self._sorted: list[str] | None = None  # may have names that are gone; None until the order is asked for
        self._added: dict[str, None] = {}  # names that may be missing in `_sorted`
        self._lock = threading.Lock()  # a connector may read its state in a thread of `ctx.blocking`

    def apply(self, changes: Mapping[str, bytes | None]) -> Operation:
        """Show these changes from now on; returns what makes them durable."""
        with self._lock:
            for name, value in changes.items():
                if (old := self.values.get(name)) is not None:
                    self.size -= len(name) + len(old)
                if value is None:
                    self.values.pop(name, None)
                else:
                    self.size += len(name) + len(value)
                    if self._sorted is not None and name not in self.values:
                        self._added[name] = None
                    self.values[name] = value
        return connector_state.put_newest(self._tenant, self._connector, self._newest.of(changes))

    def all_landed(self) -> None:
        """All changes that were made so far are durable."""
        self._newest.all_landed()

    def under(self, prefix: str) -> list[str]:
        """The names that begin with `prefix`, in order."""
        with self._lock:
            names = self._in_order()
            end = _after(prefix)
            last = len(names) if end is None else bisect_left(names, end)
            return [name for name in names[bisect_left(names, prefix) : last] if name in self.values]

    def _in_order(self) -> list[str]:
        if self._sorted is None or len(self._sorted) > 2 * len(self.values) + _FEW:
            self._sorted = sorted(self.values)
        else:
            new = [name for name in self._added if name in self.values and not _is_in(self._sorted, name)]
            if len(new) <= _FEW:
                for name in new:
                    insort(self._sorted, name)
            else:
                self._sorted += new
                self._sorted.sort()  # two runs, one of them long and in order: cheap
        self._added.clear()
        return self._sorted


def _is_in(names: list[str], name: str) -> bool:
    place = bisect_left(names, name)
    return place < len(names) and names[place] == name


def _after(prefix: str) -> str | None:
    """The first text that sorts after all texts that begin with `prefix`; None if there is no such text."""
    stem = prefix.rstrip("\U0010ffff")
    return stem[:-1] + chr(ord(stem[-1]) + 1) if stem else None


class StateView(State):
    """State with changes laid over it, as a connector reads it. Later overlays hide earlier ones."""

    def __init__(self, base: ConnectorState, *overlays: Mapping[str, bytes | None]) -> None:
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
        names = dict.fromkeys(list(self._base.values))
        for overlay in self._overlays:
            names.update(dict.fromkeys(overlay))
        return (name for name in names if self._raw(name) is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def under(self, prefix: str) -> Mapping[str, Any]:
        return _Under(self, prefix)

    def names_under(self, prefix: str) -> Iterator[str]:
        """The names that begin with `prefix`, in order. A name that is deleted during the iteration is left out."""
        names = self._base.under(prefix)
        if staged := {name for overlay in self._overlays for name in overlay if name.startswith(prefix)}:
            names = sorted(staged.union(names))
        return (name for name in names if self._raw(name) is not None)

    def _raw(self, name: str) -> bytes | None:
        for overlay in reversed(self._overlays):
            if name in overlay:
                return overlay[name]
        return self._base.values.get(name)


class _Under(Mapping[str, Any]):
    """The values whose names begin with a prefix, in the order of the names. Each read shows the state of that time."""

    def __init__(self, view: StateView, prefix: str) -> None:
        self._view = view
        self._prefix = prefix

    def __getitem__(self, name: str) -> Any:
        if name not in self:
            raise KeyError(name)
        return self._view[name]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.startswith(self._prefix) and name in self._view

    def __iter__(self) -> Iterator[str]:
        return self._view.names_under(self._prefix)

    def __len__(self) -> int:
        return sum(1 for _ in self)


class EditableState(StateView, MutableState):
    """The state inside a transaction, which collects in `changes` what the connector sets or deletes."""

    def __init__(self, base: ConnectorState, *overlays: Mapping[str, bytes | None]) -> None:
        self.changes: Changes = {}
        self._open = True
        super().__init__(base, *overlays, self.changes)

    def close(self) -> None:
        """From now on nothing can be set or deleted."""
        self._open = False

    def __setitem__(self, name: str, value: Any) -> None:
        if not self._open:
            raise transaction_ended()
        if not isinstance(name, str):
            raise TypeError("names of connector state are strings")
        if not name.isascii():
            _require_storable(name)
        try:
            # A copy, since the bytes that orjson returns hold on to the 4 KiB buffer that they were written into.
            self.changes[name] = bytes(memoryview(orjson.dumps(value, option=_STRICT)))
        except TypeError:
            raise TypeError(
                f"connector state takes JSON values with string keys; {type(value).__name__} is or holds something else"
            ) from None

    def __delitem__(self, name: str) -> None:
        if not self._open:
            raise transaction_ended()
        if name not in self:
            raise KeyError(name)
        self.changes[name] = None


def transaction_ended() -> RuntimeError:
    """The error of a transaction that is used when its block has ended."""
    return RuntimeError(
        "the transaction's block has ended: what it is given now would be lost. Use it inside `async with`"
    )


def _require_storable(name: str) -> None:
    """Raises TypeError for a name with half a surrogate pair: UTF-8 cannot hold it, so each commit of it would fail."""
    try:
        name.encode()
    except UnicodeEncodeError:
        raise TypeError("names of connector state are text that UTF-8 can hold") from None
