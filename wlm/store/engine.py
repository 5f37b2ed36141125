"""Connections: one writer at a time on SQLite, readers beside it; plain pools on Postgres."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url


class Store:
    """A database. ``write()`` and ``read()`` are its only doors."""

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self._engine = _engine(url, immediate=True)
        self._reader = _engine(url, immediate=False) if self.sqlite else self._engine
        self._open: ContextVar[Connection | None] = ContextVar("open", default=None)

    @property
    def sqlite(self) -> bool:
        """Whether this is SQLite."""
        return self.url.get_backend_name() == "sqlite"

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that commits at the end; inside another one, that one."""
        if (outer := self._open.get()) is not None:
            yield outer
            return
        with self._engine.begin() as connection:
            token = self._open.set(connection)
            try:
                yield connection
            finally:
                self._open.reset(token)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection to read from; inside ``write()``, the writer's own."""
        if (outer := self._open.get()) is not None:
            yield outer
            return
        with self._reader.connect() as connection:
            yield connection

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()
        self._reader.dispose()


def _engine(url: str, *, immediate: bool) -> Engine:
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "connect")
        def _prepare(raw: Any, _record: Any) -> None:
            raw.isolation_level = None  # transactions begin where SQLAlchemy says
            for pragma in (
                "busy_timeout=5000",
                "journal_mode=WAL",
                "synchronous=FULL",
                "foreign_keys=ON",
                "secure_delete=ON",
            ):
                raw.execute(f"PRAGMA {pragma}")

        @event.listens_for(engine, "begin")
        def _begin(connection: Connection) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

    return engine
