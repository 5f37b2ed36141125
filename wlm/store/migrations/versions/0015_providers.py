"""Failures are counted for each provider of a skill; how many ask one at once is, too."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """What was counted is forgotten: a provider that is still away is found out in a moment."""
    op.drop_table("breakers")
    op.create_table(
        "breakers",
        sa.Column("skill", sa.String(128), nullable=False),
        sa.Column("provider", sa.String(255), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("own", sa.Boolean(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("open_until", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("skill", "provider", "owner", name="pk_breakers"),
    )
    op.create_table(
        "permits",
        sa.Column("skill", sa.String(128), nullable=False),
        sa.Column("provider", sa.String(255), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("holder", sa.String(26), nullable=False),
        sa.Column("worker", sa.String(128), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("skill", "provider", "number", name="pk_permits"),
    )
