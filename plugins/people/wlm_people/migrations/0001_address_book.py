"""The address book and its search index."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the four tables."""
    op.create_table(
        "people_contact",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("owner", sa.String(255), nullable=False),
        sa.Column("uid", sa.String(300), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("given", sa.Text, nullable=False),
        sa.Column("family", sa.Text, nullable=False),
        sa.Column("company", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("birthday", sa.String(10), nullable=False),
        sa.Column("notes", sa.Text, nullable=False),
        sa.Column("folded", sa.Text, nullable=False),
        sa.Column("sound", sa.Text, nullable=False),
        sa.Column("used", sa.Integer, nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_people_contact"),
    )
    _index("people_contact", "owner", "uid")
    _index("people_contact", "owner", "folded")
    _index("people_contact", "owner", "sound")
    _index("people_contact", "owner", "used")
    op.create_table(
        "people_detail",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("owner", sa.String(255), nullable=False),
        sa.Column("contact", sa.String(32), nullable=False),
        sa.Column("type", sa.String(16), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_people_detail"),
        _of_contact("people_detail"),
    )
    _index("people_detail", "owner", "contact")
    _index("people_detail", "owner", "type", "key")
    op.create_table(
        "people_word",
        sa.Column("owner", sa.String(255), nullable=False),
        sa.Column("key", sa.String(80), nullable=False),
        sa.Column("word", sa.String(80), nullable=False),
    )
    _index("people_word", "owner", "key", "word")
    _index("people_word", "owner", "word")
    op.create_table(
        "people_name",
        sa.Column("owner", sa.String(255), nullable=False),
        sa.Column("word", sa.String(80), nullable=False),
        sa.Column("field", sa.String(16), nullable=False),
        sa.Column("contact", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("owner", "word", "field", "contact", name="pk_people_name"),
        _of_contact("people_name"),
    )
    _index("people_name", "owner", "contact")


def _index(table: str, *columns: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))


def _of_contact(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["contact"],
        ["people_contact.id"],
        name=f"fk_{table}_contact_people_contact",
        ondelete="CASCADE",
    )
