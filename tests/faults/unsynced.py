"""`skolnav run` with a store that does not sync: what the power cut must catch.

python -m tests.faults.unsynced run --config FILE
"""

import sqlite3
from pathlib import Path

from hub.cli import main
from hub.store import sql

_connect = sql._connect_writer


def _unsynced(path: Path) -> sqlite3.Connection:
    connection = _connect(path)
    connection.execute("PRAGMA synchronous = OFF")
    return connection


if __name__ == "__main__":
    sql._connect_writer = _unsynced
    main()
