"""An event as the log's file keeps it: what is worked out before the writer, and the way back from a row."""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any, Final

import orjson
from pydantic_core import from_json

from hub.bus.base import OFFSET_BITS, Place, Stored
from hub.bus.codec import Codec
from hub.bus.digests import pack_found
from hub.bus.fresh import Noted
from hub.bus.names import Names, Packed, pack_id, pack_ids, unpack_id, unpack_ids
from hub.clock import from_us
from schemas import Described
from schemas.event import HUB_ATTRIBUTES

KEY_BYTES: Final = 16
CHANGED: Final = "changed"  # the field with the previous values of what changed, in every family that has it
EXTRAS: Final = 1  # it holds something that the catalogue does not list
TIMED: Final = 2  # the publisher gave a `time`, so the hub did not
CONTINUES: Final = 4  # it says what changed, or that its entity is no more

_NOWHERE: Final = Place(0)
_SEQUENCE: Final = len(',"sequence":"0000000000000000"}')
_TIME: Final = len(',"time":"2026-11-24T07:42:00.123456Z"')
CONTENT_BYTES: Final = 8  # tells other content from the same; a collision would make a conflict pass as a repeat

COLUMNS: Final = "offset, accepted, ahead, type, source, id, subject, key, entity, about, organisations, flags, body"
WIDTH: Final = 13


def table(partition: int) -> str:
    """The statement that makes a partition's table. Columns without a type hold numbers, text and bytes alike."""
    return f"""
CREATE TABLE events_{partition} (
    offset INTEGER PRIMARY KEY,
    accepted INTEGER NOT NULL,  -- microseconds since 1970 UTC
    ahead INTEGER NOT NULL,     -- how far past it the partition's largest sequence is
    type NOT NULL,              -- in `names`
    source NOT NULL,            -- in `names`
    id NOT NULL,
    subject NOT NULL,
    key,                        -- NULL: the subject
    entity,                     -- NULL: the type is no state
    about,                      -- NULL: the person that the subject names
    organisations NOT NULL,
    flags INTEGER NOT NULL,     -- EXTRAS, TIMED, CONTINUES
    body BLOB NOT NULL
)"""


@dataclass(slots=True)
class Prepared:
    """An event ready for the writer: all that needs neither the clock nor the file."""

    stored: Stored  # the writer fills in place, acceptance time and body
    canonical: bytes  # the event as published, keys sorted
    key_digest: bytes
    content_digest: bytes
    partition: int
    columns: tuple[Any, ...]  # from `type` to `flags`
    entity: Packed | None
    names: tuple[Packed, ...]  # its subject, and the persons that it is about


def prepare(described: Described, names: Names, partitions: int) -> Prepared:
    """Serialise and digest an event. Runs on the event loop, while the writer waits for the disk."""
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
    continues = described.entry.spec.ends or (isinstance(data, dict) and data.get(CHANGED) is not None)
    packed = names.pack(subject)
    entity = None if described.entity is None else names.pack_rare(described.entity)
    is_subject = len(about) == 1 and subject == f"person/{about[0]}"
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
            (EXTRAS if extras else 0) | (TIMED if "time" in attributes else 0) | (CONTINUES if continues else 0),
        ),
        entity,
        (packed,) if is_subject or not about else (packed, *[names.pack(f"person/{person}") for person in about]),
    )


def copy_of(old: Stored, partition: int, row: Sequence[Any], names: Names, whole_type: str | None) -> Prepared:
    """The same event once more, without `changed`, under its own source with a new random id.

    `row` is the old one, of COLUMNS. `whole_type` is the type of the event that a change was made to, if it is known.
    """
    whole = from_json(old.body)
    whole.pop("sequence", None)
    columns = list(row[3:12])
    if isinstance(data := whole.get("data"), dict) and data.pop(CHANGED, None) is not None:
        # It would tell what stood there while nothing was told, and the type that something was not told.
        columns[8] &= ~CONTINUES
        if whole_type is not None:
            whole["type"] = whole_type
            columns[0] = names.number(whole_type)
    new_id = whole["id"] = str(uuid.uuid4())
    canonical = canonical_json(whole)
    columns[2] = pack_id(new_id)
    columns[8] |= TIMED
    return Prepared(
        replace(old, id=new_id, type=whole["type"], continues=columns[8] & CONTINUES != 0, earlier=(), _parsed=None),
        canonical,
        key_digest(old.source, new_id),
        content_digest(canonical),
        partition,
        tuple(columns),
        columns[5],
        related_names(old, names),
    )


def related_names(event: Stored, names: Names) -> tuple[Packed, ...]:
    """The names by which an event's entity is found: its subject, and the persons that it is about."""
    return tuple(names.packed(name) for name in {event.subject, *[f"person/{person}" for person in event.about]})


def content_digest(canonical: bytes) -> bytes:
    return blake2b(canonical, digest_size=CONTENT_BYTES).digest()


def canonical_of(body: bytes, flags: int) -> bytes:
    """The event as published, from the body that `complete` made."""
    return body[: -(_SEQUENCE if flags & TIMED else _SEQUENCE + _TIME)] + b"}"


def canonical_json(value: Any) -> bytes:
    """One form for one content: keys sorted, no spaces."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # an integer past 64 bits, which JSON allows
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def key_digest(source: str, id_: str) -> bytes:
    return blake2b(f"{source}\n{id_}".encode(), digest_size=KEY_BYTES).digest()


def partition_for(key: str, partitions: int) -> int:
    """Where a key lives, for good: the log's partitions are fixed when it is made."""
    if partitions == 1:
        return 0
    return int.from_bytes(blake2b(key.encode(), digest_size=8).digest()) % partitions


def complete(canonical: bytes, flags: int, accepted: int, sequence: int) -> bytes:
    """The body: the event with its `sequence`, and the acceptance time where the publisher gave none."""
    if flags & TIMED:
        return b'%b,"sequence":"%016d"}' % (canonical[:-1], sequence)
    time = from_us(accepted).strftime("%Y-%m-%dT%H:%M:%S.%fZ").encode()
    return b'%b,"sequence":"%016d","time":"%b"}' % (canonical[:-1], sequence, time)


def stored(partition: int, row: Sequence[Any], names: Names, codec: Codec) -> Stored:
    """The event of a row of COLUMNS."""
    offset, accepted, _, type_, source, id_, subject, key, entity, about, organisations, flags, body = row
    name = names.unpack(subject)
    return Stored(
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


def noted(partition: int, row: Sequence[Any], names: Names, codec: Codec) -> Noted:
    """What the indexes hold of a row of COLUMNS."""
    event = stored(partition, row, names, codec)
    content = content_digest(canonical_of(event.body, row[11]))
    found = pack_found(content, event.at)
    return key_digest(event.source, event.id), found, event.at, row[8], related_names(event, names), event.continues
