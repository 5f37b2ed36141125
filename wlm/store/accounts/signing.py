"""The keys that sign access tokens: one to come, one in force, and some that only verify.

All are published. The next one is known to everybody before it signs, and a retired one
until the last token that it signed has expired.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, insert, select, update

from wlm.store.accounts.tables import signing_keys
from wlm.store.engine import Store
from wlm.store.vault import HOST
from wlm.types import new_id

ROTATED = timedelta(days=30)
"""So long one key signs."""
PUBLISHED = timedelta(hours=1)
"""So long a retired key still verifies; longer than any access token lasts."""

Jwk = dict[str, Any]


class SigningKey(NamedTuple):
    """One key: its public JWK, and the private one where it was asked for."""

    kid: str
    state: str
    public: Jwk
    private: Jwk | None


class SigningKeys:
    """The signing keys in a store. ``make`` gives a fresh private JWK and its public half."""

    def __init__(
        self, store: Store, clock: Callable[[], datetime], make: Callable[[str], tuple[Jwk, Jwk]]
    ) -> None:
        self._store = store
        self._clock = clock
        self._make = make

    def current(self) -> SigningKey:
        """The key that signs now, with its private half; rotated when its time is over."""
        row = self._current_row()
        if row is None or self._clock() - row.current_at >= ROTATED:
            with self._store.write() as connection:
                row = self._turn(connection)
        private = self._store.vault.open_json(HOST, "signing_keys", "private", row.kid, row.private)
        return SigningKey(row.kid, row.state, row.public, private)

    def published(self) -> list[SigningKey]:
        """What verifies: next, current, and retired ones whose tokens may still be about."""
        oldest = self._clock() - PUBLISHED
        query = select(signing_keys).order_by(signing_keys.c.kid)
        with self._store.read() as connection:
            rows = connection.execute(query).all()
        return [
            SigningKey(row.kid, row.state, row.public, None)
            for row in rows
            if row.state != "retired" or row.retired_at > oldest
        ]

    def rotate(self) -> SigningKey:
        """Retire the key in force now and put the next one in its place."""
        with self._store.write() as connection:
            self._turn(connection, now=True)
        return self.current()

    def _current_row(self) -> Any:
        query = select(signing_keys).where(signing_keys.c.state == "current")
        with self._store.read() as connection:
            return connection.execute(query).first()

    def _turn(self, connection: Connection, *, now: bool = False) -> Any:
        if not self._store.sqlite:
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7569264)")
        moment, row = self._clock(), self._current_row()
        if row is not None and not now and moment - row.current_at < ROTATED:
            return row  # another process was first
        if row is not None:
            self._set(connection, row.kid, state="retired", retired_at=moment)
        gone = signing_keys.c.retired_at < moment - PUBLISHED
        connection.execute(delete(signing_keys).where(gone))
        query = select(signing_keys.c.kid).where(signing_keys.c.state == "next")
        kid = connection.execute(query).scalar() or self._add(connection)
        self._set(connection, kid, state="current", current_at=moment)
        self._add(connection)
        return self._current_row()

    def _add(self, connection: Connection) -> str:
        kid = new_id()
        private, public = self._make(kid)
        sealed = self._store.vault.seal_json(HOST, "signing_keys", "private", kid, private)
        row = {
            "kid": kid,
            "state": "next",
            "public": public,
            "private": sealed,
            "created_at": self._clock(),
        }
        connection.execute(insert(signing_keys).values(row))
        return kid

    def _set(self, connection: Connection, kid: str, **values: Any) -> None:
        query = update(signing_keys).where(signing_keys.c.kid == kid)
        connection.execute(query.values(values))
