"""Making connections: what each database needs set, and how long each may be waited for."""

from __future__ import annotations

import json
import sqlite3
import time
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DisconnectionError, NoSuchModuleError

from wlm.errors import BadSetting, StorageFault
from wlm.store.sealed import install

BUSY_SECONDS = 5.0
LOCK_SECONDS = 10.0
"""How long a statement waits on Postgres for what another transaction keeps locked."""
_WAITING = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,  # milliseconds
}
_IDLE_SECONDS = 1.0
_decoder = json.JSONDecoder()
_PRAGMAS = ("foreign_keys=ON", "secure_delete=ON")


def checked(url: str) -> URL:
    """The URL of a database that is served. Raises ``BadSetting``."""
    try:
        made = make_url(url)
    except (ArgumentError, ValueError):
        raise BadSetting(
            "Setting 'database_url' is no database URL.",
            hint="Such as sqlite:////path/wlm.db or postgresql://user@host/name.",
        ) from None
    backend = made.get_backend_name()
    if backend == "sqlite":
        if made.database in (None, "", ":memory:"):
            raise BadSetting("Setting 'database_url': SQLite needs a file, it cannot be in memory.")
    elif backend in ("postgresql", "postgres"):
        made = made.set(drivername="postgresql+psycopg")
    else:
        raise BadSetting(
            f"Setting 'database_url': {backend!r} is not served.",
            hint="Use sqlite:///… or postgresql://….",
        )
    return made


def engine(url: URL, *, reads: bool = False, synchronous: str = "FULL") -> Engine:
    """Connections that are prepared as this database needs it; each wait in them has an end.

    ``reads``: for SQLite, nothing is written with them. Raises ``StorageFault`` where the driver
    is not installed.
    """
    sqlite = url.get_backend_name() == "sqlite"
    given = {} if sqlite else _limits(url)
    try:
        made = create_engine(url, json_deserializer=_loads, connect_args=given)
    except (NoSuchModuleError, ModuleNotFoundError):
        raise StorageFault(
            "The driver for Postgres is not installed.", hint="`pip install 'wlm[postgres]'`."
        ) from None
    install(made)
    if sqlite:
        _prepare_sqlite(made, reads=reads, synchronous=synchronous)
    else:
        _prepare_postgres(made)
        _test_idle_connections(made)
    return made


def _limits(url: URL) -> dict[str, int]:
    """Limits of waiting for a server or a network that is gone, where the URL gives none."""
    return {name: value for name, value in _WAITING.items() if name not in url.query}


def _prepare_postgres(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def _connect(raw: Any, _record: Any) -> None:
        # A statement, since a pooler in between may refuse options at the start.
        raw.autocommit = True
        raw.execute(f"SET lock_timeout = '{LOCK_SECONDS:g}s'")
        raw.autocommit = False


def by_statement(engine: Engine) -> Engine:
    """The same connections, on which each statement is a transaction of its own."""
    return engine.execution_options(isolation_level="AUTOCOMMIT")


def _test_idle_connections(engine: Engine) -> None:
    """Test a connection before use if it has lain idle: its server may have gone meanwhile.

    Testing each time, as SQLAlchemy offers, is a third of what a short transaction costs.
    """

    @event.listens_for(engine, "checkin")
    def _checkin(_raw: Any, record: Any) -> None:
        record.info["idle_since"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def _checkout(raw: Any, record: Any, _proxy: Any) -> None:
        if time.monotonic() - record.info.get("idle_since", time.monotonic()) < _IDLE_SECONDS:
            return
        try:
            alive = engine.dialect.do_ping(raw)
        except Exception:  # noqa: BLE001 - whatever the driver says, it is of no use
            alive = False
        if not alive:
            raise DisconnectionError


def _loads(text: str | bytes) -> Any:
    """JSON that was stored; Postgres' driver gives bytes. Most lists are empty, and a calendar
    reads three in each row."""
    if text == "[]":
        return []
    if isinstance(text, bytes):
        return json.loads(text)
    value, end = _decoder.raw_decode(text)  # no look for blanks, which takes longer than reading
    return value if end == len(text) else json.loads(text)


def _prepare_sqlite(engine: Engine, *, reads: bool, synchronous: str) -> None:
    @event.listens_for(engine, "connect")
    def _connect(raw: Any, _record: Any) -> None:
        raw.isolation_level = None  # transactions begin where SQLAlchemy says
        raw.execute(f"PRAGMA busy_timeout={int(BUSY_SECONDS * 1000)}")
        _use_wal(raw)
        for pragma in (f"synchronous={synchronous}", *_PRAGMAS):
            raw.execute(f"PRAGMA {pragma}")

    if reads:
        return

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _use_wal(raw: sqlite3.Connection) -> None:
    """Switch a new file to WAL. SQLite does not wait for a lock here, so we do."""
    deadline = time.monotonic() + BUSY_SECONDS
    while raw.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            raw.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
