"""Skills watch something for their users; one process at a time, from where the last one was."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "watches",
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("skill", sa.String(128), nullable=False),
        sa.Column("holder", sa.String(26)),
        sa.Column("worker", sa.String(128)),
        sa.Column("until", sa.DateTime(timezone=True)),
        sa.Column("mark", sa.JSON()),
        sa.PrimaryKeyConstraint("owner", "skill", name="pk_watches"),
    )
