"""Schedules, their firings, notices and where they are delivered."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the tables, and an index for retention and one for looking events up by skill."""
    _schedules()
    _firings()
    _notices()
    _deliveries()
    _index("events", "finished_at")
    _index("events", "owner", "skill", "created_at")


def _schedules() -> None:
    op.create_table(
        "schedules",
        sa.Column("id", sa.String(26), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("skill", sa.String(128)),
        sa.Column("key", sa.String(255)),
        sa.Column("rrule", sa.Text(), nullable=False),
        sa.Column("starts", sa.String(32), nullable=False),
        sa.Column("ends", sa.String(32)),
        sa.Column("zone", sa.String(64), nullable=False),
        sa.Column("excluded", sa.JSON(), nullable=False),
        sa.Column("lead_seconds", sa.Integer(), nullable=False),
        sa.Column("steps", sa.JSON(), nullable=False),
        sa.Column("confirmed", sa.Boolean(), nullable=False),
        sa.Column("catch_up_seconds", sa.Integer(), nullable=False),
        sa.Column("channels", sa.JSON()),
        sa.Column("next_at", sa.DateTime(timezone=True)),
        sa.Column("handled_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_schedules"),
        sa.CheckConstraint(
            "state IN ('active', 'paused', 'ended')", name=op.f("ck_schedules_state")
        ),
    )
    op.create_index(
        "uq_schedules_owner_skill_key", "schedules", ["owner", "skill", "key"], unique=True
    )
    _index("schedules", "owner", "created_at")
    _index("schedules", "state", "next_at")


def _firings() -> None:
    op.create_table(
        "firings",
        sa.Column("schedule_id", sa.String(26), nullable=False),
        sa.Column("occurrence", sa.DateTime(timezone=True), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sa.String(8), nullable=False),
        sa.Column("missed", sa.Integer(), nullable=False),
        sa.Column("events", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("schedule_id", "occurrence", name="pk_firings"),
        sa.ForeignKeyConstraint(
            ["schedule_id"],
            ["schedules.id"],
            name="fk_firings_schedule_id",
            ondelete="CASCADE",
        ),
        sa.CheckConstraint(
            "outcome IN ('fired', 'late', 'skipped')", name=op.f("ck_firings_outcome")
        ),
    )
    _index("firings", "at")


def _notices() -> None:
    number = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "notices",
        sa.Column("id", number, autoincrement=True, nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("event_id", sa.String(26), nullable=False),
        sa.Column("state", sa.String(24), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_notices"),
        sa.ForeignKeyConstraint(
            ["event_id"], ["events.id"], name="fk_notices_event_id", ondelete="CASCADE"
        ),
        sqlite_autoincrement=True,
    )
    _index("notices", "owner", "id")
    _index("notices", "event_id")


def _deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("notice_id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False),
        sa.Column("channel", sa.String(64), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True)),
        sa.Column("done_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("notice_id", "channel", name="pk_deliveries"),
        sa.ForeignKeyConstraint(
            ["notice_id"],
            ["notices.id"],
            name="fk_deliveries_notice_id",
            ondelete="CASCADE",
        ),
        sa.CheckConstraint(
            "state IN ('pending', 'taken', 'done', 'failed')", name=op.f("ck_deliveries_state")
        ),
    )
    _index("deliveries", "state", "channel", "owner")


def _index(table: str, *columns: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))
