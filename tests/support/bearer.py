"""A door before a real CalDAV and CardDAV server that takes access tokens only, as Google does."""

from __future__ import annotations

import threading
from base64 import b64encode
from collections.abc import Callable
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from tests.support.radicale import Radicale

_KEPT = {"content-type", "depth", "if-match", "if-none-match"}


class BearerDoor:
    """``owner_of`` tells whose token it is; only ``owner``'s gets through. ``seen``: tokens."""

    def __init__(self, server: Radicale, owner: str, owner_of: Callable[[str], str]) -> None:
        self.seen: list[str] = []
        door = self
        login = b64encode(f"{server.user}:{server.password}".encode()).decode()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _pass(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                scheme, _, token = (self.headers.get("authorization") or "").partition(" ")
                door.seen.append(token)
                if scheme != "Bearer" or owner_of(token) != owner:
                    self._answer(401, {"www-authenticate": "Bearer"}, b"")
                    return
                kept = {k: v for k, v in self.headers.items() if k.lower() in _KEPT}
                inner = HTTPConnection("127.0.0.1", server.port, timeout=20)
                try:
                    kept["authorization"] = f"Basic {login}"
                    inner.request(self.command, self.path, body, kept)
                    told = inner.getresponse()
                    self._answer(told.status, dict(told.getheaders()), told.read())
                finally:
                    inner.close()

            def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    if name.lower() not in ("content-length", "date", "server", "connection"):
                        self.send_header(name, value)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_PUT = do_DELETE = do_PROPFIND = do_REPORT = do_OPTIONS = _pass

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=[0.05], daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
