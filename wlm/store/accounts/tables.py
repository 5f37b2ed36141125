"""The tables of accounts. A user's id is the ``owner`` of every row that is theirs.

Apart from ``wlm.store.tables``, so that a request without a gateway does not define them.
"""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
)

from wlm.store.columns import UtcTime, json_column
from wlm.store.tables import ID, NAME, OWNER, core

HASH = String(64)


def _owner() -> Column[str]:
    return Column("owner", OWNER, ForeignKey("users.owner", ondelete="CASCADE"), nullable=False)


users = Table(
    "users",
    core,
    Column("owner", OWNER, primary_key=True),
    Column("email", String(320)),
    Column("name", String(200), nullable=False),
    Column("role", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("seen_at", UtcTime),
    CheckConstraint("role IN ('admin', 'user', 'guest')", name="role"),
    CheckConstraint("state IN ('invited', 'active', 'disabled')", name="state"),
    Index(None, "email"),
)
"""``email`` in lower case; not unique, for it is no identity. ``invited``: never signed in."""

identities = Table(
    "identities",
    core,
    Column("issuer", String(255), primary_key=True),
    Column("subject", String(255), primary_key=True),
    _owner(),
    Column("created_at", UtcTime, nullable=False),
    Index(None, "owner"),
)
"""Who a user is to an OpenID Connect issuer: nothing else tells users apart."""

sessions = Table(
    "sessions",
    core,
    Column("id", ID, primary_key=True),
    _owner(),
    Column("device", String(200), nullable=False),
    Column("address", String(64), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("used_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
    Column("end_reason", String(32)),
    Index(None, "owner", "created_at"),
    Index(None, "expires_at"),
)
"""Sign-ins. One that ended, or was not used for long, gives no more tokens."""

refresh_tokens = Table(
    "refresh_tokens",
    core,
    Column("hash", HASH, primary_key=True),
    Column("session", ID, ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False),
    _owner(),
    Column("created_at", UtcTime, nullable=False),
    Column("used_at", UtcTime),
    Index(None, "session"),
    Index(None, "owner"),
)
"""SHA-256 of every refresh token of a session; a used one that comes again is stolen."""

api_keys = Table(
    "api_keys",
    core,
    Column("id", String(10), primary_key=True),
    _owner(),
    Column("name", String(100), nullable=False),
    Column("hash", HASH, nullable=False),
    Column("scopes", json_column(), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime),
    Column("used_at", UtcTime),
    Column("revoked_at", UtcTime),
    Index(None, "owner", "created_at"),
)
"""API keys, as HMAC-SHA256 under a secret of the host. The key itself is shown once."""

signing_keys = Table(
    "signing_keys",
    core,
    Column("kid", ID, primary_key=True),
    Column("state", String(16), nullable=False),
    Column("public", json_column(), nullable=False),
    Column("private", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("current_at", UtcTime),
    Column("retired_at", UtcTime),
    CheckConstraint("state IN ('next', 'current', 'retired')", name="state"),
)
"""What signs access tokens; ``private`` is sealed for the host."""

device_logins = Table(
    "device_logins",
    core,
    Column("hash", HASH, primary_key=True),
    Column("device_code", Text, nullable=False),
    Column("device", String(200), nullable=False),
    Column("address", String(64), nullable=False),
    Column("interval", Integer, nullable=False),
    Column("poll_at", UtcTime, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Index(None, "expires_at"),
)
"""Logins that wait for the user at the issuer, by SHA-256 of the login id; then they go."""

shares = Table(
    "shares",
    core,
    Column("id", ID, primary_key=True),
    Column("owner", OWNER, nullable=False),
    Column("skill", NAME, nullable=False),
    Column("grantee", OWNER, nullable=False),
    Column("access", String(8), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    CheckConstraint("access IN ('read', 'write')", name="access"),
    Index("uq_shares_owner_skill_grantee", "owner", "skill", "grantee", unique=True),
    Index(None, "grantee"),
)
"""``owner`` lets ``grantee`` work with their account of a skill (``wlm.store.accounts.shares``)."""

account_choices = Table(
    "account_choices",
    core,
    Column("owner", OWNER, primary_key=True),
    Column("skill", NAME, primary_key=True),
    Column("share", ID, nullable=False),
    Column("created_at", UtcTime, nullable=False),
)
"""By which share a skill works for ``owner``; without a row, with their own account. It outlives
the share, so that what was meant for another's account is refused, and not done in one's own."""

audit_log = Table(
    "audit_log",
    core,
    Column("id", ID, primary_key=True),
    Column("at", UtcTime, nullable=False),
    Column("actor", OWNER),
    Column("action", String(64), nullable=False),
    Column("target", NAME),
    Column("outcome", String(64), nullable=False),
    Column("credential", NAME),
    Column("address", String(64)),
    Column("detail", json_column(), nullable=False),
    Index(None, "actor", "id"),
)
"""Who did what to accounts and data: ids and codes, never what was said. It outlives users."""
