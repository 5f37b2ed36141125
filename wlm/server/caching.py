"""Conditional requests: reads carry an ETag, and one that has not changed is not sent again."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask, Response
from flask.globals import request_ctx

from wlm.server.contract import stated

_KEY = "wlm.lasting"
_CONDITIONS = ("HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE", "HTTP_IF_RANGE")
_REVALIDATE = "private, no-cache"


def install(app: Flask) -> None:
    """Give each read of ``app`` an ETag, and answer 304 where the client has it."""

    @app.after_request
    def validate(response: Response) -> Response:
        environ = request_ctx.request.environ
        read = environ["REQUEST_METHOD"] in ("GET", "HEAD") and response.status_code in (200, 304)
        if not read or response.is_streamed or not _is_ours(request_ctx.request.endpoint):
            return response
        response.headers.setdefault("Cache-Control", _REVALIDATE)
        if response.status_code == 304:
            return response
        response.add_etag()
        if any(name in environ for name in _CONDITIONS):
            response.make_conditional(environ)
        return response

    def _is_ours(endpoint: str | None) -> bool:
        view = app.view_functions.get(endpoint or "")
        return view is not None and stated(view) is not None


def lasting(make: Callable[[], Response]) -> Response:
    """The answer for this address, made once: for what only changes when the process starts.

    For what is the same for all users. Its body and its ETag are kept.
    """
    kept: dict[str, tuple[bytes, list[tuple[str, str]]]] = request_ctx.app.extensions.setdefault(
        _KEY, {}
    )
    path = request_ctx.request.path
    if path not in kept:
        made = make()
        made.add_etag()
        body = made.get_data()
        kept[path] = (body, list(made.headers))
    body, headers = kept[path]
    return Response(body, headers=headers)
