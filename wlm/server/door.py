"""Refusals at the door: what there is no room for is told so without a thread, and unparsed.

Past what can be carried, most requests are refused. Each one that is handed to a thread for it
takes the interpreter's lock from those that work, several times over. So while there is no room
the thread that watches the connections looks at what came: where that is one whole, plain
request for work, it answers by itself. Everything else goes the usual way, where the same
refusal is waiting (``wlm.server.admission``).

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

_END = b"\r\n\r\n"
_LENGTH = b"\r\ncontent-length:"
_NOT_PLAIN = (b"\r\ntransfer-encoding:", b"\r\nexpect:", b"\r\nconnection:", b"\r\nupgrade:")

_came = ctypes.create_string_buffer(_MOST)


def _kept(name: str) -> Any:
    """A call of the system on a socket's number that keeps the interpreter's lock; negative: it
    could not be done now."""
    call = getattr(ctypes.PyDLL(None), name)
    call.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int)
    call.restype = ctypes.c_ssize_t
    return call


_receive, _send = _kept("recv"), _kept("send")


def refuse(sock: socket.socket, work: Refusals) -> bool:
    """Answer the request that waits in ``sock`` with 503 if there is no room for it; whether it
    was answered. Nothing is read otherwise. Never blocks. For one thread alone."""
    if not work.full:
        return False
    number = sock.fileno()
    size = _receive(number, _came, _MOST, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    if size <= 0 or not whole_work(_came.raw[:size]):
        return False
    _receive(number, _came, size, socket.MSG_DONTWAIT)
    answer = work.refuse()
    sent = _send(number, answer, len(answer), socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
    if sent < len(answer):
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)  # it does not read what it is told, or has gone
    return True


def whole_work(came: bytes) -> bool:
    """Whether the bytes are one request for work, from its first byte to its last, whose end
    can only be understood in one way."""
    head, end, body = came.partition(_END)
    line, _, _ = head.partition(b"\r\n")
    method, _, rest = line.partition(b" ")
    target, _, version = rest.partition(b" ")
    if not end or version != b"HTTP/1.1" or not target.isascii():
        return False
    if not is_work_at(method.decode("latin-1"), target.decode("latin-1")):
        return False
    lower = head.lower()
    if any(name in lower for name in _NOT_PLAIN) or lower.count(_LENGTH) != 1:
        return False
    length = lower.partition(_LENGTH)[2].partition(b"\r\n")[0].strip()
    return length.isdigit() and len(length) < 6 and int(length) == len(body)
