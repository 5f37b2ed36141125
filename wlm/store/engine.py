"""Connections: one writer at a time on SQLite, readers beside it; plain pools on Postgres."""

from __future__ import annotations

import json
import logging
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DisconnectionError, NoSuchModuleError

from wlm.errors import BadSetting, StorageFault
from wlm.store.faults import storage_faults
from wlm.store.sealed import install
from wlm.store.writer_lock import WriterLock

if TYPE_CHECKING:
    from wlm.store.vault import Vault

log = logging.getLogger(__name__)

BUSY_SECONDS = 5.0
_IDLE_SECONDS = 1.0
_decoder = json.JSONDecoder()
_PRAGMAS = ("foreign_keys=ON", "secure_delete=ON")


class Store:
    """A database. ``write()`` and ``read()`` are its only doors.

    Raises ``BadSetting`` for a URL that names no database, and, from every door,
    ``StorageFault`` for what goes wrong outside of our code.
    """

    def __init__(self, url: str) -> None:
        self.url = _checked(url)
        self._engine = _engine(self.url)
        self._reader = _engine(self.url, reads=True) if self.sqlite else _by_statement(self._engine)
        self._writers = WriterLock(self.url.database or "") if self.sqlite else None
        self._light: Engine | None = None
        self._open: ContextVar[Connection | None] = ContextVar("open", default=None)
        self._later: ContextVar[list[Callable[[], None]] | None] = ContextVar("later", default=None)
        self._looks: Engine | None = None
        self._vault: Vault | None = None

    @property
    def vault(self) -> Vault:
        """What seals and opens personal values; there from ``open_store`` on."""
        if self._vault is None:
            raise RuntimeError("this store was opened without its vault: use open_store")
        return self._vault

    @vault.setter
    def vault(self, vault: Vault) -> None:
        self._vault = vault
        for engine in self._engines():
            self._with_vault(engine)

    @property
    def sqlite(self) -> bool:
        """Whether this is SQLite."""
        return self.url.get_backend_name() == "sqlite"

    @property
    def name(self) -> str:
        """The database for people: its file, or its URL without the password."""
        return self.url.database or "" if self.sqlite else self.url.render_as_string()

    @property
    def writing(self) -> bool:
        """Whether this thread is inside ``write()``."""
        return self._open.get() is not None

    @contextmanager
    def write(self, *, durable: bool = True) -> Iterator[Connection]:
        """A transaction that commits at the end; inside another one, that one.

        One that is not ``durable`` survives the end of any process, but on SQLite perhaps
        not a power cut: for what a power cut makes void anyway, such as who runs an event.
        """
        if (outer := self._open.get()) is not None:
            yield outer
            return
        later: list[Callable[[], None]] = []
        engine = self._engine if durable or not self.sqlite else self._lightly()
        lock = self._writers.held(BUSY_SECONDS) if self._writers is not None else nullcontext()
        with lock, storage_faults(self.name), engine.begin() as connection:
            token, list_token = self._open.set(connection), self._later.set(later)
            try:
                yield connection
            finally:
                self._open.reset(token)
                self._later.reset(list_token)
        for call in later:
            try:
                call()
            except Exception as error:  # noqa: BLE001 - what was committed stays so
                log.warning("after a commit: %s", type(error).__name__)

    def after_commit(self, call: Callable[[], None]) -> None:
        """Call it once what is being written is committed; outside of ``write()``, now.

        It must not matter whether it is called at all: the process may end before.
        """
        later = self._later.get()
        if later is None:
            call()
        else:
            later.append(call)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection to read from; inside ``write()``, the writer's own.

        Each statement sees what is committed when it begins, on both databases; who needs
        several to see the same puts them into ``write()``. A transaction around each read would
        take two more round trips on Postgres.
        """
        if (outer := self._open.get()) is not None:
            yield outer
            return
        with storage_faults(self.name), self._reader.connect() as connection:
            yield connection

    @contextmanager
    def statements(self) -> Iterator[Connection]:
        """A connection on which each statement is a transaction of its own, committed at once;
        for Postgres, where one that opens and closes takes two more round trips."""
        if self.sqlite or self.writing:
            raise RuntimeError("statements() is for Postgres, outside of write()")
        with storage_faults(self.name), self._reader.connect() as connection:
            yield connection

    @contextmanager
    def aside(self) -> Iterator[Connection]:
        """A connection for a short look, from a pool of its own: it may be taken by who holds
        a reader's, and can never wait for one. Inside ``write()``, the writer's own."""
        if (outer := self._open.get()) is not None:
            yield outer
            return
        if self._looks is None:
            self._looks = self._with_vault(_engine(self.url, reads=True))
        with storage_faults(self.name), self._looks.connect() as connection:
            yield connection

    @contextmanager
    def alter(self) -> Iterator[Connection]:
        """A transaction for migrations, one process at a time: waits for another's to end.

        On SQLite foreign keys are off inside (a rebuilt table would take its children with
        it) and checked before the commit. Raises ``StorageFault`` if they do not hold.
        """
        with storage_faults(self.name), self._engine.connect() as connection:
            raw: Any = connection.connection.driver_connection
            if self.sqlite:
                raw.execute("PRAGMA foreign_keys=OFF")
                raw.execute("PRAGMA busy_timeout=60000")
            try:
                with connection.begin():
                    if not self.sqlite:
                        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7569261)")
                    token = self._open.set(connection)
                    try:
                        yield connection
                    finally:
                        self._open.reset(token)
                    if self.sqlite and connection.exec_driver_sql("PRAGMA foreign_key_check").all():
                        raise StorageFault(
                            "A migration would have left rows that refer to nothing; "
                            "nothing was changed."
                        )
            finally:
                if self.sqlite:
                    raw.execute("PRAGMA foreign_keys=ON")
                    raw.execute(f"PRAGMA busy_timeout={int(BUSY_SECONDS * 1000)}")

    def scrub(self) -> None:
        """Overwrite what was deleted, where the database leaves copies of it behind."""
        if self.sqlite:
            # Deleted rows are zeroed in the file, but pages of them lie in the log until this.
            with storage_faults(self.name), self._reader.connect() as connection:
                connection.connection.driver_connection.execute(  # type: ignore[union-attr]
                    "PRAGMA wal_checkpoint(TRUNCATE)"
                )

    def close(self) -> None:
        """Close every connection."""
        if self._writers is not None:
            self._writers.close()
        for engine in self._engines():
            engine.dispose()

    def _engines(self) -> list[Engine]:
        engines = (self._engine, self._reader, self._light, self._looks)
        return [engine for engine in engines if engine is not None]

    def _lightly(self) -> Engine:
        if self._light is None:
            self._light = self._with_vault(_engine(self.url, synchronous="NORMAL"))
        return self._light

    def _with_vault(self, engine: Engine) -> Engine:
        """An engine whose sealed columns can be read and written."""
        if self._vault is not None:
            engine.dialect.wlm_vault = self._vault  # type: ignore[attr-defined]
        return engine


def _checked(url: str) -> URL:
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


def _engine(url: URL, *, reads: bool = False, synchronous: str = "FULL") -> Engine:
    sqlite = url.get_backend_name() == "sqlite"
    try:
        engine = create_engine(url, json_deserializer=_loads)
    except (NoSuchModuleError, ModuleNotFoundError):
        raise StorageFault(
            "The driver for Postgres is not installed.", hint="`pip install 'wlm[postgres]'`."
        ) from None
    install(engine)
    if sqlite:
        _prepare_sqlite(engine, reads=reads, synchronous=synchronous)
    else:
        _test_idle_connections(engine)
    return engine


def _by_statement(engine: Engine) -> Engine:
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
