"""Find many contacts by id among an owner's without walking through all of them."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_INDEX = "ix_people_contact_owner_id_used"


def upgrade() -> None:
    """Make the index."""
    op.create_index(_INDEX, "people_contact", ["owner", "id", "used"])


def downgrade() -> None:
    """Drop the index."""
    op.drop_index(_INDEX, "people_contact")
