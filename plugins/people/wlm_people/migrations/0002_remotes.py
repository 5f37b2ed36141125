"""An address book elsewhere, and what is kept in step with it."""

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
        "people_remotes",
        sa.Column("id", sa.String(26), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("collection", sa.Text, nullable=False),
        sa.Column("token", sa.Text, nullable=False),
        sa.Column("synced_at", sa.DateTime),
        sa.Column("busy_until", sa.DateTime),
        sa.PrimaryKeyConstraint("id", name="pk_people_remotes"),
    )
    op.create_index("ix_people_remotes_owner", "people_remotes", ["owner"])
    op.create_table(
        "people_links",
        sa.Column("id", sa.String(26), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("remote", sa.String(26), nullable=False),
        sa.Column("uid", sa.String(512), nullable=False),
        sa.Column("href", sa.Text, nullable=False),
        sa.Column("etag", sa.Text, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("data", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_people_links"),
    )
    op.create_index("ix_people_links_remote", "people_links", ["owner", "remote"])
    op.create_index("ix_people_links_uid", "people_links", ["owner", "uid"])
    op.create_table(
        "people_conflicts",
        sa.Column("id", sa.String(26), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("what", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_people_conflicts"),
    )
    op.create_index("ix_people_conflicts_owner", "people_conflicts", ["owner", "at"])
