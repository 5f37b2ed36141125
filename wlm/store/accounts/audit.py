"""The audit log: who did what to accounts and data, when, from where."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import insert, select

from wlm.store.accounts.tables import audit_log
from wlm.store.engine import Store
from wlm.types import new_id


class Record(NamedTuple):
    """One line. ``actor`` is a user's id, ``host`` for the command line of the machine itself,
    or ``None`` where nobody was known. ``detail`` holds ids, names of settings and numbers."""

    id: str
    at: datetime
    actor: str | None
    action: str
    target: str | None
    outcome: str
    credential: str | None
    address: str | None
    detail: dict[str, Any]


class Audit:
    """Writes and reads the log."""

    def __init__(self, store: Store, clock: Callable[[], datetime] | None = None) -> None:
        self._store = store
        self._clock = clock or (lambda: datetime.now(UTC))

    def add(
        self,
        action: str,
        *,
        actor: str | None,
        target: str | None = None,
        outcome: str = "ok",
        credential: str | None = None,
        address: str | None = None,
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        """Write one line; inside an open ``store.write()``, in that transaction.

        Actions in use: ``sign_in``, ``session.end``, ``session.reuse``, ``key.create``,
        ``key.revoke``, ``user.create``, ``user.change``, ``settings.change``, ``data.export``,
        ``data.erase``, ``key.rotate``, ``share.grant``, ``share.end``, ``share.host``.
        ``outcome`` is ``ok`` or an error's code.
        """
        row = {
            "id": new_id(),
            "at": self._clock(),
            "actor": actor,
            "action": action,
            "target": target,
            "outcome": outcome,
            "credential": credential,
            "address": address,
            "detail": dict(detail or {}),
        }
        with self._store.write() as connection:
            connection.execute(insert(audit_log).values(row))

    def note(self, action: str, *, actor: str, detail: Mapping[str, Any]) -> None:
        """Write how something stands, where the last line of that action says otherwise."""
        query = select(audit_log.c.detail).where(audit_log.c.action == action)
        with self._store.write() as connection:
            last = connection.execute(query.order_by(audit_log.c.id.desc()).limit(1)).scalar()
            if (last or {}) != dict(detail):
                self.add(action, actor=actor, detail=detail)

    def page(
        self, *, actor: str | None = None, before: str | None = None, limit: int = 50
    ) -> list[Record]:
        """Lines, newest first; ``before`` is the id that the last page ended with."""
        query = select(*(audit_log.c[name] for name in Record._fields))
        if actor is not None:
            query = query.where(audit_log.c.actor == actor)
        if before is not None:
            query = query.where(audit_log.c.id < before)
        with self._store.read() as connection:
            rows = connection.execute(query.order_by(audit_log.c.id.desc()).limit(limit))
            return [Record(*row) for row in rows]
