"""The application factory: blueprints, errors, request ids, access, in one place."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Flask, Request, Response
from werkzeug.middleware.proxy_fix import ProxyFix

from wlm.errors import UsageError
from wlm.server import access, bodies, caching, contract, cors, metrics, problems, spool, tracing
from wlm.server.admission import Admission, Places, Refusals
from wlm.server.hooks import hooks
from wlm.server.limits import RateLimits, after_access, before_access
from wlm.server.service import Service

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from wlm.config import Settings

LARGEST_BODY = 1_000_000
"""Bytes of the largest request that is no recording."""

_REQUEST_ID = re.compile(r"[\w.-]{8,64}", re.ASCII)
_SAFE = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}


def create_app(
    settings: Settings,
    *,
    service: Service | None = None,
    authenticators: Sequence[access.Authenticator] | None = None,
    role: str = "gateway",
) -> Flask:
    """The gateway as a WSGI application.

    ``role`` is ``gateway``, or ``transcriber``, which serves recordings alone.
    ``authenticators`` are asked in order; default: those of ``wlm.server.auth``. Raises
    ``LookupError`` if a route states no scope.
    """
    app = _Gateway("wlm.server", static_folder=None)
    app.json.sort_keys = False  # type: ignore[attr-defined]
    shared = app.extensions["wlm"] = service or Service(settings)
    app.url_map.merge_slashes = False  # another address is another address
    tracing.install(app)
    _identify_requests(app)
    limits = RateLimits(settings)
    before_access(app, limits)
    problems.install(app)
    for blueprint in blueprints(role):
        app.register_blueprint(blueprint)
    largest = settings.config.max_audio_bytes
    spool.install(app, settings.paths.data / "spool", largest=largest)
    _bound_bodies(app, largest)
    asked = _authenticators(shared, role) if authenticators is None else authenticators
    access.guard(app, asked)
    after_access(app, limits)
    _put_in_front(app, settings, role)
    caching.install(app, settings.config.web_kept_mb << 20)
    return app


class _Gateway(Flask):
    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """As it is: nothing here is a coroutine, and each request asks a dozen times."""
        return func


def _put_in_front(app: Flask, settings: Settings, role: str) -> None:
    """What sees a request before Flask does: admission, and the proxies that we trust."""
    config = settings.config
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    work = Places(config.web_work or cores or 1, config.web_waiting)
    app.extensions["wlm.work"] = work
    app.extensions["wlm.streams"] = Places(config.web_streams, 0)
    app.extensions["wlm.stopping"] = threading.Event()
    counted = metrics.install(app, work, role)
    bodies.install(app, work, counted.refused.inc)
    refusals = app.extensions["wlm.refusals"] = Refusals(work, counted.refused.inc)
    app.wsgi_app = Admission(app.wsgi_app, refusals)  # type: ignore[assignment,method-assign]
    if allowed := cors.origins(config.cors_origins):
        app.wsgi_app = cors.Cors(app.wsgi_app, allowed)  # type: ignore[assignment,method-assign]
    if hops := config.trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, hops, hops, hops)  # type: ignore[method-assign]
    app.wsgi_app = _with_safe_headers(app.wsgi_app)  # type: ignore[method-assign,assignment]


def _with_safe_headers(app: WSGIApplication) -> WSGIApplication:
    """Give each answer the safe headers that it does not set itself."""
    safe = [(name.lower(), (name, value)) for name, value in _SAFE.items()]

    def call(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        def begin(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            own = {name.lower() for name, _ in headers}
            return start(status, headers + [pair for name, pair in safe if name not in own], *more)

        return app(environ, begin)

    return call


def blueprints(role: str = "gateway") -> list[Blueprint]:
    """One blueprint for each resource that a role serves."""
    from wlm.server import (
        admin,
        ask,
        events,
        health,
        history,
        keys,
        listen,
        me,
        notices,
        openapi,
        schedules,
        shares,
        skills,
        streams,
        voice,
    )
    from wlm.server import transcriptions as written
    from wlm.server.auth import routes as auth

    if role == "transcriber":
        return [module.blueprint for module in (health, metrics, openapi, written)]
    shared = (health, metrics, openapi, written)
    asking = (ask, voice, listen, events, streams, notices, history, schedules, skills, shares, me)
    return [module.blueprint for module in (*shared, *asking, auth, keys, admin)]


def _authenticators(service: Service, role: str) -> list[access.Authenticator]:
    if role == "transcriber" and service.settings.config.bind.startswith("unix:"):
        return [_who_may_open_the_socket]
    from wlm.server.auth.bearer import Bearer

    return [Bearer(lambda: service.accounts)]


def _who_may_open_the_socket(_: object) -> access.Principal:
    # The socket lies in a folder that only its owner can enter.
    return access.Principal("gateway", frozenset({"transcribe"}), "key", "socket")


def _identify_requests(app: Flask) -> None:
    """Give each request an id; a caller's own is kept."""

    @hooks(app).before
    def begin(request: Request, known: Any) -> None:
        given = request.environ.get("HTTP_X_REQUEST_ID", "")
        known.request_id = (
            given if given and _REQUEST_ID.fullmatch(given) else problems.request_id()
        )

    @hooks(app).after
    def finish(request: Request, known: Any, response: Response) -> Response:
        headers = response.headers
        headers.add("X-Request-Id", known.get("request_id") or problems.request_id())
        if "Cache-Control" not in headers:
            headers.add("Cache-Control", "no-store")
        return response


def _bound_bodies(app: Flask, largest_recording: int) -> None:
    """Refuse what is too large, or what no text may hold, before anything reads it."""
    uploads = {
        name
        for name, view in app.view_functions.items()
        if (stated := contract.stated(view)) is not None and stated.upload is not None
    }

    @hooks(app).before
    def bound(request: Request, _: Any) -> None:
        large = request.endpoint in uploads
        request.max_content_length = largest_recording + spool.OVERHEAD if large else LARGEST_BODY
        if "\0" in request.path or "%00" in request.environ.get("QUERY_STRING", ""):
            raise UsageError("The address holds a NUL character.")
