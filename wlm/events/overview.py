"""The events of all users in numbers, for whoever runs the gateway: no contents."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select

from wlm.events.states import RUNNABLE
from wlm.store.engine import Store
from wlm.store.tables import events


def states(store: Store) -> dict[str, int]:
    """How many events are in each state."""
    query = select(events.c.state, func.count()).group_by(events.c.state)
    with store.read() as connection:
        return {row[0]: row[1] for row in connection.execute(query)}


def oldest_due(store: Store, now: datetime) -> datetime | None:
    """Since when the event that has waited longest is due; ``None`` if none is."""
    waits = events.c.state.in_([state.value for state in RUNNABLE])
    query = select(func.min(events.c.run_at)).where(waits, events.c.run_at <= now)
    with store.read() as connection:
        found: datetime | None = connection.execute(query).scalar()
    return found
