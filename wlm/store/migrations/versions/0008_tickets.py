"""Places in the queue, and what is known of failing providers."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

PARTIAL = {
    "ready": (["ticket", "id", "owner", "skill"], "ticket is not null and lease_token is null"),
    "running": (["owner", "skill", "ticket"], "lease_token is not null"),
    "place": (["owner", "priority", "ticket"], "ticket is not null"),
    "due": (["run_at"], "ticket is null and finished_at is null"),
}


def upgrade() -> None:
    """Events that are ready get their place from the next sweep."""
    op.add_column("events", sa.Column("ticket", sa.BigInteger()))
    op.drop_index("ix_events_state_priority_run_at", "events")
    for name, (columns, where) in PARTIAL.items():
        condition = sa.text(where)
        op.create_index(
            f"ix_events_{name}",
            "events",
            columns,
            sqlite_where=condition,
            postgresql_where=condition,
        )
    op.create_table(
        "tickets",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("served", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_tickets"),
    )
    op.create_table(
        "breakers",
        sa.Column("skill", sa.String(128), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("open_until", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("skill", "owner", name="pk_breakers"),
    )
