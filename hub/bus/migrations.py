# ruff: noqa: S608 - only partition numbers are put into statements
"""The steps that bring a log's file of an older format to today's, in the transaction of the opening.

To change the format: change the schema, raise `FORMAT`, add the step from the format before, and keep a file of the
format before (`python -m tests.hub.bus.kept`). The schemas of this module belong to the format that a step leads to:
they do not change when a later format changes the tables again.
"""

from collections.abc import Callable, Mapping
from typing import Final

import apsw

FORMAT: Final = 5
"""The format that this program writes. The first release wrote 3."""


def upgrade(db: apsw.Connection, found: int) -> None:
    """Run the steps from format `found` on. The caller has begun a transaction and knows that `found` has a step."""
    for number in range(found, FORMAT):
        STEPS[number](db)
    db.execute("UPDATE log SET format = ?", (FORMAT,))


def _makers(db: apsw.Connection) -> None:
    """Format 4 knows which sources have made entities of a kind, and has `lasting` from the first opening on."""
    db.execute("""
        CREATE TABLE IF NOT EXISTS lasting (place INTEGER PRIMARY KEY, over INTEGER NOT NULL);
        CREATE INDEX IF NOT EXISTS lasting_over ON lasting (over);
        CREATE TABLE makers (kind, source, PRIMARY KEY (kind, source)) WITHOUT ROWID;
    """)
    # A kind that lacked one of its makers would let that source's entities be taken over. So each source counts that
    # an event of the log names, as its own source or as the owner of the entity (flags from bit 8 on; 65535: none).
    kind = """CASE typeof(entity) WHEN 'blob' THEN substr(entity, 1, 2)
        ELSE substr(entity, 1, instr(entity || '/', '/') - 1) END"""
    for (partition,) in db.execute("SELECT partition FROM partitions").fetchall():
        events = f"events_{partition} WHERE entity IS NOT NULL"
        db.execute(f"INSERT OR IGNORE INTO makers SELECT DISTINCT {kind}, source FROM {events}")
        db.execute(
            f"INSERT OR IGNORE INTO makers SELECT DISTINCT {kind}, flags >> 8 FROM {events} "
            "AND flags >> 8 NOT IN (0, 65535)"
        )


def _news(db: apsw.Connection) -> None:
    """Format 5 has a column for what is new in an event. In older events all is new."""
    for (partition,) in db.execute("SELECT partition FROM partitions").fetchall():
        db.execute(f"ALTER TABLE events_{partition} ADD COLUMN news BLOB")


STEPS: Final[Mapping[int, Callable[[apsw.Connection], None]]] = {3: _makers, 4: _news}
"""By the format that a step begins with."""
