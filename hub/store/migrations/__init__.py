"""How the store's schema came to be, step by step (Alembic). Run in-process when the store is opened.

A new step: `python -m hub.store.migrations "what it does"` writes it from the difference between the tables and the
migrated schema; read it, then add its revision to `REVISIONS`.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection

if TYPE_CHECKING:
    from alembic.config import Config

# Kept here so that opening an up-to-date store needs no Alembic. A test holds them to the scripts.
REVISIONS: Final = ("0001", "0002", "0003")
HEAD: Final = REVISIONS[-1]


def config(connection: Connection) -> "Config":
    from alembic.config import Config

    made = Config()
    made.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    made.attributes["connection"] = connection
    return made


def upgrade(connection: Connection) -> None:
    """Run what is missing, in the caller's transaction."""
    from alembic import command

    command.upgrade(config(connection), "head")
