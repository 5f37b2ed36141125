"""How often the process ended that ran an event: it may be the cause, and is run alone then."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

READY = "ticket is not null and lease_token is null and losses > 0"


def upgrade() -> None:
    """Nothing is held against the events that are there."""
    op.add_column("events", sa.Column("losses", sa.Integer(), nullable=False, server_default="0"))
    condition = sa.text(READY)
    op.create_index(
        "ix_events_suspects",
        "events",
        ["ticket", "id"],
        sqlite_where=condition,
        postgresql_where=condition,
    )
