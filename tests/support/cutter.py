"""A TCP relay on loopback that breaks connections where a test says.

with Cutter(port) as relay:
    relay.cuts = iter(["answer", None, "request"])

Each new connection takes the next of ``cuts``: ``refuse`` closes it at once, ``request``
before anything reaches the server, ``answer`` after the server has acted and before its
answer comes, ``half`` in the middle of the answer; ``None`` lets it through.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Self

Cut = str | tuple[str, int] | None


class Cutter:
    """Relays to ``port`` on loopback; one thread a connection."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self.cuts: Iterator[Cut] = iter(())
        self.broken = 0
        self.passed = (0, 0)
        """Bytes up and down of the last connection that was counted."""
        self._thread = threading.Thread(target=self._accept, daemon=True)

    @property
    def url(self) -> str:
        """The address to use in place of the server's."""
        return f"http://127.0.0.1:{self.port}/"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            cut = next(self.cuts, None)
            self.broken += cut is not None
            threading.Thread(target=self._relay, args=(client, cut), daemon=True).start()

    def _relay(self, client: socket.socket, cut: Cut) -> None:
        with client, contextlib.suppress(OSError):
            if cut == "refuse":
                return
            if cut == "request":
                client.recv(65536)
                return
            with socket.create_connection(("127.0.0.1", self._target), 20) as server:
                if isinstance(cut, tuple):
                    self._counted(client, server, *cut)
                    return
                upward = threading.Thread(target=self._copy, args=(client, server), daemon=True)
                upward.start()
                if cut is None:
                    self._copy(server, client)
                    return
                answer = server.recv(65536)  # the server has acted
                if cut == "half":
                    client.sendall(answer[: len(answer) // 2])
                # Closing is not enough while the other thread reads.
                client.shutdown(socket.SHUT_RDWR)

    def _counted(
        self, client: socket.socket, server: socket.socket, direction: str, most: int
    ) -> None:
        """Relay until ``most`` bytes went in that direction, then break both sides.

        The sender is broken off just before the last of them goes on: no answer reaches it.
        """
        ends = (client, server) if direction == "up" else (server, client)
        told: list[int] = []
        back = threading.Thread(
            target=lambda: told.append(self._copy(ends[1], ends[0])), daemon=True
        )
        back.start()
        left = most
        with contextlib.suppress(OSError):
            while left and (block := ends[0].recv(min(left, 65536))):
                left -= len(block)
                if not left:  # what answers the last byte must not slip through
                    ends[0].shutdown(socket.SHUT_RDWR)
                ends[1].sendall(block)
        for end in (client, server):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        back.join()
        counts = (most - left, sum(told))
        self.passed = counts if direction == "up" else counts[::-1]

    @staticmethod
    def _copy(source: socket.socket, target: socket.socket) -> int:
        """Relay until the source ends; how many bytes."""
        many = 0
        with contextlib.suppress(OSError):
            while block := source.recv(65536):
                target.sendall(block)
                many += len(block)
            target.shutdown(socket.SHUT_WR)
        return many
