"""A skill's tables, for one owner: the one place where its queries are scoped."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Row,
    RowMapping,
    Select,
    Table,
    delete,
    insert,
    select,
    update,
)

from wlm.store.engine import Store
from wlm.store.scope import mine


class OwnedTables:
    """Rows of one owner. Each table has an ``owner`` column, which is set and asked for here.

    ``guard`` is called in each writing transaction; what it raises undoes the transaction.
    The event engine uses it to refuse what a run writes after its time is over.
    """

    def __init__(
        self, store: Store, owner: str, *, guard: Callable[[Connection], None] | None = None
    ) -> None:
        self._store = store
        self._owner = owner
        self._guard = guard

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make what happens inside one transaction."""
        with self._write():
            yield

    def select(
        self,
        table: Table,
        *where: ColumnElement[bool],
        order_by: Any = None,
        limit: int | None = None,
    ) -> list[RowMapping]:
        """The owner's rows that fit every condition."""
        query = _query(select(table).where(mine(table, self._owner), *where), order_by, limit)
        with self._store.read() as connection:
            return list(connection.execute(query).mappings())

    def values(
        self,
        columns: Sequence[Column[Any]],
        *where: ColumnElement[bool],
        order_by: Any = None,
        limit: int | None = None,
    ) -> Sequence[Row[Any]]:
        """These columns of one table, of the owner's rows that fit every condition, as tuples.

        For many rows of which little is needed: whole rows cost several times more.
        """
        (table,) = {column.table for column in columns}
        wanted = select(*columns).where(mine(table, self._owner), *where)
        with self._store.read() as connection:
            return connection.execute(_query(wanted, order_by, limit)).all()

    def insert(self, table: Table, *rows: Mapping[str, Any]) -> None:
        """Add rows."""
        if rows:
            with self._write() as connection:
                connection.execute(insert(table), [{**r, "owner": self._owner} for r in rows])

    def update(self, table: Table, values: Mapping[str, Any], *where: ColumnElement[bool]) -> int:
        """Change the owner's rows that fit every condition; how many."""
        query = update(table).where(mine(table, self._owner), *where)
        with self._write() as connection:
            return connection.execute(query.values({**values, "owner": self._owner})).rowcount

    def delete(self, table: Table, *where: ColumnElement[bool]) -> int:
        """Remove the owner's rows that fit every condition; how many."""
        with self._write() as connection:
            query = delete(table).where(mine(table, self._owner), *where)
            return connection.execute(query).rowcount

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        nested = self._store.writing
        with self._store.write() as connection:
            if self._guard is not None and not nested:
                self._guard(connection)
            yield connection


def _query(query: Select[Any], order_by: Any, limit: int | None) -> Select[Any]:
    if order_by is not None:
        query = query.order_by(order_by)
    return query if limit is None else query.limit(limit)
