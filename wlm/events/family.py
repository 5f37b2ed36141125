"""What an event came from and what it caused, as a tree."""

from __future__ import annotations

from sqlalchemy import select

from wlm.errors import NotFound
from wlm.events.rows import Row, one, to_event
from wlm.store.engine import Store
from wlm.store.scope import mine
from wlm.store.tables import events
from wlm.types import Event

MOST = 200
_UP = 10
"""A reminder that comes every day is the child of the day before: not all of them are shown."""


def family(store: Store, owner: str, event_id: str) -> list[tuple[int, Event]]:
    """The event with its ancestors and all descendants, each after its parent, with its depth.

    At most ten ancestors up, and ``MOST`` events in all. Raises ``NotFound``.
    """
    with store.read() as connection:

        def find(id_: str) -> Row | None:
            query = select(events).where(one(owner, id_))
            return connection.execute(query).mappings().first()

        top = find(event_id)
        if top is None:
            raise NotFound("There is no such event.", hint="`wlm events list` shows what there is.")
        for _ in range(_UP):
            above = find(top["parent"]) if top["parent"] else None
            if above is None:
                break
            top = above
        children: dict[str, list[Row]] = {}
        level, count = [top["id"]], 1
        while level and count < MOST:
            below = (
                select(events)
                .where(mine(events, owner), events.c.parent.in_(level))
                .order_by(events.c.created_at, events.c.id)
                .limit(MOST - count)
            )
            found = connection.execute(below).mappings().all()
            for row in found:
                children.setdefault(row["parent"], []).append(row)
            level, count = [row["id"] for row in found], count + len(found)
    return list(_walk(top, children))


def _walk(top: Row, children: dict[str, list[Row]]) -> list[tuple[int, Event]]:
    out: list[tuple[int, Event]] = []
    stack = [(0, top)]
    while stack:
        depth, row = stack.pop()
        out.append((depth, to_event(row)))
        stack += [(depth + 1, child) for child in reversed(children.get(row["id"], []))]
    return out
