"""Users, how they sign in, what signs tokens, the audit log; keys for encryption at rest."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the tables of accounts and of keys."""
    _keys()
    _users()
    _sessions()
    _api_keys()
    _host()


def _keys() -> None:
    op.create_table(
        "master_keys",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("canary", sa.Text(), nullable=False),
        _time("created_at"),
        sa.PrimaryKeyConstraint("version", name="pk_master_keys"),
    )
    op.create_table(
        "data_keys",
        sa.Column("id", sa.String(26), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("wrapped", sa.Text(), nullable=False),
        _time("created_at"),
        sa.PrimaryKeyConstraint("id", name="pk_data_keys"),
    )
    _index("data_keys", "owner", "id")
    _index("data_keys", "version")


def _users() -> None:
    op.create_table(
        "users",
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("email", sa.String(320)),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        _time("created_at"),
        _time("seen_at", nullable=True),
        sa.PrimaryKeyConstraint("owner", name="pk_users"),
        sa.CheckConstraint("role IN ('admin', 'user', 'guest')", name=op.f("ck_users_role")),
        sa.CheckConstraint(
            "state IN ('invited', 'active', 'disabled')", name=op.f("ck_users_state")
        ),
    )
    _index("users", "email")
    op.create_table(
        "identities",
        sa.Column("issuer", sa.String(255), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        _time("created_at"),
        sa.PrimaryKeyConstraint("issuer", "subject", name="pk_identities"),
        _of_user("identities"),
    )
    _index("identities", "owner")


def _sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("id", sa.String(26), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("device", sa.String(200), nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        _time("created_at"),
        _time("used_at"),
        _time("expires_at"),
        _time("ended_at", nullable=True),
        sa.Column("end_reason", sa.String(32)),
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
        _of_user("sessions"),
    )
    _index("sessions", "owner", "created_at")
    _index("sessions", "expires_at")
    op.create_table(
        "refresh_tokens",
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("session", sa.String(26), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        _time("created_at"),
        _time("used_at", nullable=True),
        sa.PrimaryKeyConstraint("hash", name="pk_refresh_tokens"),
        sa.ForeignKeyConstraint(
            ["session"], ["sessions.id"], name="fk_refresh_tokens_session", ondelete="CASCADE"
        ),
        _of_user("refresh_tokens"),
    )
    _index("refresh_tokens", "session")
    _index("refresh_tokens", "owner")


def _api_keys() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(10), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        _time("created_at"),
        _time("expires_at", nullable=True),
        _time("used_at", nullable=True),
        _time("revoked_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
        _of_user("api_keys"),
    )
    _index("api_keys", "owner", "created_at")


def _host() -> None:
    op.create_table(
        "signing_keys",
        sa.Column("kid", sa.String(26), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("public", sa.JSON(), nullable=False),
        sa.Column("private", sa.Text(), nullable=False),
        _time("created_at"),
        _time("current_at", nullable=True),
        _time("retired_at", nullable=True),
        sa.PrimaryKeyConstraint("kid", name="pk_signing_keys"),
        sa.CheckConstraint(
            "state IN ('next', 'current', 'retired')", name=op.f("ck_signing_keys_state")
        ),
    )
    op.create_table(
        "device_logins",
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("device_code", sa.Text(), nullable=False),
        sa.Column("device", sa.String(200), nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("interval", sa.Integer(), nullable=False),
        _time("poll_at"),
        _time("created_at"),
        _time("expires_at"),
        sa.PrimaryKeyConstraint("hash", name="pk_device_logins"),
    )
    _index("device_logins", "expires_at")
    op.create_table(
        "audit_log",
        sa.Column("id", sa.String(26), nullable=False),
        _time("at"),
        sa.Column("actor", sa.String(64)),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("target", sa.String(128)),
        sa.Column("outcome", sa.String(64), nullable=False),
        sa.Column("credential", sa.String(128)),
        sa.Column("address", sa.String(64)),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_log"),
    )
    _index("audit_log", "actor", "id")


def _time(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _of_user(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["owner"], ["users.owner"], name=f"fk_{table}_owner", ondelete="CASCADE"
    )


def _index(table: str, *columns: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))
