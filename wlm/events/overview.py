"""The events of all users in numbers, for whoever runs the gateway: no contents."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from datetime import datetime

from sqlalchemy import ColumnElement, func, select

from wlm.events.states import RUNNABLE
from wlm.events.stopwatch import elapsed
from wlm.store.engine import Store
from wlm.store.tables import events

COUNTED_SECONDS = 3600.0
# By its index: of a million events only those that have not ended are looked at.
open_events = events.c.finished_at.is_(None)
"""The condition for events that have not ended."""


class Overview:
    """How many events there are. ``clock`` gives aware times; safe to use from several threads.

    Counting what ended takes a look at every row. So that is done once an hour, and in between
    what ended since is added; what was removed or retried meanwhile shows at the next count.
    """

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._store, self._clock = store, clock
        self._lock = threading.Lock()
        self._ended: Counter[str] = Counter()
        self._until: datetime | None = None
        self._counted_at = float("-inf")

    def states(self) -> dict[str, int]:
        """How many events are in each state."""
        with self._lock:
            if self._until is None or elapsed() - self._counted_at >= COUNTED_SECONDS:
                self._until = self._clock()
                self._ended = self._count(events.c.finished_at <= self._until)
                self._counted_at = elapsed()
            ended, until = Counter(self._ended), self._until
        return dict(ended + self._count(events.c.finished_at > until) + self._count(open_events))

    def _count(self, which: ColumnElement[bool]) -> Counter[str]:
        query = select(events.c.state, func.count()).where(which).group_by(events.c.state)
        with self._store.read() as connection:
            return Counter({row[0]: row[1] for row in connection.execute(query)})


def oldest_due(store: Store, now: datetime) -> datetime | None:
    """Since when the event that has waited longest is due; ``None`` if none is."""
    waits = events.c.state.in_([state.value for state in RUNNABLE])
    query = select(func.min(events.c.run_at)).where(open_events, waits, events.c.run_at <= now)
    with store.read() as connection:
        found: datetime | None = connection.execute(query).scalar()
    return found
