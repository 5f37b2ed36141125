"""The history of each event: a line for every state that it came to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, insert, select

from wlm.events.rows import Row
from wlm.store.engine import Store
from wlm.store.scope import mine
from wlm.store.tables import event_log
from wlm.types import State

# Made once: putting a statement together takes longer than the database does for it.
_LINE = insert(event_log).inline()


class Entry(NamedTuple):
    """One line of an event's history: when it came to a state, by whom, and why."""

    at: datetime
    state: State
    attempt: int
    worker: str | None
    code: str | None
    detail: str | None


def write(connection: Connection, lines: Sequence[dict[str, Any]]) -> None:
    """Add lines, in that order."""
    if lines:
        connection.execute(_LINE, list(lines) if len(lines) > 1 else lines[0])


def line(row: Row, entry: Entry) -> dict[str, Any]:
    """The line of an event that came to a state."""
    values = entry._asdict() | {"state": entry.state.value}
    return {"event_id": row["id"], "owner": row["owner"], **values}


def read(store: Store, owner: str, event_id: str) -> list[Entry]:
    """What happened to one event, oldest first."""
    query = (
        select(*(event_log.c[name] for name in Entry._fields))
        .where(mine(event_log, owner), event_log.c.event_id == event_id)
        .order_by(event_log.c.id)
    )
    with store.read() as connection:
        return [Entry(*row)._replace(state=State(row.state)) for row in connection.execute(query)]
