"""A load of HTTP requests on loopback, made by one thread that costs little.

Server and load share the cores, so what the load costs is missing from what is measured. A thread
for each client took more than half a core at four times what the gateway carries, and put its own
waiting into the times.
"""

from __future__ import annotations

import selectors
import socket
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

Request = tuple[str, str, bytes | None, dict[str, str]]
"""Method, path, body, headers."""

_PATIENCE = 60.0
"""Seconds that an answer may take."""


class Load(NamedTuple):
    """What came of a load: requests a second that were served, and milliseconds by status."""

    rate: float
    took: dict[int, list[float]]

    def quantile(self, share: float, status: int = 200) -> float:
        """That quantile of the milliseconds of a status."""
        values = sorted(self.took.get(status, [0.0]))
        return values[min(len(values) - 1, int(share * len(values)))]


def closed(bind: str, request: Request, clients: int, seconds: float) -> Load:
    """So many clients, each asking again as soon as it was answered."""
    return _loaded(bind, request, clients, seconds, lambda number: 0.0)


def opened(bind: str, request: Request, rate: float, seconds: float, clients: int = 96) -> Load:
    """Requests at a fixed rate, whatever becomes of them."""
    begun = time.perf_counter()
    return _loaded(bind, request, clients, seconds, lambda number: begun + number / rate)


def _loaded(
    bind: str, request: Request, clients: int, seconds: float, due: Callable[[int], float]
) -> Load:
    took: dict[int, list[float]] = {}
    begun = time.perf_counter()
    ends, number = begun + seconds, 0
    with selectors.DefaultSelector() as selector:
        everybody = [_Client(bind, request, selector) for _ in range(clients)]
        idle = deque(everybody)
        while (now := time.perf_counter()) < ends or len(idle) < clients:
            while idle and now < ends and due(number) <= now:
                client = idle.popleft()
                number += 1
                if not client.ask():
                    took.setdefault(0, []).append(0.0)
                    idle.append(client)
                now = time.perf_counter()
            if now > ends + _PATIENCE:
                took[0] = took.get(0, []) + [_PATIENCE * 1000] * (clients - len(idle))
                break
            until = min(ends, due(number)) if idle and now < ends else now + 1
            for key, _ in selector.select(max(0.0, until - now)):
                client = key.data
                if (status := client.hear()) is not None:
                    spent = (time.perf_counter() - client.asked) * 1000
                    took.setdefault(status, []).append(spent)
                    idle.append(client)
        for client in everybody:
            client.leave()
    spent = time.perf_counter() - begun
    served = sum(len(v) for status, v in took.items() if status in (200, 304))
    return Load(served / spent, took)


class _Client:
    """One connection, kept as long as the server keeps it."""

    def __init__(self, bind: str, request: Request, selector: selectors.BaseSelector) -> None:
        host, port = bind.split(":")
        method, path, body, headers = request
        lines = [f"{method} {path} HTTP/1.1", f"Host: {bind}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
        self._parts = ["\r\n".join([*lines, "", ""]).encode(), body or b""]
        self._where = (host, int(port))
        self._selector = selector
        self._sock: socket.socket | None = None
        self._came = b""
        self._waits = False
        self.asked = 0.0

    def ask(self) -> bool:
        """Send the request: the head, then the body, as most libraries do. Whether it went."""
        self.asked = time.perf_counter()
        self._came, self._waits = b"", True
        try:
            if self._sock is None:
                self._sock = socket.create_connection(self._where)
                self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._selector.register(self._sock, selectors.EVENT_READ, self)
            for part in self._parts:
                self._sock.sendall(part)
        except OSError:
            self.leave()
            return False
        return True

    def hear(self) -> int | None:
        """The status of the answer once it is here; 0: there will be none."""
        assert self._sock is not None
        try:
            came = self._sock.recv(1 << 16)
        except OSError:
            came = b""
        self._came += came
        if not came:
            waited = self._waits
            self.leave()
            return 0 if waited else None
        head, end, body = self._came.partition(b"\r\n\r\n")
        if not end:
            return None
        status = int(head[9:12])
        lower = head.lower()
        _, named, length = lower.partition(b"content-length:")
        if named:
            if len(body) < int(length.split(b"\r\n", 1)[0]):
                return None
        elif status not in (204, 304):
            raise ValueError("an answer without a length")
        self._waits = False
        if b"connection: close" in lower:
            self.leave()
        return status

    def leave(self) -> None:
        """Hang up."""
        self._waits = False
        if self._sock is not None:
            self._selector.unregister(self._sock)
            self._sock.close()
            self._sock = None
