"""Refusals at the door: what there is no room for is told so without a thread, and unparsed.

Past what can be carried, most requests are refused. Each one that is handed to a thread for it
takes the interpreter's lock from those that work, several times over. So the thread that watches
the connections looks at what came. Where that is the head of one plain request for work, and there
is room, it keeps a place for it; while there is none, it answers by itself, and throws the body
away as it comes; most clients send it a moment later. Everything else goes the usual way, where
the same refusal is waiting (``wlm.server.admission``).

Nothing here waits, so the lock is kept throughout. The methods of a socket give it up around each
call, and who computes takes it for a whole turn: three calls were three turns.
"""

from __future__ import annotations

import contextlib
import ctypes
import socket
from typing import Any

from wlm.server.admission import Refusals, is_work_at

_MOST = 8_192
"""Bytes of the largest request that is looked at here."""

_POST = b"POST "
_END = b"\r\n\r\n"
_LENGTH = b"\r\ncontent-length:"
_NOT_PLAIN = (b"\r\ntransfer-encoding:", b"\r\nexpect:", b"\r\nconnection:", b"\r\nupgrade:")

GONE = -1
"""Nobody is at the other end any more."""

_came = ctypes.create_string_buffer(_MOST)


def _kept(name: str) -> Any:
    """A call of the system on a socket's number that keeps the interpreter's lock; negative: it
    could not be done now."""
    call = getattr(ctypes.PyDLL(None), name)
    call.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int)
    call.restype = ctypes.c_ssize_t
    return call


_receive, _send = _kept("recv"), _kept("send")


def refuse(sock: socket.socket, work: Refusals) -> int | None:
    """Answer the request that waits in ``sock`` with 503 if there is no room for it.

    How many bytes of its body are still to come (``throw_away``); ``None``: it was not
    answered, and nothing was read. Never blocks. For one thread alone.
    """
    if not work.full:
        return None
    size, left = _look(sock)
    if left is None:
        return None
    number = sock.fileno()
    _receive(number, _came, size, socket.MSG_DONTWAIT)
    answer = work.refuse()
    sent = _send(number, answer, len(answer), socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
    if sent < len(answer):
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)  # it does not read what it is told, or has gone
    return left


def wants_work(sock: socket.socket) -> bool:
    """Whether what waits in ``sock`` is what ``refuse`` would answer. Never blocks."""
    return _look(sock)[1] is not None


def _look(sock: socket.socket) -> tuple[int, int | None]:
    """How many bytes have come, and ``to_come`` of them; they are left where they are."""
    size = _receive(sock.fileno(), _came, _MOST, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    came = ctypes.string_at(_came, max(size, 0))
    return size, to_come(came) if came.startswith(_POST) else None


def throw_away(sock: socket.socket, left: int) -> int:
    """Take what came of the ``left`` bytes of a body that nobody wants; how many are still to
    come then, or ``GONE``. Never blocks. For the same thread."""
    size = _receive(sock.fileno(), _came, min(left, _MOST), socket.MSG_DONTWAIT)
    return GONE if size == 0 else left - max(size, 0)


def to_come(came: bytes) -> int | None:
    """How much is missing of the body, where the bytes are one request for work from its first
    byte on, whose head is there and whose end can only be understood in one way."""
    head, end, body = came.partition(_END)
    line, _, _ = head.partition(b"\r\n")
    method, _, rest = line.partition(b" ")
    target, _, version = rest.partition(b" ")
    if not end or version != b"HTTP/1.1" or not target.isascii():
        return None
    if not is_work_at(method.decode("latin-1"), target.decode("latin-1")):
        return None
    lower = head.lower()
    if any(name in lower for name in _NOT_PLAIN) or lower.count(_LENGTH) != 1:
        return None
    length = lower.partition(_LENGTH)[2].partition(b"\r\n")[0].strip()
    if not length.isdigit() or len(length) > 5 or int(length) < len(body):
        return None
    return int(length) - len(body)
