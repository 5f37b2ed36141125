"""Remove what has ended long ago, a little at a time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, exists, func, select

from wlm.store.engine import Store
from wlm.store.tables import events, firings
from wlm.types import FINAL_STATES

BATCH = 200
_FINAL = [state.value for state in FINAL_STATES]


class Retention:
    """Events that ended more than ``days`` ago go, with their history, effects and notices.

    ``days`` 0 keeps them for ever. What has not ended is never touched, nor is what caused it.
    """

    def __init__(self, store: Store, clock: Callable[[], datetime], days: int) -> None:
        self._store = store
        self._clock = clock
        self.days = days

    def step(self, limit: int = BATCH) -> int:
        """Remove up to ``limit`` events; how many. Cheap where there is nothing to do."""
        if not self.days:
            return 0
        old = self._clock() - timedelta(days=self.days)
        query = select(events.c.id).where(*_gone(old)).order_by(events.c.finished_at).limit(limit)
        with self._store.read() as connection:
            ids = list(connection.execute(query).scalars())
        if not ids:
            return 0
        with self._store.write() as connection:
            # Asked again: one may have been retried by hand meanwhile.
            gone = delete(events).where(events.c.id.in_(ids), *_gone(old))
            count = connection.execute(gone).rowcount
            # A firing goes with its events; the schedule itself is past it anyway.
            connection.execute(delete(firings).where(firings.c.at < old))
        return count

    def all(self) -> int:
        """Remove all that is old; how many events."""
        count = 0
        while step := self.step(1000):
            count += step
        self._store.scrub()
        return count

    def waiting(self) -> int:
        """How many events ``all`` would remove."""
        if not self.days:
            return 0
        old = self._clock() - timedelta(days=self.days)
        with self._store.read() as connection:
            query = select(func.count()).select_from(events).where(*_gone(old))
            return connection.execute(query).scalar_one()


def _gone(old: datetime) -> tuple[ColumnElement[bool], ...]:
    child = events.alias()
    unfinished = exists().where(child.c.parent == events.c.id, child.c.state.not_in(_FINAL))
    return events.c.finished_at < old, events.c.state.in_(_FINAL), ~unfinished
