"""What tells whether a page of events has changed, found without opening any of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Text, cast, func, select, tuple_

from wlm.events.rows import those
from wlm.store.engine import Store
from wlm.store.scope import mine
from wlm.store.tables import event_log, events
from wlm.types import State

_NONCE_ENDS = 64
"""So many characters of a sealed value hold its key's id and its nonce, new at each sealing."""


def of_page(
    store: Store,
    owner: str,
    *,
    states: Iterable[State] | None = None,
    skill: str | None = None,
    conversation: str | None = None,
    limit: int = 50,
    before: str | None = None,
) -> str:
    """The version of ``Engine.list`` with the same arguments: another text after any change."""
    where = those(owner, skill, conversation)
    if states is not None:
        where.append(events.c.state.in_([state.value for state in states]))
    if before is not None:
        place = select(events.c.created_at, events.c.id)
        pivot = place.where(mine(events, owner), events.c.id == before).subquery()
        here = tuple_(events.c.created_at, events.c.id)
        where.append(here < select(pivot.c.created_at, pivot.c.id).scalar_subquery())
    return _versions(store, where, limit)


def of_family(store: Store, owner: str, event_id: str) -> str:
    """The version of an event with its history and all that it came from and caused."""
    root = select(events.c.root).where(mine(events, owner), events.c.id == event_id)
    return _versions(store, [mine(events, owner), events.c.root == root.scalar_subquery()], None)


def _versions(store: Store, where: list[ColumnElement[bool]], limit: int | None) -> str:
    last = select(func.max(event_log.c.id)).where(event_log.c.event_id == events.c.id)
    sealed = [func.substr(cast(c, Text), 1, _NONCE_ENDS) for c in (events.c.slots, events.c.reply)]
    plain = (events.c.id, events.c.state, events.c.attempts, events.c.run_at)
    query = select(*plain, *sealed, last.scalar_subquery()).where(*where)
    query = query.order_by(events.c.created_at.desc(), events.c.id.desc()).limit(limit)
    with store.read() as connection:
        rows: Any = connection.execute(query).all()
    return repr([tuple(row) for row in rows])
