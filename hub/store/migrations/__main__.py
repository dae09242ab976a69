"""Write a new migration: the difference between `hub.store.tables` and the migrated schema."""

import sys

from alembic import command
from sqlalchemy import create_engine

from hub.store.migrations import config, upgrade

if __name__ == "__main__":
    with create_engine("sqlite://").begin() as connection:
        upgrade(connection)
        command.revision(config(connection), sys.argv[1], autogenerate=True)
