"""An event as a row of the log's file: preparing an event for the writer, and reading an event from a row."""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any, Final, NamedTuple

import orjson
from pydantic_core import from_json

from hub.bus.base import LEFT, OFFSET_BITS, Left, Place, Stored
from hub.bus.codec import Codec
from hub.bus.digests import pack_found
from hub.bus.fresh import Noted
from hub.bus.names import Names, Packed, pack_id, pack_ids, unpack_id, unpack_ids
from hub.bus.news import News
from hub.clock import from_us
from schemas import Described
from schemas.event import HUB_ATTRIBUTES
from schemas.payload import Shared, pluck

KEY_BYTES: Final = 16
PERSON_DELETED: Final = "se.skolnav.directory.person.deleted.v1"
CHANGED: Final = "changed"  # the data field that holds the previous values of changed fields, in all families
EXTRAS: Final = 1  # flag: the event holds something that the catalogue does not list
TIMED: Final = 2  # flag: the event came with a `time`, so the hub did not add one
CONTINUES: Final = 4  # flag: the event reports a change or the end of its entity, or is a late report of sums
ADDS: Final = 8  # flag: `Stored.adds`
LEAVES: Final = 16  # flag: `Stored.leaves`
LATER: Final = 32  # flag: `Stored.later`
RESTATED: Final = 64  # flag: `Stored.restated`
# The flags' higher bits are the number (in `names`) of the source that owns the entity; 0 if it is the event's own.
OWNER_BITS: Final = 8
# In place of an owner: all sources have sent no more of the person than a mark. `names` never assigns this number.
NO_OWNER: Final = 0xFFFF

_NOWHERE: Final = Place(0)
_SEQUENCE: Final = len(',"sequence":"0000000000000000"}')
_TIME: Final = len(',"time":"2026-11-24T07:42:00.123456Z"')
CONTENT_BYTES: Final = 8  # compares contents under one id; after a collision a conflict would count as a repeat


class Row(NamedTuple):
    """A row of a partition's table, with the columns in their order. Their values: see `table`."""

    offset: int
    accepted: int
    ahead: int
    type: int | str
    source: int | str
    id: Packed
    subject: Packed
    key: Packed | None
    entity: Packed | None
    about: Packed | None
    organisations: Packed
    flags: int
    body: bytes
    news: bytes | None

    @property
    def described(self) -> tuple[Any, ...]:
        """The columns that the event itself determines (`Prepared.columns`): from `type` to `flags`."""
        return self[3:12]


COLUMNS: Final = ", ".join(Row._fields)


def table(partition: int) -> str:
    """The statement that creates a partition's table. Columns without a type hold numbers, text and bytes alike."""
    return f"""
CREATE TABLE events_{partition} (
    offset INTEGER PRIMARY KEY,
    accepted INTEGER NOT NULL,  -- microseconds since 1970 UTC
    ahead INTEGER NOT NULL,     -- the partition's largest `sequence` so far, minus `accepted`
    type NOT NULL,              -- its number in `names`
    source NOT NULL,            -- its number in `names`
    id NOT NULL,
    subject NOT NULL,
    key,                        -- NULL: the subject
    entity,                     -- NULL: events of this type are no state
    about,                      -- NULL: the one person that the subject names
    organisations NOT NULL,
    flags INTEGER NOT NULL,     -- those above; from bit 8 on the owner
    body BLOB NOT NULL,
    news BLOB                   -- `Stored.news`
)"""


@dataclass(slots=True)
class Prepared:
    """An event with everything for the writer that depends on neither the clock nor the file."""

    stored: Stored  # the writer fills in `at`, `accepted_us` and `body`
    canonical: bytes  # the event as published, keys sorted
    key_digest: bytes
    content_digest: bytes
    partition: int
    columns: tuple[Any, ...]  # the row's columns from `type` to `flags`; the writer adds the flag LATER
    flags: int
    entity: Packed | None
    names: tuple[Packed, ...]  # its subject, and the persons that it is about
    described: Described | None = None  # None for a copy
    claim: Packed | None = None  # the entity, or the shared subject, that has an owner; None: it has none
    shared: Shared | None = None
    placed: tuple[Packed, ...] = ()  # the persons to whom the event gives a place
    makes: bool = True  # `EventSpec.makes`
    adds: bool = False  # `Stored.adds`
    sequence: int = 0  # 0: the writer issues one

    @property
    def source(self) -> int | str:
        """The event's source as stored."""
        return self.columns[1]  # type: ignore[no-any-return]

    def mark_owner(self, owner: int | str) -> None:
        """Write the owner, which is another source, into the columns. `adds` must be known."""
        # A source without a number is one of more than 65,000: the entity then belongs to the event's own source.
        number = owner if isinstance(owner, int) else 0
        self.flags |= number << OWNER_BITS | (ADDS if self.adds else 0)
        self.columns = (*self.columns[:-1], self.flags)
        self.stored.adds = self.adds


def prepare(described: Described, names: Names, partitions: int) -> Prepared:
    """Serialise and digest an event. Runs on the event loop while the writer waits for the disk."""
    attributes = described.event.attributes
    whole = dict(attributes)
    if not HUB_ATTRIBUTES.isdisjoint(whole):
        whole = {name: value for name, value in whole.items() if name not in HUB_ATTRIBUTES}
    if described.event.data is not None:
        whole["data"] = described.event.data
    canonical = canonical_json(whole)
    type_, source, id_ = attributes["type"], attributes["source"], attributes["id"]
    subject, key, about = described.subject, described.key, described.about
    organisations, extras = described.organisations, described.extras
    data = described.event.data
    spec = described.entry.spec
    continues = (
        spec.ends
        or (isinstance(data, dict) and data.get(CHANGED) is not None)
        # The report before it still stands for a recipient that gets none between the report times.
        or (spec.aggregate is not None and spec.aggregate.is_late(data))
    )
    packed = names.pack(subject)
    entity = None if described.entity is None else names.pack_rare(described.entity)
    is_subject = len(about) == 1 and subject == f"person/{about[0]}"
    flags = (EXTRAS if extras else 0) | (TIMED if "time" in attributes else 0) | (CONTINUES if continues else 0)
    # By position, here and in `stored`: keywords would cost every event half a microsecond.
    made = Stored(_NOWHERE, type_, source, id_, subject, key, described.entity, about, organisations, extras, 0, b"")
    made.continues = continues
    return Prepared(
        made,
        canonical,
        key_digest(source, id_),
        content_digest(canonical),
        partition_for(key, partitions),
        (
            names.number(type_),
            names.number(source),
            pack_id(id_),
            packed,
            None if key == subject else names.pack(key),
            entity,
            None if is_subject else pack_ids(about),
            names.pack_organisations(organisations),
            flags,
        ),
        flags,
        entity,
        (packed,) if is_subject or not about else (packed, *[names.pack(f"person/{person}") for person in about]),
        described,
        (entity if spec.shared is None else packed) if spec.owned else None,
        spec.shared,
        tuple([names.pack(f"person/{id_.lower()}") for path in spec.places for id_ in pluck(data, path)])
        if spec.places
        else (),
        spec.makes,
    )


def copy_of(old: Stored, row: Row, *, partition: int, names: Names, whole_type: str | None) -> Prepared:
    """A copy of an event, without `changed`, under the event's own source with a new random id.

    `row` is the old event's row. `whole_type` is the type of the event that holds the whole entity, None if unknown.
    """
    whole = from_json(old.body)
    whole.pop("sequence", None)
    row = row._replace(flags=(row.flags | TIMED | RESTATED) & ~LATER)
    if isinstance(data := whole.get("data"), dict) and data.pop(CHANGED, None) is not None:
        # `changed` would reveal withheld values. The type of a change would reveal that there was an earlier event.
        row = row._replace(flags=row.flags & ~CONTINUES)
        if whole_type is not None:
            whole["type"] = whole_type
            row = row._replace(type=names.number(whole_type))
    new_id = whole["id"] = str(uuid.uuid4())
    row = row._replace(id=pack_id(new_id))
    canonical = canonical_json(whole)
    continues = row.flags & CONTINUES != 0
    return Prepared(
        stored=replace(
            old,
            id=new_id,
            type=whole["type"],
            continues=continues,
            earlier=(),
            _parsed=None,
            news=None,
            later=False,
            sibling=None,
            then=(),
            restated=True,
        ),
        canonical=canonical,
        key_digest=key_digest(old.source, new_id),
        content_digest=content_digest(canonical),
        partition=partition,
        columns=row.described,
        flags=row.flags,
        entity=row.entity,
        names=related_names(old, names),
    )


def leaving(left: Left, names: Names, partitions: int) -> Prepared:
    """The event that tells that a person has left, under the source of the person's owner.

    `time` and `sequence` are the acceptance time of the event that brought the mark, as a deletion has its own.
    """
    id_, subject = str(uuid.uuid4()), f"person/{left.person}"
    entity = f"{subject}/{LEFT}"
    canonical = canonical_json(
        {
            "specversion": "1.0", "id": id_, "source": left.source, "type": PERSON_DELETED, "subject": subject,
            "partitionkey": subject, "time": utc_text(left.accepted_us), "data": {"id": left.person},
        }
    )  # fmt: skip
    packed = names.pack(subject)
    made = Stored(
        _NOWHERE, PERSON_DELETED, left.source, id_, subject, subject, entity, (left.person,), left.organisations,
        False, 0, b"",
    )  # fmt: skip
    made.leaves = True
    return Prepared(
        stored=made,
        canonical=canonical,
        key_digest=key_digest(left.source, id_),
        content_digest=content_digest(canonical),
        partition=partition_for(subject, partitions),
        columns=(
            names.number(PERSON_DELETED), names.number(left.source), pack_id(id_), packed, None,
            names.pack_rare(entity), None, names.pack_organisations(left.organisations), LEAVES | TIMED,
        ),
        flags=LEAVES | TIMED,
        entity=names.pack_rare(entity),
        names=(packed,),
        sequence=left.accepted_us,
    )  # fmt: skip


def related_names(event: Stored, names: Names) -> tuple[Packed, ...]:
    """The names that find an event's entity: its subject, and the persons that it is about."""
    return tuple(names.packed(name) for name in {event.subject, *[f"person/{person}" for person in event.about]})


def content_digest(canonical: bytes) -> bytes:
    return blake2b(canonical, digest_size=CONTENT_BYTES).digest()


def canonical_of(body: bytes, flags: int) -> bytes:
    """The event as published: the body without what `complete` added."""
    return body[: -(_SEQUENCE if flags & TIMED else _SEQUENCE + _TIME)] + b"}"


def canonical_json(value: Any) -> bytes:
    """The canonical JSON of a value: keys sorted, no spaces. Equal contents give equal bytes."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # an integer of more than 64 bits, which JSON allows
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def key_digest(source: str, id_: str) -> bytes:
    return blake2b(f"{source}\n{id_}".encode(), digest_size=KEY_BYTES).digest()


def partition_for(key: str, partitions: int) -> int:
    """The partition of a key. It never changes, since a log is created with a fixed number of partitions."""
    if partitions == 1:
        return 0
    return int.from_bytes(blake2b(key.encode(), digest_size=8).digest()) % partitions


def complete(canonical: bytes, flags: int, accepted: int, sequence: int) -> bytes:
    """The body: the event with its `sequence`, and with the acceptance time if it came without a `time`."""
    if flags & TIMED:
        return b'%b,"sequence":"%016d"}' % (canonical[:-1], sequence)
    return b'%b,"sequence":"%016d","time":"%b"}' % (canonical[:-1], sequence, utc_text(accepted).encode())


def utc_text(time_us: int) -> str:
    """A time (microseconds) as the hub writes it into an event that came without one."""
    return from_us(time_us).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def stored(partition: int, row: Sequence[Any], names: Names, codec: Codec) -> Stored:
    """The event of a row: a `Row`, or a plain tuple with the same columns, which a cursor returns."""
    offset, accepted, _, type_, source, id_, subject, key, entity, about, organisations, flags, body, news = row
    name = names.unpack(subject)
    made = Stored(
        Place(partition << OFFSET_BITS | offset),
        names.name(type_),
        names.name(source),
        id_ if id_.__class__ is str else unpack_id(id_),
        name,
        name if key is None else names.unpack(key),
        None if entity is None else names.unpack(entity),
        (name[7:],) if about is None else unpack_ids(about),
        names.unpack_organisations(organisations),
        flags & EXTRAS != 0,
        accepted,
        codec.decode(name, body),
        flags & CONTINUES != 0,
    )
    made.adds = flags & ADDS != 0
    made.leaves = flags & LEAVES != 0
    made.restated = flags & RESTATED != 0
    made.later = flags & LATER != 0
    if news is not None:
        made.news = News.unpack(codec.decode(name, news))
    return made


def noted(partition: int, row: Row, names: Names, codec: Codec) -> Noted:
    """The index entries of a row's event."""
    event = stored(partition, row, names, codec)
    content = content_digest(canonical_of(event.body, row.flags))
    found = pack_found(content, event.at)
    return key_digest(event.source, event.id), found, event.at, row.entity, related_names(event, names), event.continues
