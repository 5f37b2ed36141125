"""Conditional requests: reads carry an ETag, and one that has not changed is not sent again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask, Request, Response
from flask.globals import request_ctx

from wlm.server import kept
from wlm.server.contract import stated
from wlm.server.hooks import hooks

_KEY = "wlm.lasting"
_CONDITIONS = ("HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE", "HTTP_IF_RANGE")
_REVALIDATE = "private, no-cache"


def install(app: Flask, room: int) -> None:
    """Give each read of ``app`` an ETag, and answer 304 where the client has it; keep ``room``
    bytes of answers for those who have not."""
    answers = kept.install(app, room)

    @hooks(app).after
    def validate(request: Request, known: Any, response: Response) -> Response:
        environ = request.environ
        if environ["REQUEST_METHOD"] == "DELETE" and (who := known.get("principal")):
            answers.forget(who.owner)
        read = environ["REQUEST_METHOD"] in ("GET", "HEAD") and response.status_code in (200, 304)
        if not read or response.is_streamed or not _is_ours(request.endpoint):
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
    made_once: dict[str, tuple[bytes, list[tuple[str, str]]]] = (
        request_ctx.app.extensions.setdefault(_KEY, {})
    )
    path = request_ctx.request.path
    if path not in made_once:
        made = make()
        made.add_etag()
        body = made.get_data()
        made_once[path] = (body, list(made.headers))
    body, headers = made_once[path]
    return Response(body, headers=headers)
