"""Uploads: streamed to a bounded spool on disk, never whole in memory.

The bounds are on one upload (``max_audio_bytes``), on all that are under way in this process,
on the free space that stays, and on how slowly a client may send.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from pathlib import Path
from typing import IO, Any, cast

from flask import Flask, Request, current_app

from wlm.errors import Busy, SlowClient, TooLarge

OVERHEAD = 65_536
"""Bytes that the fields beside the recording may take."""

SPARE = 200_000_000
"""Bytes of disk that an upload may not take."""

SLOWEST = 2_000
"""Bytes a second that a client must send on average after ``GRACE`` seconds."""

GRACE = 20.0

_KEY = "wlm.spool"


class Spool:
    """The folder of uploads under way, and how many bytes they have together."""

    def __init__(self, folder: Path, *, most: int) -> None:
        self.folder = folder
        self._most = most
        self._used = 0
        self._lock = threading.Lock()

    def take(self, size: int) -> None:
        """Count bytes before they are written. Raises ``Busy`` when the spool is full."""
        with self._lock:
            if self._used + size > self._most:
                raise Busy("Too much is being uploaded at the moment.", retry_after=5)
            self._used += size

    def give(self, size: int) -> None:
        """Count bytes that are gone."""
        with self._lock:
            self._used -= size

    def file(self, limit: int) -> SpooledFile:
        """A new, unnamed file in the spool for at most ``limit`` bytes."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if shutil.disk_usage(self.folder).free < SPARE:
            raise Busy("The gateway's disk is nearly full.", retry_after=60)
        return SpooledFile(self, limit)


class SpooledFile:
    """A temporary file that has no name, counts its bytes, and is gone when closed."""

    def __init__(self, spool: Spool, limit: int) -> None:
        self._spool = spool
        self._limit = limit
        self._size = 0
        self._begun = time.monotonic()
        self._file = tempfile.TemporaryFile(dir=spool.folder)  # noqa: SIM115 - `close` closes it

    def write(self, data: bytes) -> int:
        """Append; raises ``TooLarge``, ``Busy`` or ``SlowClient``."""
        if self._size + len(data) > self._limit:
            raise TooLarge(f"The recording is larger than {self._limit:,} bytes.")
        spent = time.monotonic() - self._begun
        if spent > GRACE and self._size < SLOWEST * spent:
            raise SlowClient
        self._spool.take(len(data))
        self._size += len(data)
        return self._file.write(data)

    def close(self) -> None:
        """Give disk and count back."""
        if not self._file.closed:
            self._file.close()
            self._spool.give(self._size)

    def __del__(self) -> None:
        if "_file" in self.__dict__:
            self.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


class SpoolingRequest(Request):
    """A request whose uploaded files go to the spool."""

    # Werkzeug counts what it reads at a time (64 KiB) and what it holds back of the piece before.
    max_form_memory_size = 4 * OVERHEAD
    max_form_parts = 32

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        spool, limit = current_app.extensions[_KEY]
        return cast("IO[bytes]", spool.file(limit))


def install(app: Flask, folder: Path, *, largest: int) -> None:
    """Let ``app`` take uploads of at most ``largest`` bytes each, four of them at a time."""
    app.request_class = SpoolingRequest
    app.extensions[_KEY] = (Spool(folder, most=4 * largest), largest)
