"""The steps that make the store's schema (Alembic). Opening the store runs the missing ones in its own process.

To add a step, run `python -m hub.store.migrations "what it does"`: it writes the step from the difference between the
tables and the migrated schema. Check the step, then add its revision to `REVISIONS`.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection

if TYPE_CHECKING:
    from alembic.config import Config

# Listed here so that opening an up-to-date store needs no Alembic. A test compares them with the scripts.
REVISIONS: Final = ("0001", "0002", "0003", "0004", "0005", "0006")
HEAD: Final = REVISIONS[-1]


def config(connection: Connection) -> "Config":
    from alembic.config import Config

    made = Config()
    made.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    made.attributes["connection"] = connection
    return made


def upgrade(connection: Connection) -> None:
    """Run the missing steps in the caller's transaction."""
    from alembic import command

    command.upgrade(config(connection), "head")
