"""The client's end of a connection: whether somebody is still there to get the answer."""

from __future__ import annotations

import os
import select
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

LOOK = 0.5
"""Seconds between two looks at a connection, where the system does not tell that it ended."""

_HUNG_UP = getattr(select, "POLLRDHUP", 0)  # Linux


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
    ended, end = os.pipe()
    watcher = threading.Thread(target=_watch, args=[sock, ended, gone], name="watch", daemon=True)
    watcher.start()
    try:
        yield gone
    finally:
        os.write(end, b"\0")
        watcher.join()  # it may not look at a connection that serves the next request
        os.close(end)
        os.close(ended)


def _watch(sock: socket.socket, over: int, gone: threading.Event) -> None:
    """Set ``gone`` when the other end hangs up; return then, or when ``over`` has something."""
    looks = select.poll()
    looks.register(over, select.POLLIN)
    if _HUNG_UP:
        looks.register(sock, _HUNG_UP)
    while not (found := looks.poll(None if _HUNG_UP else LOOK * 1000)) and is_there(sock):
        pass
    if all(number != over for number, _ in found):
        gone.set()


def is_there(sock: socket.socket) -> bool:
    """Whether the other end is still connected; what it has sent is left where it is."""
    try:
        ready, _, _ = select.select([sock], [], [], 0)
        return not ready or bool(sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
    except BlockingIOError:
        return True
    except (OSError, ValueError):
        return False
