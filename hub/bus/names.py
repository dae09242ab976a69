"""Short forms of names: a number for each type, source and kind, 16 bytes for a UUID.

A school's events name persons, lessons and rooms by UUID, several of them in each event. As text the columns and their
indexes would be half as large as the events themselves.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Final, TypeVar

import orjson

_UUID_LENGTH: Final = 36
_PACKED_ID: Final = 16
_MAX_NAMES: Final = (1 << 16) - 1  # numbers have two bytes; further names are stored as text
_MAX_CACHED: Final = 20_000

Packed = bytes | str
K = TypeVar("K")
V = TypeVar("V")


def pack_id(text: str) -> Packed:
    """16 bytes for a UUID in canonical lower-case form, else the text itself. `unpack_id` restores the exact text."""
    if len(text) == _UUID_LENGTH and text[8:24:5] == "----" and text.islower():
        try:
            raw = bytes.fromhex(text.replace("-", ""))
        except ValueError:
            return text
        if len(raw) == _PACKED_ID:
            return raw
    return text


def unpack_id(packed: Packed) -> str:
    if isinstance(packed, str):
        return packed
    text = packed.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def pack_ids(ids: Sequence[str]) -> Packed:
    """Any number of ids in one value; empty bytes for no ids."""
    if not ids:
        return b""
    packed = [pack_id(each) for each in ids]
    if all(isinstance(each, bytes) for each in packed):
        return b"".join(packed)  # type: ignore[arg-type]
    return orjson.dumps(ids).decode()


def unpack_ids(packed: Packed) -> tuple[str, ...]:
    if isinstance(packed, str):
        return tuple(orjson.loads(packed))
    if len(packed) == _PACKED_ID:
        return (unpack_id(packed),)
    return tuple(unpack_id(packed[at : at + _PACKED_ID]) for at in range(0, len(packed), _PACKED_ID))


class Names:
    """Numbers for names that many events share, and the packed form of entity names (`absence/<uuid>`).

    The event loop assigns numbers. The writer stores the `unsaved` ones before the first row that uses them. Readers
    look up only numbers that durable rows contain.
    """

    def __init__(self, known: Iterable[tuple[int, str]] = ()) -> None:
        self._numbers: dict[str, int] = {}
        self._names: dict[int, str] = {}
        for number, name in known:
            self._numbers[name] = number
            self._names[number] = name
        self.unsaved: list[tuple[int, str]] = []
        self._entities: dict[str, Packed] = {}
        self._unpacked: dict[bytes, str] = {}
        self._organisations: dict[tuple[str, ...], Packed] = {}
        self._unpacked_organisations: dict[Packed, tuple[str, ...]] = {}

    def number(self, name: str) -> int | str:
        """The number of a name; a new name gets the next number. The name itself if there are no numbers left."""
        number = self._numbers.get(name)
        if number is None:
            number = len(self._numbers) + 1
            if number >= _MAX_NAMES:
                return name
            self._numbers[name] = number
            self._names[number] = name
            self.unsaved.append((number, name))
        return number

    def known(self, name: str) -> int | None:
        """The number of a name, or None if it has none."""
        return self._numbers.get(name)

    def name(self, number: int | str) -> str:
        return number if isinstance(number, str) else self._names[number]

    def pack(self, entity: str) -> Packed:
        """Two bytes for the kind and 16 for the UUID; the text itself if the name is not `kind/<uuid>`.

        Call it on the event loop only, since a new kind gets its number here.
        """
        packed = self._entities.get(entity)
        return _remember(self._entities, entity, self.pack_rare(entity)) if packed is None else packed

    def pack_rare(self, entity: str) -> Packed:
        """As `pack`, for names that mostly occur once (an absence), so that caching them would be useless."""
        kind, _, rest = entity.partition("/")
        raw = pack_id(rest)
        if isinstance(raw, bytes):
            self.number(kind)
        return self._join(entity, kind, raw)

    def packed(self, entity: str) -> Packed:
        """As `pack`, on any thread. If no event has named the kind, the result is the text, which matches nothing."""
        kind, _, rest = entity.partition("/")
        return self._join(entity, kind, pack_id(rest))

    def _join(self, entity: str, kind: str, raw: Packed) -> Packed:
        number = self._numbers.get(kind)
        return number.to_bytes(2, "big") + raw if number is not None and isinstance(raw, bytes) else entity

    def of_kinds(self, kinds: Collection[str] | None) -> Callable[[Packed], bool]:
        """Whether a packed entity is of one of these kinds; None: of any. On any thread."""
        if kinds is None:
            return lambda entity: True
        numbers = {number.to_bytes(2, "big") for kind in kinds if (number := self._numbers.get(kind)) is not None}
        return lambda entity: (entity[:2] in numbers) if isinstance(entity, bytes) else entity.split("/")[0] in kinds

    def unpack(self, packed: Packed) -> str:
        if isinstance(packed, str):
            return packed
        entity = self._unpacked.get(packed)
        if entity is None:
            text = packed.hex()
            entity = (
                f"{self._names[packed[0] << 8 | packed[1]]}/"
                f"{text[4:12]}-{text[12:16]}-{text[16:20]}-{text[20:24]}-{text[24:]}"
            )
            _remember(self._unpacked, packed, entity)
        return entity

    def pack_organisations(self, ids: tuple[str, ...]) -> Packed:
        """As `pack_ids`, cached, since a municipality has few organisations."""
        packed = self._organisations.get(ids)
        if packed is None:
            packed = _remember(self._organisations, ids, pack_ids(ids))
        return packed

    def unpack_organisations(self, packed: Packed) -> tuple[str, ...]:
        ids = self._unpacked_organisations.get(packed)
        if ids is None:
            ids = _remember(self._unpacked_organisations, packed, unpack_ids(packed))
        return ids


def _remember(cache: dict[K, V], key: K, value: V) -> V:
    if len(cache) >= _MAX_CACHED:
        cache.clear()
    cache[key] = value
    return value
