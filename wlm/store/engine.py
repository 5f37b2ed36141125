"""Connections: one writer at a time on SQLite, readers beside it; plain pools on Postgres."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine

from wlm.errors import StorageFault
from wlm.store import connections
from wlm.store.connections import BUSY_SECONDS
from wlm.store.cutting import Open
from wlm.store.faults import storage_faults
from wlm.store.writer_lock import WriterLock

if TYPE_CHECKING:
    from wlm.store.vault import Vault

log = logging.getLogger(__name__)


class Store:
    """A database. ``write()`` and ``read()`` are its only doors.

    Raises ``BadSetting`` for a URL that names no database, and, from every door,
    ``StorageFault`` for what goes wrong outside of our code.
    """

    def __init__(self, url: str) -> None:
        self.url = connections.checked(url)
        self._engine = connections.engine(self.url)
        self._reader = (
            connections.engine(self.url, reads=True)
            if self.sqlite
            else connections.by_statement(self._engine)
        )
        self._writing = Open()
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
                with self._writing.entered(connection):
                    yield connection
            finally:
                self._open.reset(token)
                self._later.reset(list_token)
        for call in later:
            try:
                call()
            except Exception as error:  # noqa: BLE001 - what was committed stays so
                log.warning("after a commit: %s", type(error).__name__)

    def cut(self, thread: int) -> bool:
        """Undo what a thread of this process is writing, and let others write; whether there was
        anything. What the thread still does in that transaction fails.

        For a handler that hangs; ``thread`` is its ``threading.get_ident()``.
        """
        lock = self._writers
        return self._writing.cut(thread, lock.take_away if lock is not None else lambda: None)

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
            self._looks = self._with_vault(connections.engine(self.url, reads=True))
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
                        connection.exec_driver_sql("SET LOCAL lock_timeout = 0")
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
            self._light = self._with_vault(connections.engine(self.url, synchronous="NORMAL"))
        return self._light

    def _with_vault(self, engine: Engine) -> Engine:
        """An engine whose sealed columns can be read and written."""
        if self._vault is not None:
            engine.dialect.wlm_vault = self._vault  # type: ignore[attr-defined]
        return engine
