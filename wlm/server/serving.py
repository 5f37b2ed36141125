"""The production server: gunicorn with threads, started from our settings."""

from __future__ import annotations

import contextlib
import functools
import logging
import mmap
import os
import selectors
import shutil
import socket
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from gunicorn.http.errors import (
    ExpectationFailed,
    LimitRequestHeaders,
    LimitRequestLine,
    ParseException,
)
from gunicorn.workers.gthread import TConn, ThreadWorker

from wlm import log as log_
from wlm import trace
from wlm.log import JsonFormatter
from wlm.server import admission, bodies, door, memory, reloading, sweeping, warming
from wlm.server.metrics import FOLDER
from wlm.server.problems import bare_problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Flask

    from wlm.config import Settings
    from wlm.server.service import Service

log = logging.getLogger(__name__)

DRAIN = 30
"""Seconds that requests under way get to end when the server is stopped."""

HEADERS = 15.0
"""Seconds that a client may take to send its request line and headers."""

IDLE = 30
"""Seconds that a client may stay silent in the middle of sending, and that one may stay on."""

_MALFORMED = {LimitRequestLine: 414, LimitRequestHeaders: 431, ExpectationFailed: 417}
_TELL = 0.5  # s
_AT_ONCE = 8  # connections that are taken at a look; other processes want some, too
_GATHER = 0.02  # s; while there is no room, what comes is looked at that seldom, all at once
_LOOK = 0.5  # s; how often it is looked for clients that are too slow


class Worker(ThreadWorker):  # type: ignore[misc]
    """A threaded worker that does not wait for ever for a client that sends slowly."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._reading: dict[Any, float] = {}
        self._bodies: dict[Any, bodies.Body] = {}
        self._told = -_TELL
        self._looked = 0.0
        self._serves = mmap.mmap(-1, 1)  # made before the fork, so the parent sees it
        self._replaces = self.app.reloads

    def init_process(self) -> None:
        """Set up this process."""
        memory.few_heaps()
        super().init_process()

    @property
    def serves(self) -> bool:
        """Whether this process takes connections."""
        return bool(self._serves[0])

    def run(self) -> None:
        """Serve. A process that comes in the place of another one loads everything first: as long
        as it does, the other one has the connections."""
        warmed = getattr(self.wsgi, "extensions", {}).get("wlm.warmed")
        while self._replaces and warmed is not None and self.alive and self.is_parent_alive():
            if warmed.wait(_TELL):
                break
            self.notify()
        self._serves[0] = 1
        super().run()

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Stop once those that are served have their answers; streams have no end of their own."""
        super().handle_exit(sig, frame)
        if stopping := getattr(self.wsgi, "extensions", {}).get("wlm.stopping"):
            stopping.set()

    def notify(self) -> None:
        """Tell the parent now and then that this process is well: each time takes a turn."""
        now = time.monotonic()
        if now - self._told >= _TELL:
            self._told = now
            super().notify()

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Wait for what comes. While there is no room for work, a moment longer: each look takes
        the interpreter's lock from those that work, and most of what comes is a refusal."""
        refusals = self._refusals
        if refusals is not None and refusals.full:
            time.sleep(_GATHER)
        super().wait_for_and_dispatch_events(timeout)

    @property
    def _refusals(self) -> admission.Refusals | None:
        found: admission.Refusals | None = getattr(self.wsgi, "extensions", {}).get("wlm.refusals")
        return found

    def accept(self, listener: Any) -> None:
        """Let in who stands at the door. Each speaks before it gets a thread, as one that was
        kept does: most of many that come at once are refused, and silence needs no thread."""
        refusals = self._refusals
        most = self.worker_connections - self.nr_conns
        if refusals is None or not refusals.full:
            most = min(most, _AT_ONCE)
        for _ in range(most):
            try:
                sock, address = listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            self.nr_conns += 1
            conn = TConn(self.cfg, sock, address, listener.getsockname())
            conn.data_ready = True
            conn.set_timeout()
            self.keepalived_conns.append(conn)
            speaks = functools.partial(self.on_client_socket_readable, conn)
            self.poller.register(sock, selectors.EVENT_READ, speaks)

    def on_client_socket_readable(self, conn: Any, client: Any) -> None:
        """A connection speaks; a refusal needs no thread."""
        if left := getattr(conn, "left", 0):  # of a body that is not wanted any more
            conn.left = door.throw_away(conn.sock, left)
            if conn.left == door.GONE:
                super().on_client_socket_readable(conn, client)
            return
        refusals = self._refusals
        left = None if refusals is None else door.refuse(conn.sock, refusals)
        if left is None:
            if refusals is not None and door.wants_work(conn.sock):
                conn.place = refusals.hold()
            super().on_client_socket_readable(conn, client)
            return
        conn.left = left
        conn.set_timeout()
        self.keepalived_conns.remove(conn)
        self.keepalived_conns.append(conn)  # the one that ends first stands first

    def handle(self, conn: Any) -> Any:
        """Serve one connection. It is in ``_reading`` until its headers are there."""
        seconds = IDLE.to_bytes(8, sys.byteorder) + bytes(8)  # struct timeval
        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, seconds)
        self._reading[conn] = time.monotonic()
        try:
            return super().handle(conn)
        finally:
            self._reading.pop(conn, None)
            self._let_go(conn)

    def _let_go(self, conn: Any) -> None:
        """Give up the place that was kept for a request, if it did not take it."""
        if (place := getattr(conn, "place", None)) is not None:
            conn.place = None
            self.wsgi.extensions["wlm.refusals"].let_go(place)

    def handle_request(self, req: Any, conn: Any) -> Any:
        """Serve one request, whose headers have come."""
        self._reading.pop(conn, None)
        receive = req.unreader.chunk
        body = bodies.Body(len(req.unreader.buf.getvalue()))

        def counted(*arguments: Any, **named: Any) -> bytes:
            data: bytes = receive(*arguments, **named)
            body.size += len(data)
            return data

        req.unreader.chunk = counted
        self._bodies[conn] = body
        token = bodies.current.set(body)
        kept = admission.held.set(getattr(conn, "place", None))
        try:
            return super().handle_request(req, conn)
        finally:
            bodies.current.reset(token)
            admission.held.reset(kept)
            self._bodies.pop(conn, None)
            req.unreader.chunk = receive

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer what is no HTTP with a problem, too. What it said is not logged: it may be a
        credential in a header that is not well formed."""
        if not isinstance(exc, ParseException):
            super().handle_error(req, client, addr, exc)
            return
        log.info("no HTTP came (%s)", type(exc).__name__)
        status = next((s for kind, s in _MALFORMED.items() if isinstance(exc, kind)), 400)
        with contextlib.suppress(OSError):  # who sends such things may have gone
            client.sendall(bare_problem(status))

    def murder_pending(self) -> None:
        """Also cut off those who send headers or a body too slowly; called after each look."""
        now = time.monotonic()
        if now - self._looked < _LOOK:
            return
        self._looked = now
        super().murder_pending()
        for conn, body in list(self._bodies.items()):
            if body.too_slow(now):
                body.late = True
                with contextlib.suppress(OSError):
                    conn.sock.shutdown(socket.SHUT_RD)  # its thread reads the end, and answers
        late = now - HEADERS
        for conn, since in list(self._reading.items()):
            if since < late:
                self._reading.pop(conn, None)
                with contextlib.suppress(OSError):  # it may have gone by itself
                    conn.sock.shutdown(socket.SHUT_RDWR)  # its thread reads the end, and is free


class JsonLogger(Logger):  # type: ignore[misc]
    """The server's own messages, in the form of all others."""

    def setup(self, cfg: Any) -> None:
        """Write JSON lines to stderr."""
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(JsonFormatter())


class Server(BaseApplication):  # type: ignore[misc]
    """gunicorn around ``create_app``; each web process makes its own app after the fork."""

    def __init__(
        self,
        settings: Settings,
        options: dict[str, Any],
        role: str,
        *,
        read: Callable[[], Settings] | None = None,
    ) -> None:
        """``read`` reads the settings anew for a reload."""
        self._settings = settings
        self._options = options
        self._role = role
        self._read = read
        self.reloads = False
        """Whether the processes that are started now take the places of others."""
        super().__init__()

    def run(self) -> None:
        """Serve until told to stop."""
        reloading.Master(self).run()

    def reload(self) -> None:
        """Take new settings, if a gateway can be made of them."""
        if self._read is not None:
            old = self._settings
            self._settings = reloading.fresh(old, self._read, self._make)
            if self._settings is not old:
                log_.set_level(self._settings.config.log_level)
                self._options = options(self._settings, dev=bool(self._options["reload"]))
        super().reload()

    def load_config(self) -> None:
        """Hand our options to gunicorn; no file and no environment of its own is read."""
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """The application of one web process."""
        trace.start(self._settings.config.otlp_endpoint, self._role)
        app, service = self._make(self._settings)
        warmed = app.extensions["wlm.warmed"] = threading.Event()

        def warm() -> None:
            warming.warm(service, self._role)
            warmed.set()
            sweeping.sweep(service, app.extensions["wlm.stopping"])

        threading.Thread(target=warm, daemon=True).start()
        return app

    def _make(self, settings: Settings) -> tuple[Flask, Service]:
        from wlm.server.app import create_app
        from wlm.server.service import Service

        service = Service(settings, role=self._role, train_apart=True)
        return create_app(settings, service=service, role=self._role), service


def options(settings: Settings, *, bind: str = "", dev: bool = False) -> dict[str, Any]:
    """What gunicorn is told."""
    config = settings.config
    return {
        "bind": bind or config.bind,
        "workers": config.web_workers,
        "threads": config.web_threads,
        "worker_class": Worker,
        "worker_connections": config.web_threads * 8,
        "keepalive": IDLE,
        "graceful_timeout": DRAIN,
        "timeout": 60,
        "limit_request_line": 8190,
        "limit_request_fields": 64,
        "control_socket_disable": True,
        "forwarded_allow_ips": "",  # what proxies say is read by `trusted_proxies` alone
        "logger_class": JsonLogger,
        "loglevel": "info" if dev else "warning",
        "reload": dev,
        "proc_name": "wlm serve",
        "umask": 0o077,
        "child_exit": _forget_process,
        "worker_exit": _close,
        "worker_tmp_dir": "/dev/shm" if Path("/dev/shm").is_dir() else None,  # noqa: S108
    }


def counts_together() -> bool:
    """Whether this process counts into a folder already, which its parent made."""
    return FOLDER in os.environ


def count_together(settings: Settings) -> None:
    """Let several web processes count into one folder. Call it before the app is imported."""
    folder = settings.paths.data / "metrics"
    shutil.rmtree(folder, ignore_errors=True)  # the numbers of processes that are gone
    folder.mkdir(mode=0o700, parents=True)
    os.environ[FOLDER] = str(folder)


def _forget_process(server: Any, worker: Any) -> None:
    if FOLDER in os.environ:
        from prometheus_client import multiprocess

        multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def _close(server: Any, worker: Any) -> None:
    app = getattr(worker, "wsgi", None)
    service = getattr(app, "extensions", {}).get("wlm")
    if service is not None:
        service.close()
    trace.stop()
