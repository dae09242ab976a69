"""Changes of one instance to the same names, written in another order than they were made in."""

from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Newest(Generic[K, V]):
    """Keeps an older change from replacing a newer one in the store.

    Changes are made in the connector's thread and written in the store's. A delivery's outcome is committed with its
    cursor, which may be later than the commit of a timer that ran after it; and a commit that failed is run again. So
    each name has the number of the last change that was written to it, and an older change leaves that name alone.
    """

    def __init__(self) -> None:
        self._number = 0
        self._written: dict[K, int] = {}

    def of(self, changes: Mapping[K, V]) -> Callable[[], Mapping[K, V]]:
        """Number these changes. Returns a function that the store's thread calls at each try to write them.

        The function returns those of the changes that no newer change of the same name has overtaken.
        """
        self._number += 1
        number = self._number

        def newest() -> Mapping[K, V]:
            found = {name: value for name, value in changes.items() if self._written.get(name, 0) <= number}
            self._written.update(dict.fromkeys(found, number))
            return found

        return newest

    def all_landed(self) -> None:
        """All changes that were made so far are durable: their numbers are needed no more."""
        self._written.clear()
