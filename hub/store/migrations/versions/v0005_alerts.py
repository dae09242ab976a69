"""What operators are told: alerts, the far sides of connectors, and single facts of the hub itself."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "far_sides",
        sa.Column("tenant", sa.String(), autoincrement=False, nullable=False),
        sa.Column("connector", sa.String(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(), autoincrement=False, nullable=False),
        sa.Column("reached_us", sa.BigInteger(), nullable=True),
        sa.Column("behind_us", sa.BigInteger(), nullable=True),
        sa.Column("code", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "connector", "name", name=op.f("pk_far_sides")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "alerts",
        sa.Column("tenant", sa.String(), autoincrement=False, nullable=False),
        sa.Column("code", sa.String(), autoincrement=False, nullable=False),
        sa.Column("place", sa.String(), autoincrement=False, nullable=False),
        sa.Column("what", sa.String(), autoincrement=False, nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("severity", sa.String(), nullable=False),
        sa.Column("error", sa.String(), nullable=False),
        sa.Column("since_us", sa.BigInteger(), nullable=False),
        sa.Column("raised_us", sa.BigInteger(), nullable=False),
        sa.Column("changed_us", sa.BigInteger(), nullable=False),
        sa.Column("cleared_us", sa.BigInteger(), nullable=True),
        sa.Column("told_us", sa.BigInteger(), nullable=True),
        sa.Column("reminders", sa.Integer(), nullable=False),
        sa.Column("acknowledged_us", sa.BigInteger(), nullable=True),
        sa.Column("acknowledged_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "code", "place", "what", name=op.f("pk_alerts")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "notes",
        sa.Column("tenant", sa.String(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(), autoincrement=False, nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "name", name=op.f("pk_notes")),
        sqlite_with_rowid=False,
    )
