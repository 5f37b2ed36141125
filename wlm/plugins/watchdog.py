"""A hard end for an HTTP exchange: at the deadline its sockets are shut.

httpx times each read, so a server that sends a byte now and then would hold a caller for
ever. The watchdog sees the sockets through httpx's ``trace`` extension.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Mapping
from typing import Any, Self


class Watchdog:
    """Shuts the sockets of an exchange at ``deadline`` (``time.monotonic`` seconds)."""

    def __init__(self, deadline: float) -> None:
        self._deadline = deadline
        self._sockets: list[socket.socket] = []
        self._timer = threading.Timer(max(0.0, deadline - time.monotonic()), self._bite)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    @property
    def late(self) -> bool:
        """Whether the deadline has passed."""
        return time.monotonic() >= self._deadline

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """What httpx calls: remembers the socket of each connection made, plain or TLS."""
        stream = info.get("return_value")
        if event.endswith(("connect_tcp.complete", "start_tls.complete")) and stream is not None:
            self._sockets.append(stream.get_extra_info("socket"))

    def _bite(self) -> None:
        for end in self._sockets:
            with contextlib.suppress(OSError):  # closed meanwhile
                end.shutdown(socket.SHUT_RDWR)
