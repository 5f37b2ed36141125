"""The application factory: blueprints, errors, request ids, access, in one place."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from flask import Blueprint, Flask, Response, g, request

from wlm.server import access, problems
from wlm.server.service import Service
from wlm.types import new_id

if TYPE_CHECKING:
    from wlm.config import Settings

_REQUEST_ID = re.compile(r"[\w.-]{8,64}", re.ASCII)
_HEADERS = {
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
) -> Flask:
    """The gateway as a WSGI application.

    ``authenticators`` are asked in order; default: those of ``wlm.server.auth``. Raises
    ``LookupError`` if a route states no scope.
    """
    app = Flask("wlm.server", static_folder=None)
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.extensions["wlm"] = service or Service(settings)
    _identify_requests(app)
    problems.install(app)
    for blueprint in blueprints():
        app.register_blueprint(blueprint)
    access.guard(app, _authenticators() if authenticators is None else authenticators)
    return app


def blueprints() -> list[Blueprint]:
    """One blueprint for each resource."""
    from wlm.server import events, health

    return [health.blueprint, events.blueprint]


def _authenticators() -> list[access.Authenticator]:
    return []  # until there is a way to sign in, nobody is


def _identify_requests(app: Flask) -> None:
    """Give each request an id (a caller's own is kept), and each answer the safe headers."""

    @app.before_request
    def begin() -> None:
        given = request.headers.get("X-Request-Id", "")
        g.request_id = given if _REQUEST_ID.fullmatch(given) else new_id()

    @app.after_request
    def finish(response: Response) -> Response:
        response.headers["X-Request-Id"] = g.get("request_id") or new_id()
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        response.headers.setdefault("Cache-Control", "no-store")
        return response
