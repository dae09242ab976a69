"""Failed attempts, ended dead letters, what clients have acknowledged, and counters over time."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "acknowledged",
        sa.Column("tenant", sa.String(), autoincrement=False, nullable=False),
        sa.Column("subscription", sa.String(), autoincrement=False, nullable=False),
        sa.Column("position", sa.LargeBinary(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "subscription", name=op.f("pk_acknowledged")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "attempts",
        sa.Column("tenant", sa.String(), autoincrement=False, nullable=False),
        sa.Column("n", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("subscription", sa.String(), nullable=False),
        sa.Column("lane", sa.String(), nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("took_us", sa.BigInteger(), nullable=False),
        sa.Column("result", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "n", name=op.f("pk_attempts")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("attempts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_attempts_tenant_place"), ["tenant", "place"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_attempts_tenant_subscription_n"), ["tenant", "subscription", "n"], unique=False
        )

    op.create_table(
        "counters",
        sa.Column("tenant", sa.String(), autoincrement=False, nullable=False),
        sa.Column("width_s", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("about", sa.String(), autoincrement=False, nullable=False),
        sa.Column("start_s", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("counted", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "width_s", "about", "start_s", name=op.f("pk_counters")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("counters", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_counters_tenant_width_s_start_s"), ["tenant", "width_s", "start_s"], unique=False
        )

    op.create_table(
        "ended_letters",
        sa.Column("tenant", sa.String(), autoincrement=False, nullable=False),
        sa.Column("id", sa.String(), autoincrement=False, nullable=False),
        sa.Column("subscription", sa.String(), nullable=False),
        sa.Column("lane", sa.String(), nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("first_us", sa.BigInteger(), nullable=False),
        sa.Column("dead_us", sa.BigInteger(), nullable=False),
        sa.Column("ended_us", sa.BigInteger(), nullable=False),
        sa.Column("how", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("new_lane", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_ended_letters")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("ended_letters", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_ended_letters_tenant_ended_us"), ["tenant", "ended_us"], unique=False)
        batch_op.create_index(batch_op.f("ix_ended_letters_tenant_place"), ["tenant", "place"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_ended_letters_tenant_subscription_id"), ["tenant", "subscription", "id"], unique=False
        )

    with op.batch_alter_table("dead_letters", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_dead_letters_tenant_place"), ["tenant", "place"], unique=False)

    for table in ("parked", "waiting"):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.create_index(batch_op.f(f"ix_{table}_tenant_place"), ["tenant", "place"], unique=False)

    with op.batch_alter_table("disclosures", schema=None) as batch_op:
        batch_op.create_index(
            "ix_disclosures_wide",
            ["tenant", "recipient", "first_place"],
            unique=False,
            sqlite_where=sa.text("last_place - first_place >= 4096"),
            postgresql_where=sa.text("last_place - first_place >= 4096"),
        )
