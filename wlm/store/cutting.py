"""Cutting a transaction off from outside: for the thread of a handler that hangs in one.

A thread cannot be killed, but what it keeps locked can be taken from it: on SQLite nobody could
write until it came back, on Postgres nobody could end the event that it runs.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection

from wlm.errors import StorageFault


class Open:
    """The transactions of a store that are open, by thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._threads: dict[int, Connection] = {}

    @contextmanager
    def entered(self, connection: Connection) -> Iterator[None]:
        """While this thread does its work in the transaction, but not while it commits it.

        Raises ``StorageFault`` at the end if it was cut off meanwhile.
        """
        thread = threading.get_ident()
        with self._lock:
            self._threads[thread] = connection
        try:
            yield
        finally:
            with self._lock:
                cut = self._threads.pop(thread, None) is not connection
            if cut:
                connection.invalidate()
                raise StorageFault("This transaction took too long; nothing of it was changed.")

    def cut(self, thread: int, then: Callable[[], None]) -> bool:
        """Undo the transaction of a thread, so that whatever else it does there fails; whether
        there was one. ``then`` is called before the thread can leave it."""
        with self._lock:
            connection = self._threads.pop(thread, None)
            if connection is None:
                return False
            raw: Any = None if connection.invalidated else connection.connection.driver_connection
            # The thread may be in a call of the driver: only what is safe beside one is done.
            if isinstance(raw, sqlite3.Connection):
                _undo(raw)
            elif raw is not None:
                _hang_up(raw)
            then()
        return True


def _undo(raw: sqlite3.Connection) -> None:
    ours = threading.get_ident()

    def allow(*_: object) -> int:
        return sqlite3.SQLITE_OK if threading.get_ident() == ours else sqlite3.SQLITE_DENY

    raw.interrupt()
    raw.set_authorizer(allow)
    raw.rollback()


def _hang_up(raw: Any) -> None:
    """The server sees the end of the connection, and undoes what was begun on it."""
    with contextlib.suppress(OSError), socket.socket(fileno=os.dup(raw.fileno())) as wire:
        wire.shutdown(socket.SHUT_RDWR)
