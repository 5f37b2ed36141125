"""Bytes to a server and what comes back, with no HTTP library in between that would mend them."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Iterable
from typing import NamedTuple

LARGEST = 1_000_000


class Answer(NamedTuple):
    """What came back. ``status`` 0: the server hung up without a word."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def problem(self) -> bool:
        """Whether it is a problem document with what one may count on."""
        if not self.headers.get("content-type", "").startswith("application/problem+json"):
            return False
        try:
            told = json.loads(self.body)
        except ValueError:
            return False
        return {"code", "hint", "status", "detail"} <= set(told) and told["status"] == self.status

    @property
    def retry_after(self) -> bool:
        """Whether it says when to come back."""
        return self.headers.get("retry-after", "").isdigit()


def exchange(bind: str, pieces: Iterable[bytes | float], patience: float) -> Answer:
    """Send the pieces (a number is a pause in seconds) and read one answer.

    Stops to send as soon as an answer is there, as a client would that looks.
    """
    host, port = bind.split(":")
    got = b""
    ends = time.monotonic() + patience
    with contextlib.suppress(OSError), socket.create_connection((host, int(port)), 10) as sock:
        sock.settimeout(10)
        try:
            for piece in pieces:
                if isinstance(piece, float):
                    sock.settimeout(piece)
                    with contextlib.suppress(TimeoutError):
                        got += sock.recv(65_536)
                        if parse(got).status != 101:
                            break
                    sock.settimeout(10)
                else:
                    sock.sendall(piece)
                if time.monotonic() > ends:
                    break
        except OSError:
            pass  # it may have answered and closed before all was sent
        while len(got) < LARGEST and (left := ends - time.monotonic()) > 0 and not _whole(got):
            sock.settimeout(left)
            block = sock.recv(65_536)
            if not block:
                break
            got += block
    return parse(got)


def parse(got: bytes) -> Answer:
    """The answer in what came; the last one, where a ``100 Continue`` came first."""
    head, mark, body = got.partition(b"\r\n\r\n")
    while mark and head.startswith(b"HTTP/1.1 100"):
        head, mark, body = body.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    parts = first.split(" ")
    if not mark or len(parts) < 2 or not parts[1].isdigit():
        return Answer(0, {}, got)
    headers = {
        name.strip().lower(): value.strip()
        for name, _, value in (line.partition(":") for line in lines)
    }
    return Answer(int(parts[1]), headers, body)


def _whole(got: bytes) -> bool:
    answer = parse(got)
    length = answer.headers.get("content-length", "")
    return answer.status in (101, 204, 304) or (
        length.isdigit() and len(answer.body) >= int(length)
    )
