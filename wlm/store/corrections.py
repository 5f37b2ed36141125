"""What users said was understood wrongly, and what they meant: their own examples."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import RowMapping, delete, insert, select

from wlm.store.engine import Store
from wlm.store.scope import mine
from wlm.store.tables import corrections
from wlm.types import new_id


class Correction(NamedTuple):
    """``text`` means ``intent`` (``none``: it is for no skill) to one user.

    ``turn`` is where it was said, if that is known.
    """

    text: str
    intent: str
    turn: str | None
    created_at: datetime


class Corrections:
    """The corrections in a store, always of one owner at a time.

    ``key`` stands for all that is said the same way; a later correction takes the place of
    an earlier one with the same key. It is kept under the owner's own key, as what was said is.
    """

    def __init__(self, store: Store, *, clock: Callable[[], datetime] | None = None) -> None:
        self._store = store
        self._clock = clock or (lambda: datetime.now(UTC))

    def add(self, owner: str, key: str, text: str, intent: str, turn: str | None = None) -> None:
        """Remember that ``text`` means ``intent``."""
        row = {
            "id": new_id(),
            "owner": owner,
            "key": key,
            "text": text,
            "intent": intent,
            "turn": turn,
            "created_at": self._clock(),
        }
        with self._store.write() as connection:
            row["key"] = self._store.vault.fingerprint(connection, owner, key)
            same = (mine(corrections, owner), corrections.c.key == row["key"])
            connection.execute(delete(corrections).where(*same))
            connection.execute(insert(corrections).values(row))

    def remove(self, owner: str, key: str) -> bool:
        """Forget a correction; whether there was one."""
        with self._store.write() as connection:
            sealed = self._store.vault.fingerprint(connection, owner, key)
            same = (mine(corrections, owner), corrections.c.key == sealed)
            return bool(connection.execute(delete(corrections).where(*same)).rowcount)

    def intent(self, owner: str, key: str) -> str | None:
        """What was said to be meant by that; ``None`` if nothing was said."""
        query = select(corrections.c.key, corrections.c.intent).where(mine(corrections, owner))
        with self._store.read() as connection:
            taught = {row.key: row.intent for row in connection.execute(query)}
            if not taught:  # as for nearly everybody, and no key needs to be opened
                return None
            return taught.get(self._store.vault.fingerprint(connection, owner, key))

    def all(self, owner: str) -> list[Correction]:
        """All of a user's, oldest first."""
        order = (corrections.c.created_at, corrections.c.id)
        query = select(corrections).where(mine(corrections, owner)).order_by(*order)
        with self._store.read() as connection:
            return [_correction(row) for row in connection.execute(query).mappings()]


def _correction(row: RowMapping) -> Correction:
    return Correction(row["text"], row["intent"], row["turn"], row["created_at"])
