"""A span for each HTTP request, below the one that the client names in ``traceparent``."""

from __future__ import annotations

from typing import Any

from flask import Flask, Request, Response
from flask.globals import app_ctx

from wlm import trace
from wlm.server.hooks import hooks
from wlm.server.metrics import method_of, route_of


def install(app: Flask) -> None:
    """Trace every request of ``app`` where traces are on. Call it before all other hooks."""
    if not trace.on():
        return

    @hooks(app).before
    def begin(request: Request, known: Any) -> None:
        method, route = method_of(request), route_of(request)
        spanned = trace.span(
            f"{method} {route}",
            parent=request.headers.get(trace.HEADER),
            kind="SERVER",
            http__request__method=method,
            http__route=route,
        )
        known.traced = (spanned, spanned.__enter__())

    @hooks(app).after
    def note(_: Request, known: Any, response: Response) -> Response:
        _, span = known.traced
        span.note(http__response__status_code=response.status_code)
        if response.status_code >= 500:
            span.fail(str(response.status_code))
        return response

    @app.teardown_request
    def end(_: BaseException | None) -> None:
        if (traced := app_ctx.g.pop("traced", None)) is not None:
            traced[0].__exit__(None, None, None)
