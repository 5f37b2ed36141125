"""Whose rows: the one condition that every query for a user carries."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import BindParameter, ColumnElement, Table

LOCAL_OWNER = "local"
"""Whoever works on this machine without a gateway: the machine's settings are theirs."""


def party(table: Table, user: str) -> ColumnElement[bool]:
    """The rows of ``table`` by which ``user`` gave another something, or was given it. They tell
    of the giver's data, and are the only way to it: ``wlm.store.accounts.shares``."""
    return (table.c.owner == user) | (table.c.grantee == user)


def mine(table: Table, owner: str | BindParameter[str]) -> ColumnElement[bool]:
    """The rows of ``table`` that belong to ``owner``. Raises ``TypeError`` if it has no owners.

    A statement that is made once says by a ``bindparam`` that the owner comes when it is run.
    """
    if "owner" not in table.c:
        raise TypeError(f"table {table.name!r} has no owner column")
    return table.c.owner == owner
