"""Users share an account of a skill with one another."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Add the tables, and to events the account that they work with."""
    op.create_table(
        "shares",
        sa.Column("id", sa.String(26), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("skill", sa.String(128), nullable=False),
        sa.Column("grantee", sa.String(64), nullable=False),
        sa.Column("access", sa.String(8), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_shares"),
        sa.CheckConstraint("access IN ('read', 'write')", name="access"),
    )
    op.create_index(
        "uq_shares_owner_skill_grantee", "shares", ["owner", "skill", "grantee"], unique=True
    )
    op.create_index("ix_shares_grantee", "shares", ["grantee"])
    op.create_table(
        "account_choices",
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("skill", sa.String(128), nullable=False),
        sa.Column("share", sa.String(26), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("owner", "skill", name="pk_account_choices"),
    )
    op.add_column("events", sa.Column("account", sa.String(26)))
