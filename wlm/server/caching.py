"""Conditional requests: reads carry an ETag, and one that has not changed is not sent again."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask, Response, current_app, request

from wlm.server.contract import stated

_KEY = "wlm.lasting"
_CONDITIONS = ("If-None-Match", "If-Modified-Since", "If-Range")
_REVALIDATE = "private, no-cache"


def install(app: Flask) -> None:
    """Give each read of ``app`` an ETag, and answer 304 where the client has it."""

    @app.after_request
    def validate(response: Response) -> Response:
        read = request.method in ("GET", "HEAD") and response.status_code in (200, 304)
        if not read or response.is_streamed or not _is_ours():
            return response
        response.headers.setdefault("Cache-Control", _REVALIDATE)
        if response.status_code == 304:
            return response
        response.add_etag()
        if any(name in request.headers for name in _CONDITIONS):
            response.make_conditional(request)
        return response

    def _is_ours() -> bool:
        view = app.view_functions.get(request.endpoint or "")
        return view is not None and stated(view) is not None


def lasting(make: Callable[[], Response]) -> Response:
    """The answer for this address, made once: for what only changes when the process starts.

    For what is the same for all users. Its body and its ETag are kept.
    """
    kept: dict[str, tuple[bytes, str, str]] = current_app.extensions.setdefault(_KEY, {})
    if request.path not in kept:
        made = make()
        made.add_etag()
        kept[request.path] = (made.get_data(), made.get_etag()[0] or "", made.mimetype or "")
    body, etag, mimetype = kept[request.path]
    answer = Response(body, mimetype=mimetype)
    answer.set_etag(etag)
    return answer
