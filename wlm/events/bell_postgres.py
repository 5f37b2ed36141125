"""The bell of a Postgres database without Redis: LISTEN and NOTIFY."""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from wlm.events.bell import ENOUGH, LONGEST_NOTE, notes

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

log = logging.getLogger(__name__)
_RING, _TELL = "wlm_ring", "wlm_tell"
_PAUSE = 1.0


class PostgresBell:
    """A ``Bell`` on the database's own notifications, over a connection of its own.

    Not within the accepting transaction: commits that notify wait for each other.
    """

    def __init__(self, url: URL) -> None:
        self._url = url
        self._lock = threading.Lock()
        self._connection: Any = None
        self._away_until = 0.0

    def ring(self, event_id: str, times: int = 1) -> None:
        """Wake as many threads of each worker process."""
        # Postgres drops what is the same as before within a transaction.
        self._notify(_RING, [f"{event_id} {n}" if n else event_id for n in range(times)])

    def tell(self, ids: Iterable[str]) -> None:
        """Wake those that wait."""
        self._notify(_TELL, notes(ids))

    def rings(self) -> PostgresListener:
        """Listen as a worker."""
        return PostgresListener(self._url, _RING)

    def tales(self) -> PostgresListener:
        """Listen as one that waits."""
        return PostgresListener(self._url, _TELL)

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._drop()

    def _notify(self, channel: str, told: list[str]) -> None:
        import psycopg

        if not told:
            return

        with self._lock:
            if time.monotonic() < self._away_until:
                return
            try:
                if self._connection is None:
                    self._connection = _connect(self._url)
                query = "SELECT pg_notify(%s, note) FROM unnest(%s::text[]) AS note"
                self._connection.execute(query, (channel, told))
            except psycopg.Error as error:
                self._drop()
                self._away_until = time.monotonic() + _PAUSE
                log.warning("notification not sent (%s)", type(error).__name__)

    def _drop(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(Exception):
                self._connection.close()
            self._connection = None


class PostgresListener:
    """One connection and one thread that listen for all threads of this process."""

    def __init__(self, url: URL, channel: str) -> None:
        self._url, self._channel = url, channel
        self._heard: queue.Queue[str] = queue.Queue(ENOUGH)
        self._closed = threading.Event()
        threading.Thread(target=self._listen, name="bell", daemon=True).start()

    def next(self, timeout: float) -> str | None:
        """Wait for what the thread has heard."""
        try:
            return self._heard.get(timeout=timeout)
        except queue.Empty:
            return None

    def close(self) -> None:
        """Stop listening, within a second."""
        self._closed.set()

    def _listen(self) -> None:
        import psycopg

        while not self._closed.is_set():
            try:
                with _connect(self._url) as connection:
                    connection.execute(f"LISTEN {self._channel}")
                    while not self._closed.is_set():
                        for note in connection.notifies(timeout=1.0):
                            with contextlib.suppress(queue.Full):
                                self._heard.put_nowait(note.payload[:LONGEST_NOTE])
            except psycopg.Error as error:
                log.debug("not listening (%s)", type(error).__name__)
                self._closed.wait(_PAUSE)


def _connect(url: URL) -> Any:
    import psycopg

    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(plain, autocommit=True, connect_timeout=2)
