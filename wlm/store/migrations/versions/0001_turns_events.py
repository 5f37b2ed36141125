"""Turns, events, their history, and effects done once."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

STATES = (
    "accepted",
    "queued",
    "running",
    "waiting_confirmation",
    "waiting_input",
    "retrying",
    "succeeded",
    "failed",
    "dead",
    "cancelled",
)


def upgrade() -> None:
    """Make the first tables."""
    _turns()
    _events()
    _event_log()
    _effects()


def _turns() -> None:
    op.create_table(
        "turns",
        sa.Column("id", sa.String(26), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("conversation", sa.String(128), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("decision", sa.JSON(), nullable=False),
        sa.Column("actions", sa.JSON(), nullable=False),
        sa.Column("reply", sa.JSON(), nullable=False),
        sa.Column("timings_ms", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_turns"),
    )
    _index("turns", "owner", "created_at", "id")
    _index("turns", "owner", "conversation", "created_at")


def _events() -> None:
    states = ", ".join(f"'{state}'" for state in STATES)
    op.create_table(
        "events",
        sa.Column("id", sa.String(26), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("state", sa.String(24), nullable=False),
        sa.Column("skill", sa.String(128), nullable=False),
        sa.Column("intent", sa.String(256), nullable=False),
        sa.Column("slots", sa.JSON(), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("router", sa.String(64), nullable=False),
        sa.Column("effect", sa.String(8), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("max_attempts", sa.Integer(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("confirmed", sa.Boolean(), nullable=False),
        sa.Column("begun", sa.Boolean(), nullable=False),
        sa.Column("conversation", sa.String(128)),
        sa.Column("turn", sa.String(26)),
        sa.Column("parent", sa.String(26)),
        sa.Column("root", sa.String(26), nullable=False),
        sa.Column("depth", sa.Integer(), nullable=False),
        sa.Column("idempotency_key", sa.String(255)),
        sa.Column("fingerprint", sa.String(64)),
        sa.Column("lease_token", sa.String(26)),
        sa.Column("lease_until", sa.DateTime(timezone=True)),
        sa.Column("worker", sa.String(128)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("run_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True)),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.Column("reply", sa.JSON()),
        sa.Column("question", sa.JSON()),
        sa.Column("error", sa.JSON()),
        sa.PrimaryKeyConstraint("id", name="pk_events"),
        sa.ForeignKeyConstraint(
            ["parent"], ["events.id"], name="fk_events_parent", ondelete="SET NULL"
        ),
        sa.CheckConstraint(f"state IN ({states})", name=op.f("ck_events_state")),
        sa.CheckConstraint("effect IN ('read', 'write', 'send')", name=op.f("ck_events_effect")),
        sa.CheckConstraint("priority BETWEEN 0 AND 9", name=op.f("ck_events_priority")),
        sa.CheckConstraint("attempts >= 0 AND max_attempts >= 1", name=op.f("ck_events_attempts")),
        sa.CheckConstraint(
            "(state = 'running') = (lease_token IS NOT NULL)", name=op.f("ck_events_lease")
        ),
    )
    op.create_index(
        "uq_events_owner_idempotency_key", "events", ["owner", "idempotency_key"], unique=True
    )
    _index("events", "owner", "created_at", "id")
    _index("events", "owner", "conversation", "created_at")
    _index("events", "owner", "state", "created_at")
    _index("events", "state", "priority", "run_at")
    _index("events", "turn")
    _index("events", "parent")
    _index("events", "root")


def _event_log() -> None:
    serial = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "event_log",
        sa.Column("id", serial, autoincrement=True, nullable=False),
        sa.Column("event_id", sa.String(26), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(24), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("worker", sa.String(128)),
        sa.Column("code", sa.String(64)),
        sa.Column("detail", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_event_log"),
        sa.ForeignKeyConstraint(
            ["event_id"], ["events.id"], name="fk_event_log_event_id", ondelete="CASCADE"
        ),
    )
    _index("event_log", "event_id", "id")


def _effects() -> None:
    op.create_table(
        "effects",
        sa.Column("event_id", sa.String(26), nullable=False),
        sa.Column("key", sa.String(255), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("result", sa.JSON()),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("event_id", "key", name="pk_effects"),
        sa.ForeignKeyConstraint(
            ["event_id"], ["events.id"], name="fk_effects_event_id", ondelete="CASCADE"
        ),
    )


def _index(table: str, *columns: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))
