"""An event as the log's file keeps it: what is worked out before the writer, and the way back from a row."""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC
from hashlib import blake2b
from typing import Any, Final

import orjson
from pydantic_core import from_json

from hub.bus.base import OFFSET_BITS, Place, Stored
from hub.bus.codec import Codec
from hub.bus.names import Names, pack_id, pack_ids, unpack_id, unpack_ids
from hub.clock import from_us
from schemas import Described
from schemas.event import HUB_ATTRIBUTES

KEY_BYTES: Final = 16
_NOWHERE: Final = Place(0)
CONTENT_BYTES: Final = 8  # tells other content from the same; a collision would make a conflict pass as a repeat

COLUMNS: Final = "offset, accepted, ahead, type, source, id, subject, key, entity, about, organisations, extras, body"
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
    extras INTEGER NOT NULL,
    body BLOB NOT NULL
)"""


@dataclass(slots=True)
class Prepared:
    """An event ready for the writer: all that needs neither the clock nor the file."""

    stored: Stored  # the writer fills in place, acceptance time and body
    canonical: bytes  # the event as published, keys sorted
    timed: bool  # the publisher gave a `time`
    key_digest: bytes
    content_digest: bytes
    partition: int
    columns: tuple[Any, ...]  # from `type` to `extras`


def prepare(described: Described, names: Names, partitions: int) -> Prepared:
    """Serialise and digest an event. Runs on the event loop, while the writer waits for the disk."""
    attributes = described.event.attributes
    whole = dict(attributes)
    for name in HUB_ATTRIBUTES:
        whole.pop(name, None)
    if described.event.data is not None:
        whole["data"] = described.event.data
    canonical = canonical_json(whole)
    type_, source, id_ = attributes["type"], attributes["source"], attributes["id"]
    subject, key, entity, about = described.subject, described.key, described.entity, described.about
    organisations, extras = described.organisations, described.extras
    return Prepared(
        Stored(_NOWHERE, type_, source, id_, subject, key, entity, about, organisations, extras, 0, b""),
        canonical,
        "time" in attributes,
        key_digest(source, id_),
        blake2b(canonical, digest_size=CONTENT_BYTES).digest(),
        partition_for(key, partitions),
        (
            names.number(type_),
            names.number(source),
            pack_id(id_),
            names.pack(subject),
            None if key == subject else names.pack(key),
            None if entity is None else names.pack(entity),
            None if named_by(subject, about) else pack_ids(about),
            pack_ids(organisations),
            1 if extras else 0,
        ),
    )


def copy_of(old: Stored, partition: int, row: Sequence[Any]) -> Prepared:
    """The same event once more, under its own source with a new random id. `row` is the old one, of COLUMNS."""
    whole = from_json(old.body)
    whole.pop("sequence", None)
    new_id = whole["id"] = str(uuid.uuid4())
    canonical = canonical_json(whole)
    columns = list(row[3:12])
    columns[2] = pack_id(new_id)
    return Prepared(
        replace(old, id=new_id, _parsed=None),
        canonical,
        True,
        key_digest(old.source, new_id),
        blake2b(canonical, digest_size=CONTENT_BYTES).digest(),
        partition,
        tuple(columns),
    )


def named_by(subject: str, about: Sequence[str]) -> bool:
    """Whether `about` is one person, the one that the subject names."""
    return len(about) == 1 and subject == f"person/{about[0]}"


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


def complete(canonical: bytes, timed: bool, accepted: int, sequence: int) -> bytes:
    """The body: the event with its `sequence`, and the acceptance time where the publisher gave none."""
    if timed:
        return b'%b,"sequence":"%016d"}' % (canonical[:-1], sequence)
    time = from_us(accepted).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ").encode()
    return b'%b,"sequence":"%016d","time":"%b"}' % (canonical[:-1], sequence, time)


def stored(partition: int, row: Sequence[Any], names: Names, codec: Codec) -> Stored:
    """The event of a row of COLUMNS."""
    offset, accepted, _, type_, source, id_, subject, key, entity, about, organisations, extras, body = row
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
        unpack_ids(organisations),
        extras == 1,
        accepted,
        codec.decode(name, body),
    )
