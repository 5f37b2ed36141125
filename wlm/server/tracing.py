"""A span for each HTTP request, below the one that the client names in ``traceparent``."""

from __future__ import annotations

from flask import Flask, Response
from flask.globals import app_ctx, request_ctx

from wlm import trace
from wlm.server.metrics import method_of, route_of


def install(app: Flask) -> None:
    """Trace every request of ``app`` where traces are on. Call it before all other hooks."""
    if not trace.on():
        return

    @app.before_request
    def begin() -> None:
        request = request_ctx.request
        method, route = method_of(request), route_of(request)
        spanned = trace.span(
            f"{method} {route}",
            parent=request.headers.get(trace.HEADER),
            kind="SERVER",
            http__request__method=method,
            http__route=route,
        )
        app_ctx.g.traced = (spanned, spanned.__enter__())

    @app.after_request
    def note(response: Response) -> Response:
        _, span = app_ctx.g.traced
        span.note(http__response__status_code=response.status_code)
        if response.status_code >= 500:
            span.fail(str(response.status_code))
        return response

    @app.teardown_request
    def end(_: BaseException | None) -> None:
        if (traced := app_ctx.g.pop("traced", None)) is not None:
            traced[0].__exit__(None, None, None)
