"""Calendars elsewhere, and what is kept in step with them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables and their indexes."""
    op.create_table(
        "meeting_remotes",
        sa.Column("id", sa.String(26), primary_key=True),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("collection", sa.Text, nullable=False),
        sa.Column("token", sa.Text, nullable=False),
        sa.Column("synced_at", sa.DateTime),
        sa.Column("busy_until", sa.DateTime),
    )
    op.create_index("ix_meeting_remotes_owner", "meeting_remotes", ["owner"])
    op.create_table(
        "meeting_links",
        sa.Column("id", sa.String(26), primary_key=True),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("remote", sa.String(26), nullable=False),
        sa.Column("uid", sa.String(512), nullable=False),
        sa.Column("href", sa.Text, nullable=False),
        sa.Column("etag", sa.Text, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("data", sa.Text, nullable=False),
    )
    op.create_index("ix_meeting_links_remote", "meeting_links", ["owner", "remote"])
    op.create_index("ix_meeting_links_uid", "meeting_links", ["owner", "uid"])
    op.create_table(
        "meeting_conflicts",
        sa.Column("id", sa.String(26), primary_key=True),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("what", sa.String(64), nullable=False),
    )
    op.create_index("ix_meeting_conflicts_owner", "meeting_conflicts", ["owner", "at"])
