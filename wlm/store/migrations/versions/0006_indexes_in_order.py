"""Indexes that answer "the newest events of a state, or of a skill" without sorting."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """The id is part of the order of a page, so it must be part of the index."""
    for column in ("state", "skill"):
        op.drop_index(f"ix_events_owner_{column}_created_at", "events")
        op.create_index(
            f"ix_events_owner_{column}_created_at_id",
            "events",
            ["owner", column, "created_at", "id"],
        )
