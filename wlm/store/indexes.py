"""Indexes on some rows of ``events``, so that finished ones cost nothing.

Loaded by what makes or compares the schema. A query needs no definition of an index, and
one with a condition makes SQLAlchemy load every dialect: a twentieth of a short command.
"""

from __future__ import annotations

from sqlalchemy import Index, text

from wlm.store.tables import events


def _partial(name: str, *columns: str, where: str) -> Index:
    condition = text(where)
    return Index(
        f"ix_events_{name}",
        *(events.c[column] for column in columns),
        sqlite_where=condition,
        postgresql_where=condition,
    )


PARTIAL = (
    _partial(
        "ready",
        "ticket",
        "id",
        "owner",
        "skill",
        where="ticket is not null and lease_token is null",
    ),
    _partial(
        "suspects",
        "ticket",
        "id",
        where="ticket is not null and lease_token is null and losses > 0",
    ),
    _partial("running", "owner", "skill", "ticket", where="lease_token is not null"),
    _partial("place", "owner", "priority", "ticket", where="ticket is not null"),
    _partial("due", "run_at", where="ticket is null and finished_at is null"),
)
"""They belong to the table from here on."""
