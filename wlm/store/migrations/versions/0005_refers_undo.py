"""What words such as "it" stand for in an event, and how to take back what it did."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add two columns to the events."""
    op.add_column("events", sa.Column("refers", sa.JSON()))
    op.add_column("events", sa.Column("undo", sa.JSON()))
