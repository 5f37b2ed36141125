"""Are the events as the state machine would have left them?"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby, pairwise
from operator import attrgetter

from sqlalchemy import ColumnElement, and_, func, not_, or_, select

from wlm.events.states import TRANSITIONS
from wlm.store.engine import Store
from wlm.store.tables import event_log, events
from wlm.types import FINAL_STATES, WAITING_STATES, State

in_state = events.c.state
has_ended = in_state.in_([state.value for state in FINAL_STATES])
_IMPOSSIBLE: dict[str, ColumnElement[bool]] = {
    "is in no known state": in_state.not_in([state.value for state in State]),
    "runs without a lease": and_(in_state == State.RUNNING.value, events.c.lease_token.is_(None)),
    "has a lease and does not run": and_(
        in_state != State.RUNNING.value, events.c.lease_token.is_not(None)
    ),
    "waits without a question": and_(
        in_state.in_([state.value for state in WAITING_STATES]), events.c.question.is_(None)
    ),
    "succeeded without a reply": and_(in_state == State.SUCCEEDED.value, events.c.reply.is_(None)),
    "failed without a cause": and_(
        in_state.in_([State.FAILED.value, State.DEAD.value, State.RETRYING.value]),
        events.c.error.is_(None),
    ),
    "ended at no time, or has a time and not ended": or_(
        and_(in_state.in_([s.value for s in FINAL_STATES]), events.c.finished_at.is_(None)),
        and_(
            not_(in_state.in_([s.value for s in FINAL_STATES])), events.c.finished_at.is_not(None)
        ),
    ),
}


def audit(store: Store) -> Iterator[tuple[str, str]]:
    """(event id, what is wrong with it) for every event that is not as it must be."""
    with store.read() as connection:
        for complaint, condition in _IMPOSSIBLE.items():
            for id_ in connection.execute(select(events.c.id).where(condition)).scalars():
                yield id_, complaint
        last = select(event_log.c.event_id, func.max(event_log.c.id).label("id")).group_by(
            event_log.c.event_id
        )
        newest = last.subquery()
        query = (
            select(events.c.id)
            .outerjoin(newest, newest.c.event_id == events.c.id)
            .outerjoin(event_log, event_log.c.id == newest.c.id)
            .where(or_(event_log.c.state.is_(None), event_log.c.state != in_state))
        )
        for id_ in connection.execute(query).scalars():
            yield id_, "is in another state than its history says"
        lines = connection.execute(
            select(event_log.c.event_id, event_log.c.state).order_by(
                event_log.c.event_id, event_log.c.id
            )
        )
        for id_, entries in groupby(lines, key=attrgetter("event_id")):
            for before, after in pairwise(entries):
                if after.state not in TRANSITIONS[State(before.state)]:
                    yield id_, f"went from {before.state} to {after.state}"
