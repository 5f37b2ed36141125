"""What is done before and after each request, in one pass.

Flask looks the request up anew for every function that wants it, which for a dozen small checks
took a tenth of a short read. Here it is looked up once, and handed on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask, Request, Response
from flask.globals import app_ctx, request_ctx

Before = Callable[[Request, Any], None]
"""Gets the request and Flask's ``g``; what it raises is the answer, and those behind it are not
asked."""
After = Callable[[Request, Any, Response], Response]
_KEY = "wlm.hooks"


class Hooks:
    """The functions of one app: the first that was added is asked first, and told last."""

    def __init__(self) -> None:
        self._before: list[Before] = []
        self._after: list[After] = []

    def before(self, check: Before) -> Before:
        """Ask this before a request is served."""
        self._before.append(check)
        return check

    def after(self, finish: After) -> After:
        """Hand each answer to this, whatever came of the request."""
        self._after.insert(0, finish)
        return finish

    def begin(self) -> None:
        """Before a request."""
        request, known = request_ctx.request, app_ctx.g
        for check in self._before:
            check(request, known)

    def end(self, response: Response) -> Response:
        """After a request."""
        request, known = request_ctx.request, app_ctx.g
        for finish in self._after:
            response = finish(request, known, response)
        return response


def hooks(app: Flask) -> Hooks:
    """The hooks of ``app``, installed with the first call."""
    found: Hooks | None = app.extensions.get(_KEY)
    if found is None:
        found = app.extensions[_KEY] = Hooks()
        app.before_request(found.begin)
        app.after_request(found.end)
    return found
