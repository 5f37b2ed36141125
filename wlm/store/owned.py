"""A skill's tables, for one owner: the one place where its queries are scoped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Table, delete, insert, select, update

from wlm.store.engine import Store


class OwnedTables:
    """Rows of one owner. Each table has an ``owner`` column, which is set and asked for here."""

    def __init__(self, store: Store, owner: str) -> None:
        self._store = store
        self._owner = owner

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make what happens inside one transaction."""
        with self._store.write():
            yield

    def select(
        self,
        table: Table,
        *where: ColumnElement[bool],
        order_by: Any = None,
        limit: int | None = None,
    ) -> list[RowMapping]:
        """The owner's rows that fit every condition."""
        query = select(table).where(table.c.owner == self._owner, *where)
        if order_by is not None:
            query = query.order_by(order_by)
        if limit is not None:
            query = query.limit(limit)
        with self._store.read() as connection:
            return list(connection.execute(query).mappings())

    def insert(self, table: Table, *rows: Mapping[str, Any]) -> None:
        """Add rows."""
        if rows:
            with self._store.write() as connection:
                connection.execute(insert(table), [{**r, "owner": self._owner} for r in rows])

    def update(self, table: Table, values: Mapping[str, Any], *where: ColumnElement[bool]) -> int:
        """Change the owner's rows that fit every condition; how many."""
        query = update(table).where(table.c.owner == self._owner, *where)
        with self._store.write() as connection:
            return connection.execute(query.values({**values, "owner": self._owner})).rowcount

    def delete(self, table: Table, *where: ColumnElement[bool]) -> int:
        """Remove the owner's rows that fit every condition; how many."""
        with self._store.write() as connection:
            query = delete(table).where(table.c.owner == self._owner, *where)
            return connection.execute(query).rowcount
