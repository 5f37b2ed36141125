"""How much is done at once: past that a request is refused before anything of it is accepted.

Work (what runs a skill or the recogniser) has so many places, and so many more may wait for
one. A request beyond that is answered 503 at once, mostly before Flask sees it, so that refusing
costs next to nothing. Streams, which are open for long and do little, have places of their own.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from wlm.errors import Busy
from wlm.server.problems import MEDIA_TYPE, document

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_WORK = ("/v1/ask", "/v1/voice", "/v1/route", "/v1/audio/transcriptions")
_RUNS = ("/confirm", "/retry", "/answer")


class Places:
    """Some may be inside, some may wait, the rest is refused."""

    def __init__(self, inside: int, waiting: int) -> None:
        self._free = threading.BoundedSemaphore(inside)
        self._inside = inside
        self._most = inside + waiting
        self._lock = threading.Lock()
        self.taken = 0

    def enter(self) -> bool:
        """Come in, after waiting if need be; whether there was room at all."""
        with self._lock:
            if self.taken >= self._most:
                return False
            self.taken += 1
        self._free.acquire()
        return True

    @property
    def full(self) -> bool:
        """Whether ``enter`` would refuse now."""
        return self.taken >= self._most

    def leave(self) -> None:
        """Make room."""
        self._free.release()
        with self._lock:
            self.taken -= 1

    def take(self) -> None:
        """``enter``, or raise ``Busy``."""
        if not self.enter():
            raise Busy(retry_after=1)


class Admission:
    """WSGI middleware that refuses work at once while there is no room for it.

    The place itself is taken when the request's body is there (``wlm.server.bodies``).
    """

    def __init__(
        self, app: WSGIApplication, work: Places, refused: Callable[[], None] = lambda: None
    ) -> None:
        self._app = app
        self._work = work
        self._refused = refused

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        if is_work(environ) and self._work.full:
            self._refused()
            return _refusal(start)
        return self._app(environ, start)


def is_work(environ: WSGIEnvironment) -> bool:
    """Whether a request runs a skill or the recogniser."""
    if environ["REQUEST_METHOD"] != "POST":
        return False
    path: str = environ.get("PATH_INFO", "")
    return path in _WORK or (path.startswith("/v1/events/") and path.endswith(_RUNS))


def _refusal(start: StartResponse) -> list[bytes]:
    error = Busy()
    problem: dict[str, Any] = document(
        error.http_status, error.code, error.message, error.hint, retryable=True
    )
    body = json.dumps(problem).encode()
    headers = [
        ("Content-Type", MEDIA_TYPE),
        ("Content-Length", str(len(body))),
        ("Retry-After", "1"),
        ("Cache-Control", "no-store"),
        ("X-Content-Type-Options", "nosniff"),
        ("X-Request-Id", str(problem["request_id"])),
    ]
    start("503 Service Unavailable", headers)
    return [body]
