"""The place in a trace where an event was accepted, so that whoever runs it goes on with it."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Events that are there already belong to no trace."""
    op.add_column("events", sa.Column("traceparent", sa.String(64)))
