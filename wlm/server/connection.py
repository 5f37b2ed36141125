"""The client's end of a connection: whether somebody is still there to get the answer."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

LOOK = 0.5
"""Seconds between two looks at a connection whose client waits for an answer."""


@contextmanager
def watched(environ: Mapping[str, Any]) -> Iterator[threading.Event]:
    """An event that is set when the client leaves before the block ends.

    Where the server does not show us the connection, it is never set.
    """
    gone = threading.Event()
    sock: socket.socket | None = environ.get("gunicorn.socket")
    if sock is None:
        yield gone
        return
    over = threading.Event()

    def watch() -> None:
        while not over.wait(LOOK):
            if not is_there(sock):
                gone.set()
                return

    watcher = threading.Thread(target=watch, name="watch", daemon=True)
    watcher.start()
    try:
        yield gone
    finally:
        over.set()
        watcher.join()  # it may not look at a connection that serves the next request


def is_there(sock: socket.socket) -> bool:
    """Whether the other end is still connected; what it has sent is left where it is."""
    try:
        ready, _, _ = select.select([sock], [], [], 0)
        return not ready or bool(sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
    except BlockingIOError:
        return True
    except (OSError, ValueError):
        return False
