"""Calendar entries."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table and its indexes."""
    op.create_table(
        "meeting_entries",
        sa.Column("id", sa.String(26), primary_key=True),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("uid", sa.String(512), nullable=False),
        sa.Column("recurrence", sa.String(32), nullable=False),
        sa.Column("series", sa.String(26)),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("people", sa.JSON, nullable=False),
        sa.Column("location", sa.Text, nullable=False),
        sa.Column("notes", sa.Text, nullable=False),
        sa.Column("all_day", sa.Boolean, nullable=False),
        sa.Column("busy", sa.Boolean, nullable=False),
        sa.Column("zone", sa.String(64), nullable=False),
        sa.Column("local_start", sa.DateTime, nullable=False),
        sa.Column("seconds", sa.Integer, nullable=False),
        sa.Column("repeats", sa.Boolean, nullable=False),
        sa.Column("rrule", sa.Text, nullable=False),
        sa.Column("local_last", sa.DateTime),
        sa.Column("rdates", sa.JSON, nullable=False),
        sa.Column("exdates", sa.JSON, nullable=False),
        sa.Column("starts_at", sa.DateTime, nullable=False),
        sa.Column("ends_at", sa.DateTime, nullable=False),
        sa.Column("notify_event", sa.String(64)),
        sa.Column("notify_before", sa.Integer),
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("changed_at", sa.DateTime, nullable=False),
        sa.UniqueConstraint("owner", "uid", "recurrence", name="uq_meeting_entries_uid"),
    )
    op.create_index(
        "ix_meeting_entries_span",
        "meeting_entries",
        ["owner", "repeats", "ends_at", "starts_at"],
    )
    op.create_index("ix_meeting_entries_series", "meeting_entries", ["owner", "series"])
    op.create_index("ix_meeting_entries_notify", "meeting_entries", ["owner", "notify_event"])
