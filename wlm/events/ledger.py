"""The rows of events: insert, take, move from state to state, read."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    bindparam,
    func,
    or_,
    select,
    tuple_,
)
from sqlalchemy import update as plain_update

from wlm.errors import NotFound
from wlm.events import history
from wlm.events.history import Entry
from wlm.events.rows import Row, held
from wlm.events.states import RUNNABLE, sources
from wlm.events.witness import Witness
from wlm.events.worker import is_dead, this_worker
from wlm.store.engine import Store
from wlm.store.tables import events
from wlm.types import State, new_id

NO_LEASE = {"lease_token": None, "lease_until": None}


def _names(states: Iterable[State]) -> list[str]:
    return [state.value for state in states]


_EMPTY = {column.name: None for column in events.columns}
# Made once: putting a statement together takes longer than the database does for it.
_TAKE = (
    plain_update(events)
    .where(
        events.c.id.in_(bindparam("ids", expanding=True)),
        events.c.state.in_(_names(RUNNABLE)),
    )
    .values(
        state=State.RUNNING.value,
        attempts=events.c.attempts + 1,
        lease_token=bindparam("new_token"),
        lease_until=bindparam("new_until"),
        worker=bindparam("new_worker"),
        started_at=bindparam("new_start"),
    )
    .returning(events)
)


class Ledger:
    """The events table and its history."""

    def __init__(
        self,
        store: Store,
        clock: Callable[[], datetime],
        lease: timedelta,
        witness: Witness | None = None,
    ) -> None:
        self.store = store
        self.clock = clock
        self.lease = lease
        self.worker = this_worker()
        self._witness = witness or Witness(lease.total_seconds())
        self.on_end: Callable[[Connection, Row, State], None] | None = None
        """Called in the transaction in which an event ends or begins to wait, after all else."""

    def insert(self, values: Mapping[str, Any]) -> Row | None:
        """Add a queued event; ``None`` if its owner's idempotency key is taken."""
        row = {**_EMPTY, **values}
        with self.store.write() as connection:
            if not connection.execute(_insertion(self.store.sqlite), row).rowcount:
                return None
            self.log(connection, [row], State.ACCEPTED, State(row["state"]))
        return row

    def claim(self, event_id: str) -> Row | None:
        """Take an event that is due, with a new lease; ``None`` if it is not to be had."""
        with self.store.write(durable=False) as connection:
            due = or_(events.c.ticket.is_not(None), events.c.run_at <= self.clock())
            rows = self.take(connection, [event_id], due)
        return rows[0] if rows else None

    def take(
        self, connection: Connection, ids: Sequence[str], *where: ColumnElement[bool]
    ) -> list[Row]:
        """``claim`` of many in an open transaction; those that were to be had, in order."""
        now = self.clock()
        values = {
            "ids": list(ids),
            "new_token": new_id(),
            "new_until": now + self.lease,
            "new_worker": self.worker,
            "new_start": now,
        }
        query = _TAKE.where(*where) if where else _TAKE
        rows = {row["id"]: row for row in connection.execute(query, values).mappings()}
        found: list[Row] = [rows[id_] for id_ in ids if id_ in rows]
        self.log(connection, found, State.RUNNING)
        return found

    def move(
        self,
        target: State,
        *where: ColumnElement[bool],
        code: str | None = None,
        detail: str | None = None,
        **values: Any,
    ) -> Row | None:
        """Bring the one event that ``where`` picks to ``target``; ``None`` if it is not there
        any more or may not go there. The lease ends, and so does its place in the queue,
        unless it is queued."""
        if target.final:
            values = {"finished_at": self.clock(), **values}
        if target is not State.QUEUED:
            values["ticket"] = None
        query = (
            plain_update(events)
            .where(events.c.state.in_(_names(sources(target))), *where)
            .values(state=target.value, **NO_LEASE, **values)
            .returning(events)
        )
        with self.store.write() as connection:
            row = connection.execute(query).mappings().first()
            if row is not None:
                self.log(connection, [row], target, code=code, detail=detail)
                if self.on_end is not None and (target.final or target.waiting):
                    self.on_end(connection, row, target)
        return row

    def extend(self, row: Row) -> bool:
        """Make a running event's lease last on; whether it is still ours."""
        with self.store.write() as connection:
            query = select(events.c.lease_token).where(events.c.id == row["id"])
            found = connection.execute(query.with_for_update(skip_locked=True)).first()
            if found is None:
                # On Postgres the run itself holds the row in a transaction: it is ours.
                return bool(connection.execute(query).scalar() == row["lease_token"])
            if found.lease_token != row["lease_token"]:
                return False
            until = self.clock() + self.lease
            connection.execute(plain_update(events).where(held(row)).values(lease_until=until))
        return True

    def mark(self, row: Row, **values: Any) -> bool:
        """Change fields of a running event; whether it is still ours."""
        with self.store.write() as connection:
            query = plain_update(events).where(held(row)).values(**values)
            return connection.execute(query).rowcount == 1

    def lost(self) -> list[Row]:
        """Running events whose worker is gone."""
        with self.store.read() as connection:
            query = select(events).where(events.c.lease_token.is_not(None))
            running: list[Row] = list(connection.execute(query).mappings())
        silent = self._witness.silent(running, self.clock())
        if silent and not self.store.sqlite:
            silent -= self._writing(silent)
        return [row for row in running if row["id"] in silent or is_dead(row["worker"])]

    def accepted(self) -> list[Row]:
        """Events that were accepted and got no further."""
        with self.store.read() as connection:
            query = select(events).where(events.c.state == State.ACCEPTED.value)
            return list(connection.execute(query).mappings())

    def _writing(self, ids: set[str]) -> set[str]:
        """Those whose runs hold their rows in open transactions, and so cannot move their
        leases: for that long they are heard of."""
        free = select(events.c.id).where(events.c.id.in_(ids)).with_for_update(skip_locked=True)
        with self.store.write(durable=False) as connection:
            held_now = ids - set(connection.execute(free).scalars())
        self._witness.heard(held_now)
        return held_now

    def fetch(self, *where: ColumnElement[bool]) -> Row:
        """The event that ``where`` picks. Raises ``NotFound``."""
        with self.store.read() as connection:
            row = connection.execute(select(events).where(*where)).mappings().first()
        if row is None:
            raise NotFound("There is no such event.", hint="`wlm events list` shows what there is.")
        return row

    def page(self, *where: ColumnElement[bool], before: Row | None, limit: int) -> list[Row]:
        """Events, newest first, older than ``before``."""
        query = select(events).where(*where)
        if before is not None:
            place = tuple_(events.c.created_at, events.c.id)
            query = query.where(place < tuple_(before["created_at"], before["id"]))
        query = query.order_by(events.c.created_at.desc(), events.c.id.desc()).limit(limit)
        with self.store.read() as connection:
            return list(connection.execute(query).mappings().all())

    def page_of_states(
        self, states: Iterable[State], *where: ColumnElement[bool], before: Row | None, limit: int
    ) -> list[Row]:
        """``page`` of events in any of some states: one question for each, which an index answers
        at once however many other events there are."""
        found = [
            row
            for state in set(states)
            for row in self.page(*where, events.c.state == state.value, before=before, limit=limit)
        ]
        return sorted(found, key=lambda r: (r["created_at"], r["id"]), reverse=True)[:limit]

    def count(self, *where: ColumnElement[bool]) -> int:
        """How many events ``where`` picks."""
        with self.store.read() as connection:
            query = select(func.count()).select_from(events).where(*where)
            return connection.execute(query).scalar_one()

    def log(
        self,
        connection: Connection,
        rows: Sequence[Row],
        *states: State,
        code: str | None = None,
        detail: str | None = None,
    ) -> None:
        """Note for each row that it came to these states."""
        now = self.clock()
        history.write(
            connection,
            [
                history.line(row, Entry(now, state, row["attempts"], self.worker, code, detail))
                for row in rows
                for state in states
            ],
        )


@functools.cache
def _insertion(sqlite: bool) -> Any:
    """The database's own INSERT, which can ignore a conflict; the other one is not imported."""
    if sqlite:
        from sqlalchemy.dialects.sqlite import insert as sqlite_insert

        made: Any = sqlite_insert(events)
    else:
        from sqlalchemy.dialects.postgresql import insert as postgres_insert

        made = postgres_insert(events)
    return made.on_conflict_do_nothing(index_elements=["owner", "idempotency_key"]).inline()
