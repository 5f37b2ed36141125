"""The client's end of a connection, as far as the server lets us see it."""

from __future__ import annotations

import select
import socket
from collections.abc import Callable, Mapping
from typing import Any


def still_there(environ: Mapping[str, Any]) -> Callable[[], bool]:
    """Tells whether the client is still connected; always yes where that cannot be seen."""
    sock: socket.socket | None = environ.get("gunicorn.socket")
    if sock is None:
        return lambda: True

    def look() -> bool:
        try:
            ready, _, _ = select.select([sock], [], [], 0)
            return not ready or bool(sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
        except BlockingIOError:
            return True
        except (OSError, ValueError):
            return False

    return look
