"""The tables of the first version."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("tenant", sa.String(), autoincrement=False, nullable=False),
        sa.Column("n", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "n", name=op.f("pk_audit")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "connector_state",
        sa.Column("tenant", sa.String(), autoincrement=False, nullable=False),
        sa.Column("connector", sa.String(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(), autoincrement=False, nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "connector", "name", name=op.f("pk_connector_state")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "cursors",
        sa.Column("tenant", sa.String(), autoincrement=False, nullable=False),
        sa.Column("subscription", sa.String(), autoincrement=False, nullable=False),
        sa.Column("lane", sa.String(), autoincrement=False, nullable=False),
        sa.Column("position", sa.LargeBinary(), nullable=False),
        sa.Column("open", sa.LargeBinary(), nullable=False),
        sa.Column("accepted_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "subscription", "lane", name=op.f("pk_cursors")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "dead_letters",
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
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_dead_letters")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("dead_letters", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_dead_letters_tenant_subscription_id"), ["tenant", "subscription", "id"], unique=False
        )

    op.create_table(
        "disclosure_anchors",
        sa.Column("tenant", sa.String(), autoincrement=False, nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", name=op.f("pk_disclosure_anchors")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "disclosure_heads",
        sa.Column("tenant", sa.String(), autoincrement=False, nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", name=op.f("pk_disclosure_heads")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "disclosures",
        sa.Column("tenant", sa.String(), autoincrement=False, nullable=False),
        sa.Column("n", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("recipient", sa.String(), nullable=False),
        sa.Column("subscription", sa.String(), nullable=False),
        sa.Column("contracts", sa.String(), nullable=False),
        sa.Column("decided", sa.String(), nullable=False),
        sa.Column("first_place", sa.BigInteger(), nullable=False),
        sa.Column("last_place", sa.BigInteger(), nullable=False),
        sa.Column("previous", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "n", name=op.f("pk_disclosures")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("disclosures", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_disclosures_tenant_recipient_first_place_last_place"),
            ["tenant", "recipient", "first_place", "last_place"],
            unique=False,
        )

    op.create_table(
        "lanes",
        sa.Column("tenant", sa.String(), autoincrement=False, nullable=False),
        sa.Column("subscription", sa.String(), autoincrement=False, nullable=False),
        sa.Column("lane", sa.String(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("start", sa.LargeBinary(), nullable=False),
        sa.Column("until", sa.LargeBinary(), nullable=False),
        sa.Column("places", sa.LargeBinary(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("done", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "subscription", "lane", name=op.f("pk_lanes")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "numbers",
        sa.Column("tenant", sa.String(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(), autoincrement=False, nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "name", name=op.f("pk_numbers")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "outbox",
        sa.Column("tenant", sa.String(), autoincrement=False, nullable=False),
        sa.Column("n", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("connector", sa.String(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "n", name=op.f("pk_outbox")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "parked",
        sa.Column("tenant", sa.String(), autoincrement=False, nullable=False),
        sa.Column("subscription", sa.String(), autoincrement=False, nullable=False),
        sa.Column("lane", sa.String(), autoincrement=False, nullable=False),
        sa.Column("key", sa.LargeBinary(), autoincrement=False, nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_us", sa.BigInteger(), nullable=False),
        sa.Column("since_us", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "subscription", "lane", "key", name=op.f("pk_parked")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "subscription_status",
        sa.Column("tenant", sa.String(), autoincrement=False, nullable=False),
        sa.Column("id", sa.String(), autoincrement=False, nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("since_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_subscription_status")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "subscriptions",
        sa.Column("tenant", sa.String(), autoincrement=False, nullable=False),
        sa.Column("id", sa.String(), autoincrement=False, nullable=False),
        sa.Column("client", sa.String(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("spec", sa.LargeBinary(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_subscriptions")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "timers",
        sa.Column("tenant", sa.String(), autoincrement=False, nullable=False),
        sa.Column("connector", sa.String(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(), autoincrement=False, nullable=False),
        sa.Column("due_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "connector", "name", name=op.f("pk_timers")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "waiting",
        sa.Column("tenant", sa.String(), autoincrement=False, nullable=False),
        sa.Column("subscription", sa.String(), autoincrement=False, nullable=False),
        sa.Column("lane", sa.String(), autoincrement=False, nullable=False),
        sa.Column("key", sa.LargeBinary(), autoincrement=False, nullable=False),
        sa.Column("n", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "subscription", "lane", "key", "n", name=op.f("pk_waiting")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "withheld",
        sa.Column("tenant", sa.String(), autoincrement=False, nullable=False),
        sa.Column("person", sa.String(), autoincrement=False, nullable=False),
        sa.Column("entity", sa.String(), autoincrement=False, nullable=False),
        sa.Column("recipient", sa.String(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("tenant", "person", "entity", "recipient", name=op.f("pk_withheld")),
        sqlite_with_rowid=False,
    )
