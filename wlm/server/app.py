"""The application factory: blueprints, errors, request ids, access, in one place."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from flask import Blueprint, Flask, Response, g, request

from wlm.errors import UsageError
from wlm.server import access, contract, problems, spool
from wlm.server.service import Service
from wlm.types import new_id

if TYPE_CHECKING:
    from wlm.config import Settings

LARGEST_BODY = 1_000_000
"""Bytes of the largest request that is no recording."""

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
    shared = app.extensions["wlm"] = service or Service(settings)
    _identify_requests(app)
    problems.install(app)
    for blueprint in blueprints():
        app.register_blueprint(blueprint)
    largest = settings.config.max_audio_bytes
    spool.install(app, settings.paths.data / "spool", largest=largest)
    _bound_bodies(app, largest)
    access.guard(app, _authenticators(shared) if authenticators is None else authenticators)
    return app


def blueprints() -> list[Blueprint]:
    """One blueprint for each resource."""
    from wlm.server import admin, ask, events, health, history, keys, skills, transcriptions, voice
    from wlm.server.auth import routes as auth

    modules = (health, ask, voice, transcriptions, events, history, skills, auth, keys, admin)
    return [module.blueprint for module in modules]


def _authenticators(service: Service) -> list[access.Authenticator]:
    from wlm.server.auth.bearer import Bearer

    return [Bearer(lambda: service.accounts)]


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


def _bound_bodies(app: Flask, largest_recording: int) -> None:
    """Refuse what is too large, or what no text may hold, before anything reads it."""
    uploads = {
        name
        for name, view in app.view_functions.items()
        if (stated := contract.stated(view)) is not None and stated.upload is not None
    }

    @app.before_request
    def bound() -> None:
        large = request.endpoint in uploads
        request.max_content_length = largest_recording + spool.OVERHEAD if large else LARGEST_BODY
        if "\0" in request.path or "%00" in request.query_string.decode("latin-1"):
            raise UsageError("The address holds a NUL character.")
