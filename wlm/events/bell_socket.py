"""The embedded bell: unix datagram sockets beside the SQLite file, one for each listener.

A ring is a datagram to every socket in the folder. The kernel keeps a few for a listener
that is busy and wakes exactly one of the threads that wait on a socket, so it costs nothing
while nothing happens. Where there are no such sockets (Windows) nobody hears, and workers
find work at their next sweep.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import socket
import struct
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from wlm.events.bell import LONGEST_NOTE, notes

log = logging.getLogger(__name__)
_RING, _TELL = ".ring", ".tell"
_LONGEST_PATH = 100


class SocketBell:
    """A ``Bell`` for the processes that share one SQLite file."""

    def __init__(self, database: str) -> None:
        self._folder = Path(f"{database}-bells")
        self._voice: socket.socket | None = None

    def ring(self, event_id: str, times: int = 1) -> None:
        """Wake as many worker threads of each worker process."""
        self._send(_RING, [event_id] * times)

    def tell(self, ids: Iterable[str]) -> None:
        """Wake those that wait."""
        self._send(_TELL, notes(ids))

    def rings(self) -> SocketListener:
        """Listen as a worker."""
        return SocketListener(self._folder, _RING)

    def tales(self) -> SocketListener:
        """Listen as one that waits."""
        return SocketListener(self._folder, _TELL)

    def close(self) -> None:
        """Nothing is kept open but the sending socket."""
        if self._voice is not None:
            self._voice.close()
            self._voice = None

    def _send(self, kind: str, told: list[str]) -> None:
        try:
            names = [name for name in os.listdir(self._folder) if name.endswith(kind)]  # noqa: PTH208
        except OSError:
            return  # nobody has ever listened
        if not names or not hasattr(socket, "AF_UNIX"):
            return
        if self._voice is None:
            self._voice = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._voice.setblocking(False)
        for name in names:
            path = self._folder / name
            try:
                with _short(path) as address:
                    for note in told:
                        self._voice.sendto(note.encode(), address)
            except BlockingIOError:
                pass  # it has been rung often enough
            except ConnectionRefusedError:
                with contextlib.suppress(OSError):
                    path.unlink()  # its process is gone
            except OSError as error:
                log.debug("bell not rung: %s", error.strerror)


class SocketListener:
    """A ``Listener`` on a socket of its own."""

    def __init__(self, folder: Path, kind: str) -> None:
        self._path = folder / f"{os.getpid()}-{secrets.token_hex(4)}{kind}"
        self._socket: socket.socket | None = None
        self._open()

    def next(self, timeout: float) -> str | None:
        """Wait in the kernel, which wakes one thread for one datagram."""
        heard = self._socket
        if heard is None:
            time.sleep(timeout)
            self._open()
            return None
        try:
            return heard.recv(LONGEST_NOTE).decode("ascii", "replace")
        except BlockingIOError:
            if not self._path.exists():
                self._open()  # somebody has cleared the folder
        except OSError:
            time.sleep(min(timeout, 0.1))  # closed while we waited, or out of memory
        return None

    def close(self) -> None:
        """Remove the socket. A thread that waits comes back within a second."""
        heard, self._socket = self._socket, None
        with contextlib.suppress(OSError):
            self._path.unlink()
        if heard is not None:
            heard.close()

    def _open(self) -> None:
        if not hasattr(socket, "AF_UNIX"):
            return
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            with _short(self._path) as address:
                made.bind(address)
        except OSError as error:
            log.warning("no bell here (%s); work is found by looking", error.strerror)
            return
        # Not `settimeout`: that polls first, and a poll wakes every thread at once.
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 1, 0))
        self._socket = made


@contextlib.contextmanager
def _short(path: Path) -> Iterator[str]:
    """The path in a form that fits into a socket address, which holds about 100 bytes."""
    if len(os.fsencode(path)) <= _LONGEST_PATH:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
