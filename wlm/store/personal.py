"""What belongs to one user: forget some of it, export it, erase it all.

Export and erase look at the database itself, not at the installed skills, so that the
tables of a skill that was removed are not left out.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    MetaData,
    Table,
    delete,
    func,
    null,
    or_,
    select,
    update,
)

from wlm.store.accounts.tables import audit_log, shares
from wlm.store.engine import Store
from wlm.store.scope import mine, party
from wlm.store.sealed import Place, sealed_columns
from wlm.store.tables import core, corrections, events, llm_calls, skill_values, turns
from wlm.types import FINAL_STATES, WAITING_STATES, jsonable

_WITHHELD = {"data_keys", "refresh_tokens", "llm_calls"}
_FORGETTABLE = [state.value for state in FINAL_STATES | WAITING_STATES]


class Forgotten(NamedTuple):
    """How much was removed. ``kept``: events that are still to run, such as reminders.

    ``ids`` are the turns'; a gateway does not tell them.
    """

    turns: int
    events: int
    kept: int
    ids: Sequence[str] = ()


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
        if turn is None and conversation is None and since is None:
            renew_key(store, owner)
    return Forgotten(len(ids), gone, left, ids)


class Erased(NamedTuple):
    """What was removed: rows by table, and recordings."""

    rows: dict[str, int]
    recordings: int


def forget_whole(store: Store, data: Path, owner: str, **which: Any) -> Forgotten:
    """``forget``, and what lies outside of the rows: recordings, and copies in SQLite's log.

    ``data`` is the data folder; ``which`` as for ``forget``.
    """
    gone = forget(store, owner, **which)
    store.scrub()
    remove_recordings(data, gone.ids)
    return gone


def erase_whole(store: Store, data: Path, owner: str) -> Erased:
    """``erase``, and the recordings in the data folder ``data``. Skills' secrets stay."""
    said = turn_ids(store, owner)
    rows = erase(store, owner)
    return Erased(rows, remove_recordings(data, said))


def export(store: Store, owner: str) -> Iterator[dict[str, Any]]:
    """Every row of a user, as ``{"table", "row"}`` in JSON types; parents before children.

    Keys and what credentials are checked against are left out: they say nothing to anybody.
    Secret settings are named, without their values.
    """
    for table in _owned(store):
        if table.name in _WITHHELD:
            continue
        # The core's own definition, where there is one, opens what is sealed.
        known = core.tables.get(table.name, table)
        with store.read() as connection:
            rows = connection.execute(select(known).where(mine(known, owner))).mappings().all()
        for row in rows:
            plain = {name: value for name, value in row.items() if name != "hash"}
            if known is skill_values and row["secret"]:
                plain["value"] = None
            if known is shares:  # another's id is not for others to see
                del plain["grantee"]
            yield {"table": table.name, "row": _plain(plain)}


def erase(store: Store, owner: str) -> dict[str, int]:
    """Remove every row of a user, the account and the keys that sealed it all, in one
    transaction; how many rows by table. The audit log keeps that there was somebody."""
    tables = list(_owned(store))
    counts = {}
    with store.write() as connection:
        store.vault.hold(connection, owner)
        for table in reversed(tables):
            query = delete(table).where(mine(table, owner))
            counts[table.name] = connection.execute(query).rowcount
        connection.execute(delete(shares).where(party(shares, owner)))
        blur = update(audit_log).where(audit_log.c.actor == owner)
        connection.execute(blur.values(address=None, detail={}))
    store.scrub()
    return {name: count for name, count in counts.items() if name not in _WITHHELD}


def renew_key(store: Store, owner: str) -> None:
    """Seal what is left of a user with a new key and destroy the old one, so that what was
    forgotten cannot be read from an old copy of the database and today's keys."""
    with store.write() as connection:
        fresh = store.vault.renew(owner)
        for table in core.sorted_tables:
            if places := sealed_columns(table):
                _seal_anew(connection, table, places, owner)
        store.vault.destroy(owner, but=fresh)


def _seal_anew(connection: Connection, table: Table, places: list[Place], owner: str) -> None:
    keys = [table.c[name] for name in places[0].row]
    columns = [table.c[place.column] for place in places]
    rows = connection.execute(select(*keys, *columns).where(mine(table, owner))).mappings().all()
    for row in rows:
        one = (key == row[key.name] for key in keys)
        values = {column.name: row[column.name] for column in columns}
        connection.execute(update(table).where(mine(table, owner), *one).values(values))


def turn_ids(store: Store, owner: str) -> list[str]:
    """The ids of all turns of a user."""
    with store.read() as connection:
        return list(connection.execute(select(turns.c.id).where(mine(turns, owner))).scalars())


def remove_recordings(data: Path, turn_ids: Iterable[str]) -> int:
    """Remove the recordings of these turns from the data folder; how many."""
    folder = data / "recordings"
    count = 0
    for path in [folder / f"{turn}.sealed" for turn in turn_ids]:
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
