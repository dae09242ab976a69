"""Protections that outlive their records in the log."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "kept_marks",
        sa.Column("tenant", sa.String(), autoincrement=False, nullable=False),
        sa.Column("person", sa.String(), autoincrement=False, nullable=False),
        sa.Column("source", sa.String(), autoincrement=False, nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("guardians", sa.String(), nullable=False),
        sa.Column("lifted", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "person", "source", name=op.f("pk_kept_marks")),
        sqlite_with_rowid=False,
    )
