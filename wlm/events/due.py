"""Events whose time has come: they are given their place in the queue."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import and_, bindparam, func, or_, select, update

from wlm.events import tickets
from wlm.events.retry import LONGEST_ASKED_SECONDS
from wlm.events.states import RUNNABLE
from wlm.store.engine import Store
from wlm.store.tables import events
from wlm.types import State

LONGEST_WAIT = timedelta(seconds=LONGEST_ASKED_SECONDS)
_CLOCKS_DIFFER = timedelta(minutes=1)
"""Between machines; by no more than that a retry may come early."""

waits = and_(
    events.c.ticket.is_(None),
    events.c.finished_at.is_(None),
    events.c.lease_token.is_(None),
    events.c.state.in_([state.value for state in RUNNABLE]),
)
"""The event waits for its time."""
unqueued = and_(
    events.c.ticket.is_(None),
    events.c.finished_at.is_(None),
    events.c.state == State.ACCEPTED.value,
)
"""It was accepted and got no further."""
is_due = and_(
    waits,
    or_(
        events.c.run_at <= bindparam("now"),
        # Put off by a clock that was set back since: the try that failed began in the future,
        # or the next one is further away than any may be.
        and_(
            events.c.state == State.RETRYING.value,
            or_(
                events.c.started_at > bindparam("not_yet"),
                events.c.run_at > bindparam("too_late"),
            ),
        ),
    ),
)
"""Its time has come, as of ``times(now)``."""
next_due = select(func.min(events.c.run_at)).where(waits)
"""When the next event that waits for its time is due."""
_DUE = (
    select(events.c.id, events.c.owner, events.c.priority)
    .where(is_due)
    .order_by(events.c.run_at)
    .limit(bindparam("limit"))
)


def times(now: datetime) -> dict[str, datetime]:
    """The parameters of ``is_due``."""
    return {"now": now, "not_yet": now + _CLOCKS_DIFFER, "too_late": now + LONGEST_WAIT}


def promote(store: Store, clock: Callable[[], datetime], limit: int) -> None:
    """Give events whose time has come their place in the queue."""
    with store.read() as connection:
        if connection.execute(_DUE, {**times(clock()), "limit": 1}).first() is None:
            return
    with store.write() as connection:
        query = _DUE.with_for_update(skip_locked=True)
        for row in connection.execute(query, {**times(clock()), "limit": limit}).all():
            place = tickets.draw(connection, row.owner, row.priority)
            connection.execute(update(events).where(events.c.id == row.id).values(ticket=place))
