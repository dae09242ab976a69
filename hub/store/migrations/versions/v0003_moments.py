"""Timers that a connector sets for a moment."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "moments",
        sa.Column("tenant", sa.String(), autoincrement=False, nullable=False),
        sa.Column("connector", sa.String(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(), autoincrement=False, nullable=False),
        sa.Column("key", sa.String(), autoincrement=False, nullable=False),
        sa.Column("due_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "connector", "name", "key", name=op.f("pk_moments")),
        sqlite_with_rowid=False,
    )
