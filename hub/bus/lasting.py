"""State that is over at a time of its own: a lesson at its end, a closed day at the end of that day.

A source may say it months ahead. So a trim keeps such state while its own time, not only its event's age, is within the
retention.
"""

from collections.abc import Sequence
from datetime import date, time, timedelta
from typing import Any, Final

import apsw

from hub.bus.base import Place, Stored, offset_of, partition_of
from hub.clock import to_us
from schemas.event import parse_timestamp
from schemas.school_time import school_moment

SCHEMA: Final = """
-- Spared state that is deleted after `over` (microseconds, machine time).
CREATE TABLE lasting (place INTEGER PRIMARY KEY, over INTEGER NOT NULL);
CREATE INDEX lasting_over ON lasting (over);
"""

_DATE_LENGTH: Final = len("2026-11-24")


def over_us(stored: Stored, field: str) -> int | None:
    """The time at which the entity of an event is over: the time, or the end of the day, in this field of its data.

    None: the field holds neither, so only the event's age counts.
    """
    value = stored.parsed["data"].get(field)
    try:
        if isinstance(value, str) and len(value) == _DATE_LENGTH:
            return to_us(school_moment(date.fromisoformat(value) + timedelta(days=1), time()))
        return to_us(parse_timestamp(value))
    except (TypeError, ValueError, OverflowError):
        return None


def delete_state(db: apsw.Connection, entity: Any, subject: Any) -> None:
    """Forget that an entity exists. Its events stay until they are trimmed or swept."""
    db.execute("DELETE FROM state WHERE entity = ?", (entity,))
    db.execute("DELETE FROM earlier WHERE entity = ?", (entity,))
    db.execute("DELETE FROM related WHERE name = ? AND entity = ?", (subject, entity))


def spare(db: apsw.Connection, kept: Sequence[tuple[int, Any, int]]) -> None:
    """Keep state past the trim of its events. Each: place, entity, when it is over."""
    for at, entity, over in kept:
        db.execute("INSERT OR IGNORE INTO spared VALUES (?, ?)", (at, entity))
        db.execute("INSERT OR REPLACE INTO lasting VALUES (?, ?)", (at, over))


def end(db: apsw.Connection, before_us: int, limit: int) -> None:
    """Delete the state that was over before this time, at most `limit`. A sweep then deletes its events."""
    query = """
        SELECT lasting.place, spared.entity, state.place FROM lasting
        LEFT JOIN spared ON spared.place = lasting.place LEFT JOIN state ON state.entity = spared.entity
        WHERE lasting.over < ? ORDER BY lasting.over LIMIT ?"""
    over: list[Any] = db.execute(query, (before_us, limit)).fetchall()
    for at, entity, now_at in over:
        if at == now_at:
            partition, offset = partition_of(Place(at)), offset_of(Place(at))
            for (subject,) in db.execute(f"SELECT subject FROM events_{partition} WHERE offset = ?", (offset,)):  # noqa: S608 - a number
                delete_state(db, entity, subject)
        db.execute("DELETE FROM lasting WHERE place = ?", (at,))
