"""A fair lock for writing to a SQLite file, among the threads and processes of a machine.

SQLite lets one write at a time. The others sleep, longer each time, up to a tenth of a second,
and whoever comes by just when the lock is free takes it, so that a short write may wait for
hundreds of another process's. Here they stand in line: threads for a lock of their own, then
the first of each process for two locked files. ``next`` belongs to the process that is next,
``writer`` to the one that writes, and only who is next becomes the writer. So of two processes
that have much to write each gets every other turn.

SQLite's own lock keeps the database whole, as ever; this decides who waits how long, no more.
Where it cannot be had (no such locks, a process that keeps its turn) SQLite's waiting is left.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from wlm.errors import StorageFault

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 2.0
"""How long other processes are stood in line for."""
# The kernel would wake us at once, but knows no time limit for it.
_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.0002, 0.002


class _Files(NamedTuple):
    pid: int
    next: int
    writer: int


class _Turn:
    """The turn of one thread, with the file that is locked for it."""

    file: int | None = None


class WriterLock:
    """The lock of one database file. Safe for threads; a forked process gets a place of its own."""

    def __init__(self, database: str) -> None:
        self._database = database
        self._threads = threading.Lock()
        self._files: _Files | None = None
        self._alone = fcntl is None
        self._guard = threading.Lock()
        self._turn: _Turn | None = None

    @contextmanager
    def held(self, patience: float) -> Iterator[None]:
        """Hold it inside. Raises ``StorageFault`` if another thread of this process has
        not let go of it within ``patience`` seconds."""
        if not self._threads.acquire(timeout=patience):
            raise StorageFault(
                f"Another thread keeps the database locked: {self._database}. Nothing was changed.",
                hint="Try again in a moment.",
                retryable=True,
            )
        turn = self._turn = _Turn()
        try:
            turn.file = self._acquired()
            yield
        finally:
            self._end(turn)

    def take_away(self) -> None:
        """End the turn of the thread that has it: its transaction was undone by another one."""
        if (turn := self._turn) is not None:
            self._end(turn)

    def _end(self, turn: _Turn) -> None:
        with self._guard:
            if self._turn is not turn:
                return  # it was taken away
            self._turn = None
            if turn.file is not None:
                fcntl.flock(turn.file, fcntl.LOCK_UN)
            self._threads.release()

    def close(self) -> None:
        """Let go of the files, unless a thread still writes; they are opened again if needed."""
        if self._threads.acquire(blocking=False):
            self._drop()
            self._threads.release()

    def _drop(self) -> None:
        files, self._files = self._files, None
        if files is not None:
            os.close(files.next)
            os.close(files.writer)

    def _acquired(self) -> int | None:
        """Wait for other processes; the locked file, ``None`` where SQLite alone must wait."""
        if self._alone:
            return None
        until = time.monotonic() + PATIENCE_SECONDS
        try:
            files = self._opened()
            if _lock(files.next, until):
                try:
                    if _lock(files.writer, until):
                        return files.writer
                finally:
                    fcntl.flock(files.next, fcntl.LOCK_UN)
        except OSError as error:
            self._alone = True
            log.info("no line of writers here (%s); SQLite waits by itself", error.strerror)
            return None
        log.warning(
            "another process keeps its turn to write for over %g s; SQLite waits by itself",
            PATIENCE_SECONDS,
        )
        return None

    def _opened(self) -> _Files:
        if self._files is None or self._files.pid != os.getpid():
            self._drop()  # of a parent's locks this drops only our copy
            first = _open(f"{self._database}-next.lock")
            try:
                self._files = _Files(os.getpid(), first, _open(f"{self._database}-writer.lock"))
            except OSError:
                os.close(first)
                raise
        return self._files


def _open(path: str) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _lock(file: int, until: float) -> bool:
    """Lock it, until then at the latest; whether it is ours."""
    pause = _PAUSE_SECONDS
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                return False
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
        else:
            return True
