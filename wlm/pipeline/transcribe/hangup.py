"""Hanging up on a server in the middle of a request that nobody waits for any more."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Any

_LOOK = 0.25  # s between two looks
_OPENED = ("connect_tcp.complete", "connect_unix_socket.complete", "start_tls.complete")


@contextlib.contextmanager
def hanging_up(cancelled: threading.Event) -> Iterator[dict[str, Any]]:
    """Extensions for one httpx request on a connection of its own, which is cut when
    ``cancelled`` is set before the block ends; the request then fails as if the server had."""
    sockets: list[socket.socket] = []
    over = threading.Event()

    def trace(name: str, info: dict[str, Any]) -> None:
        if name.endswith(_OPENED):
            sockets.append(info["return_value"].get_extra_info("socket"))

    def watch() -> None:
        while not over.is_set():
            if cancelled.wait(_LOOK):
                for sock in sockets[-1:]:  # over TLS the last one is in use
                    with contextlib.suppress(OSError):
                        sock.shutdown(socket.SHUT_RDWR)
                over.wait(_LOOK)  # it may not have been connected yet: look again

    watcher = threading.Thread(target=watch, name="hang-up", daemon=True)
    watcher.start()
    try:
        yield {"trace": trace}
    finally:
        over.set()
        watcher.join()
