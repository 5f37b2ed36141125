"""A WebSocket on the connection of a request, by the sans-I/O protocol of ``websockets``.

The thread that serves the request reads and writes; nothing runs beside it.
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
import time
from collections import deque
from collections.abc import Mapping
from typing import Any

from flask import Response, request
from websockets.frames import Opcode
from websockets.http11 import Request as Handshake
from websockets.protocol import State
from websockets.server import ServerProtocol

from wlm.errors import UpgradeRequired

LARGEST = 1 << 20
"""Bytes of the largest message: half a minute of sound."""

_READ = 65_536
_SHAKEN = {"upgrade", "connection", "sec-websocket-key", "sec-websocket-version"}
_PING = 20.0  # s of silence after which the client has to show that it is there


class WebSocket:
    """An open connection, after ``accept``."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._protocol = ServerProtocol(max_size=LARGEST)
        self._come: deque[Any] = deque()
        self._parts: list[bytes] = []
        self._kind = Opcode.BINARY

    @classmethod
    def accept(cls) -> WebSocket:
        """Shake hands on the current request's connection. Raises ``UpgradeRequired``."""
        sock: socket.socket | None = request.environ.get("gunicorn.socket")
        if request.headers.get("Upgrade", "").lower() != "websocket" or sock is None:
            raise UpgradeRequired
        made = cls(sock)
        made._shake_hands(list(request.headers))
        return made

    def _shake_hands(self, headers: list[tuple[str, str]]) -> None:
        lines = [f"GET {request.path} HTTP/1.1", f"Host: {request.host}"]
        lines += [f"{name}: {value}" for name, value in headers if name.lower() in _SHAKEN]
        self._protocol.receive_data("\r\n".join([*lines, "", ""]).encode("latin-1"))
        shake = next(iter(self._protocol.events_received()), None)
        if not isinstance(shake, Handshake):
            raise UpgradeRequired("The WebSocket handshake is not of the right form.")
        answer = self._protocol.accept(shake)
        if answer.status_code != 101:
            raise UpgradeRequired("The WebSocket handshake is not of the right form.")
        self._protocol.send_response(answer)
        self._flush()

    def receive(self, timeout: float) -> bytes | str | None:
        """The next message; ``None`` when the client has closed or was silent for too long."""
        ends = time.monotonic() + timeout
        asked = False
        while self._protocol.state is State.OPEN:
            self._come.extend(self._protocol.events_received())
            while self._come:
                if (message := self._assembled(self._come.popleft())) is not None:
                    return message
            left = ends - time.monotonic()
            if left <= 0:
                return None
            ready, _, _ = select.select([self._sock], [], [], min(left, _PING))
            if ready:
                asked = False
                self._read()
            elif asked:
                return None
            else:
                asked = True
                self._protocol.send_ping(b"")
                self._flush()
        return None

    def send(self, message: Mapping[str, Any]) -> None:
        """Send JSON; nothing if the client has gone."""
        if self._protocol.state is State.OPEN:
            self._protocol.send_text(json.dumps(message, ensure_ascii=False).encode())
            self._flush()

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Say goodbye, and wait a moment for the client's."""
        with contextlib.suppress(OSError):
            if self._protocol.state is State.OPEN:
                self._protocol.send_close(code, reason)
                self._flush()
            ends = time.monotonic() + 1
            while self._protocol.state is not State.CLOSED and time.monotonic() < ends:
                ready, _, _ = select.select([self._sock], [], [], 0.2)
                if ready:
                    self._read()
            self._sock.shutdown(socket.SHUT_RDWR)

    def _assembled(self, frame: Any) -> bytes | str | None:
        if frame.opcode in (Opcode.BINARY, Opcode.TEXT):
            self._kind, self._parts = frame.opcode, []
        elif frame.opcode is not Opcode.CONT:
            return None  # pings are answered by the protocol
        self._parts.append(bytes(frame.data))
        if not frame.fin:
            return None
        whole = b"".join(self._parts)
        return whole.decode("utf-8", "replace") if self._kind is Opcode.TEXT else whole

    def _read(self) -> None:
        data = self._sock.recv(_READ)
        if data:
            self._protocol.receive_data(data)
        else:
            self._protocol.receive_eof()
        self._flush()

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self._sock.sendall(data)


class Taken(Response):
    """The end of a request whose connection was taken: the server may send nothing on it."""

    def __init__(self) -> None:
        super().__init__(status=101)

    def __call__(self, environ: Any, start_response: Any) -> Any:
        """Leave: gunicorn closes a connection when the application raises this."""
        raise StopIteration
