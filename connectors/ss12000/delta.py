"""Pure rules of pulling changes: from which time on, which deletions, and when too many records would vanish."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from connectors.ss12000.kinds import DELETED, Kind
from connectors.ss12000.reader import id_of

OVERLAP: Final = timedelta(minutes=10)  # a record's stamp may be older than its appearance
# A clock is mostly off by whole hours (local time taken for UTC, or UTC for local time).
DEEP_OVERLAP: Final = timedelta(hours=3, minutes=10)
MOST_OVERLAP: Final = timedelta(days=7)  # an overlap that grows by itself grows no further
NAIVE_OVERLAP: Final = timedelta(hours=3)  # times without offset: more than Sweden's from UTC, on either side
_SHARE: Final = 0.2
_FEW: Final = 20


@dataclass(frozen=True, slots=True)
class Watermark:
    """The time up to which a resource was read, and how the supplier writes times.

    It is the earliest of what is known: the supplier's `Date`, the hub's clock, and the newest `meta.modified` that was
    read. The latter may be hours behind the `Date`, if another machine stamps the records.
    """

    at: datetime
    offsets: bool = True  # its `meta` has offsets

    @classmethod
    def kept(cls, value: Any) -> "Watermark | None":
        """From connector state; None if nothing was read yet."""
        if not isinstance(value, Mapping):
            return None
        return cls(datetime.fromisoformat(value["at"]), bool(value["offsets"]))

    def to_keep(self) -> dict[str, Any]:
        return {"at": self.at.astimezone(UTC).isoformat(timespec="seconds"), "offsets": self.offsets}

    def after(self, overlap: timedelta | None = None) -> str:
        """The value of `meta.modified.after`, written as the supplier writes its own times."""
        moment = self.begins(overlap).astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat()
        return f"{moment}Z" if self.offsets else moment

    def begins(self, overlap: timedelta | None = None) -> datetime:
        """The moment from which on changes are asked for; `overlap` None: the usual one."""
        return self.at - (self.usual_overlap() if overlap is None else overlap)

    def usual_overlap(self) -> timedelta:
        return OVERLAP if self.offsets else NAIVE_OVERLAP


def has_offset(raw: Any) -> bool | None:
    """Whether a record's `meta.modified` is written with an offset; None if it has none."""
    meta = raw.get("meta") if isinstance(raw, Mapping) else None
    value = meta.get("modified") if isinstance(meta, Mapping) else None
    if not isinstance(value, str) or len(value) < 11:
        return None
    clock = value[10:]
    return clock[-1] in "zZ" or "+" in clock or "-" in clock


def modified(raw: Any) -> datetime | None:
    """A record's `meta.modified`; without an offset it counts as UTC. None if it has none that can be read."""
    meta = raw.get("meta") if isinstance(raw, Mapping) else None
    value = meta.get("modified") if isinstance(meta, Mapping) else None
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
        if found is not None and found.tzinfo is None:
            found = found.replace(tzinfo=UTC)
        return found.astimezone(UTC) if found is not None else None
    except (ValueError, OverflowError):
        return None


def went_back(before: Watermark, now: datetime | None) -> bool:
    """Whether the supplier's clock was set back: changes may carry times that lie before the watermark."""
    return now is not None and now < before.at - timedelta(minutes=1)


def deleted(data: Any) -> Iterator[tuple[Kind | None, str | None]]:
    """Each deletion in a page of /deletedEntities: an object of lists of ids (the standard), or a list of objects with
    `entityType` and `id`. An unknown kind or id is None.
    """
    if isinstance(data, Mapping):
        for name, ids in data.items():
            for id in ids if isinstance(ids, list) else ():
                yield (
                    DELETED.get(str(name).lower()),
                    id_of({"id": id["id"] if isinstance(id, Mapping) and "id" in id else id}),
                )
        return
    for item in data:
        if not isinstance(item, Mapping):
            yield None, None
            continue
        kind = item.get("entityType")
        yield DELETED.get(kind.lower()) if isinstance(kind, str) else None, id_of(item)


def too_many(vanished: int, known: int) -> bool:
    """Over 20 % and over 20 records."""
    return vanished > _FEW and vanished > _SHARE * known


def stands_for(ids: Iterable[str]) -> str:
    """A short word for exactly these records, the same in every pull; it discloses nothing about them."""
    joined = hashlib.blake2b(digest_size=4)
    for id in sorted(ids):
        joined.update(id.encode())
    return joined.hexdigest()
