"""How much is done at once: past that a request is refused before anything of it is accepted.

Work (what runs a skill or the recogniser) has so many places, and so many more may wait for
one. A request beyond that is answered 503 at once, mostly before Flask sees it, so that refusing
costs next to nothing. Streams, which are open for long and do little, have places of their own.
"""

from __future__ import annotations

import functools
import json
import threading
import time
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from wlm.errors import Busy
from wlm.server.problems import MEDIA_TYPE, document, request_id

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_WORK = ("/v1/ask", "/v1/voice", "/v1/route", "/v1/audio/transcriptions")
_RUNS = ("/confirm", "/retry", "/answer")
_STATUS = "503 Service Unavailable"
_ID = b"?" * len(request_id())  # as long as each is, so that Content-Length is right

HELD = 1.0
"""Seconds that a place is kept for a request that was seen and has not come in: who sends the
body slowly shall not keep others out."""

held: ContextVar[object | None] = ContextVar("held", default=None)
"""The place that is kept for the request that this thread serves, if any (``Places.hold``)."""


class Places:
    """Some may be inside, some may wait, the rest is refused."""

    def __init__(self, inside: int, waiting: int) -> None:
        self._free = threading.BoundedSemaphore(inside)
        self._inside = inside
        self._most = inside + waiting
        self._lock = threading.Lock()
        self._held: dict[object, float] = {}  # until when; the one that lapses first stands first
        self.taken = 0

    def hold(self) -> object:
        """Keep a place for a request that was seen; ask whether it is ``full`` first.

        Without this all that come at once are let through to a thread each, before the first of
        them has come in, only to be refused there. It lapses after ``HELD`` seconds.
        """
        place = object()
        with self._lock:
            self._held[place] = time.monotonic() + HELD
        return place

    def let_go(self, place: object) -> None:
        """Whoever a place was kept for does not come in; nothing if it did."""
        with self._lock:
            self._held.pop(place, None)

    def enter(self, place: object | None = None) -> bool:
        """Come in, after waiting if need be; whether there was room at all. ``place``: the one
        that was kept."""
        with self._lock:
            if self._held.pop(place, None) is None and self._full():
                return False
            self.taken += 1
        self._free.acquire()
        return True

    @property
    def full(self) -> bool:
        """Whether ``enter`` would refuse now who has no place kept."""
        with self._lock:
            return self._full()

    def _full(self) -> bool:
        if self._held:
            now = time.monotonic()
            while self._held and next(iter(self._held.values())) < now:
                del self._held[next(iter(self._held))]
        return self.taken + len(self._held) >= self._most

    def leave(self) -> None:
        """Make room."""
        self._free.release()
        with self._lock:
            self.taken -= 1

    def take(self) -> None:
        """``enter``, or raise ``Busy``."""
        if not self.enter():
            raise Busy(retry_after=1)


class Refusals:
    """Refuses work while there is no room for it, and counts that."""

    def __init__(self, work: Places, refused: Callable[[], None] = lambda: None) -> None:
        self._work = work
        self._refused = refused

    @property
    def full(self) -> bool:
        """Whether work is refused now."""
        return self._work.full

    def hold(self) -> object:
        """Keep a place for work that was seen; see ``Places.hold``."""
        return self._work.hold()

    def let_go(self, place: object) -> None:
        """That work is over, or never came."""
        self._work.let_go(place)

    def refuse(self) -> bytes:
        """One more refusal, as a whole HTTP answer; the connection stays open."""
        self._refused()
        return _whole().replace(_ID, request_id().encode())

    def answer(self, start: StartResponse) -> list[bytes]:
        """One more refusal, as the answer of a WSGI application."""
        self._refused()
        headers, body = _refusal()
        start(_STATUS, headers)
        return [body]


class Admission:
    """WSGI middleware that refuses work at once while there is no room for it.

    The place itself is taken when the request's body is there (``wlm.server.bodies``).
    """

    def __init__(self, app: WSGIApplication, refusals: Refusals) -> None:
        self._app = app
        self._refusals = refusals

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        if held.get() is None and is_work(environ) and self._refusals.full:
            return self._refusals.answer(start)
        return self._app(environ, start)


def is_work(environ: WSGIEnvironment) -> bool:
    """Whether a request runs a skill or the recogniser."""
    return is_work_at(environ["REQUEST_METHOD"], environ.get("PATH_INFO", ""))


def is_work_at(method: str, path: str) -> bool:
    """The same of a method and a path."""
    if method != "POST":
        return False
    return path in _WORK or (path.startswith("/v1/events/") and path.endswith(_RUNS))


def _refusal(mark: str = "") -> tuple[list[tuple[str, str]], bytes]:
    error = Busy()
    problem: dict[str, Any] = document(
        error.http_status, error.code, error.message, error.hint, retryable=True
    )
    if mark:
        problem["request_id"] = mark
    body = json.dumps(problem).encode()
    headers = [
        ("Content-Type", MEDIA_TYPE),
        ("Content-Length", str(len(body))),
        ("Retry-After", "1"),
        ("Cache-Control", "no-store"),
        ("X-Content-Type-Options", "nosniff"),
        ("X-Request-Id", str(problem["request_id"])),
    ]
    return headers, body


@functools.cache
def _whole() -> bytes:
    """A refusal as a whole answer, made once, with ``_ID`` for the request's id."""
    headers, body = _refusal(_ID.decode())
    head = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return f"HTTP/1.1 {_STATUS}\r\n{head}\r\n".encode() + body
