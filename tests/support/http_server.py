"""A real HTTP server on loopback whose answers, and faults, a test chooses.

with HttpServer() as server:
    server.route("/feed", body=b"…", headers={"etag": '"1"'})
    Http().get(server.url + "/feed")
    assert server.requests[0].path == "/feed"
"""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qs, urlsplit


class Request(NamedTuple):
    """What the server was asked. ``headers`` has lower-case names, ``query`` last values."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


class Answer(NamedTuple):
    """What it says. ``chunks`` is written piece by piece; nothing says where it ends."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = {}
    chunks: Callable[[], Iterator[bytes]] | None = None


class HttpServer:
    """Serves the routes it was given; 404 for the rest."""

    def __init__(self, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Request] = []
        self.stopping = threading.Event()
        self._routes: dict[str, Callable[[Request], Answer]] = {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self) -> None:
                outer._handle(self)

            do_GET = do_POST = do_PUT = do_DELETE = do_PROPFIND = do_REPORT = _serve

            def log_message(self, *_: object) -> None:
                pass

        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        server_class = type(
            "Server", (ThreadingHTTPServer,), {"address_family": family, "daemon_threads": True}
        )
        self._server = server_class((host, 0), Handler)
        self._server.handle_error = lambda *_: None  # clients hang up on purpose here
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.port: int = self._server.server_address[1]
        shown = f"[{host}]" if ":" in host else host
        self.url = f"http{'s' if tls else ''}://{shown}:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def route(
        self,
        path: str,
        *,
        status: int = 200,
        body: bytes = b"",
        json_body: Any = None,
        headers: Mapping[str, str] | None = None,
        chunks: Callable[[], Iterator[bytes]] | None = None,
    ) -> None:
        """Always answer ``path`` so."""
        content = json.dumps(json_body).encode() if json_body is not None else body
        self.dynamic(path, lambda _: Answer(status, content, headers or {}, chunks))

    def dynamic(self, path: str, answer: Callable[[Request], Answer]) -> None:
        """Answer ``path`` with what ``answer`` makes of the request."""
        self._routes[path] = answer

    def drip(self, piece: bytes, pause: float) -> Callable[[], Iterator[bytes]]:
        """Chunks without end: ``piece`` every ``pause`` seconds, until the server stops."""

        def pieces() -> Iterator[bytes]:
            while not self.stopping.wait(pause):
                yield piece

        return pieces

    def _handle(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        request = Request(
            handler.command,
            parts.path,
            {key: values[-1] for key, values in parse_qs(parts.query).items()},
            {key.lower(): value for key, value in handler.headers.items()},
            handler.rfile.read(int(handler.headers.get("content-length") or 0)),
        )
        self.requests.append(request)
        answer = self._routes.get(request.path, lambda _: Answer(404))(request)
        with contextlib.suppress(OSError):  # the client may hang up
            self._write(handler, answer)

    def _write(self, handler: BaseHTTPRequestHandler, answer: Answer) -> None:
        handler.send_response(answer.status)
        for name, value in answer.headers.items():
            handler.send_header(name, value)
        if answer.chunks is None:
            handler.send_header("content-length", str(len(answer.body)))
            handler.end_headers()
            if answer.status != 304:
                handler.wfile.write(answer.body)
            return
        handler.close_connection = True
        handler.send_header("connection", "close")
        handler.end_headers()
        for piece in answer.chunks():
            handler.wfile.write(piece)
            handler.wfile.flush()
