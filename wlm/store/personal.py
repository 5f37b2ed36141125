"""What belongs to one user: forget some of it, export it, erase it all.

Export and erase look at the database itself, not at the installed skills, so that the
tables of a skill that was removed are not left out.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, MetaData, Table, delete, func, null, or_, select, update

from wlm.store.engine import Store
from wlm.store.scope import mine
from wlm.store.tables import corrections, events, llm_calls, turns
from wlm.types import FINAL_STATES, WAITING_STATES, jsonable

_FORGETTABLE = [state.value for state in FINAL_STATES | WAITING_STATES]


class Forgotten(NamedTuple):
    """How much was removed. ``kept``: events that are still to run, such as reminders."""

    turns: list[str]
    events: int
    kept: int


def forget(
    store: Store,
    owner: str,
    *,
    turn: str | None = None,
    conversation: str | None = None,
    since: datetime | None = None,
) -> Forgotten:
    """Remove turns that fit every condition given (none: all), with their events and effects.

    What a skill wrote stays, and so does an event that is still to run (a reminder is no
    history); it can be forgotten when it has run.
    """
    said, done = [mine(turns, owner)], [mine(events, owner)]
    if conversation is not None:
        said.append(turns.c.conversation == conversation)
        done.append(events.c.conversation == conversation)
    if since is not None:
        said.append(turns.c.created_at >= since)
        done.append(events.c.created_at >= since)
    if turn is not None:
        said.append(turns.c.id == turn)
        done.append(events.c.turn == turn)
    with store.write() as connection:
        ids = list(connection.execute(select(turns.c.id).where(*said)).scalars())
        # Events of a forgotten turn go whenever they were accepted.
        part: ColumnElement[bool] = or_(_all(done), _of_turns(owner, said))
        ended = events.c.state.in_(_FORGETTABLE)
        kept = select(func.count()).select_from(events).where(part, ~ended)
        left = connection.execute(kept).scalar_one()
        gone = connection.execute(delete(events).where(part, ended)).rowcount
        connection.execute(delete(turns).where(*said))
        learnt = delete(corrections).where(mine(corrections, owner))
        if turn or conversation or since:  # else all of them, wherever they were said
            learnt = learnt.where(corrections.c.turn.in_(ids))
        connection.execute(learnt)
        # What a model answered to them goes too; that it was asked still counts today.
        kept_answers = update(llm_calls).where(mine(llm_calls, owner))
        connection.execute(kept_answers.values(answered=False, answer=null()))
    return Forgotten(ids, gone, left)


def export(store: Store, owner: str) -> Iterator[dict[str, Any]]:
    """Every row of a user, as ``{"table", "row"}`` in JSON types; parents before children."""
    for table in _owned(store):
        with store.read() as connection:
            rows = connection.execute(select(table).where(mine(table, owner))).mappings().all()
        for row in rows:
            yield {"table": table.name, "row": _plain(row)}


def erase(store: Store, owner: str) -> dict[str, int]:
    """Remove every row of a user, in one transaction; how many by table."""
    tables = list(_owned(store))
    counts = {}
    with store.write() as connection:
        for table in reversed(tables):
            counts[table.name] = connection.execute(
                delete(table).where(mine(table, owner))
            ).rowcount
    store.scrub()
    return counts


def remove_recordings(data: Path, turn_ids: Iterable[str] | None = None) -> int:
    """Remove the recordings of these turns (``None``: all) from the data folder; how many."""
    folder = data / "recordings"
    paths = folder.glob("*.wav") if turn_ids is None else (folder / f"{t}.wav" for t in turn_ids)
    count = 0
    for path in list(paths):
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
            count += 1
    return count


def _owned(store: Store) -> Iterator[Table]:
    """The tables of the database that have owners, parents before children."""
    found = MetaData()
    with store.read() as connection:
        found.reflect(connection)
    return (table for table in found.sorted_tables if "owner" in table.c)


def _all(conditions: list[ColumnElement[bool]]) -> ColumnElement[bool]:
    first, *rest = conditions
    for condition in rest:
        first &= condition
    return first


def _of_turns(owner: str, said: list[ColumnElement[bool]]) -> ColumnElement[bool]:
    return mine(events, owner) & events.c.turn.in_(select(turns.c.id).where(*said))


def _plain(row: Mapping[Any, Any]) -> dict[str, Any]:
    # SQLite keeps times without a zone; ours are all in UTC (`UtcTime`).
    return {
        name: jsonable(
            value.replace(tzinfo=UTC)
            if isinstance(value, datetime) and value.tzinfo is None
            else value
        )
        for name, value in row.items()
    }
