"""Bodies of requests: they have come whole, and in time, before any place for work is taken.

A client that sends slowly holds a thread for a while, and nothing else: neither a place that
others wait for, nor for longer than ``GRACE`` seconds and what its bytes are worth.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from flask import Flask, Request, Response, g
from werkzeug.exceptions import HTTPException

from wlm.errors import Busy, SlowClient, WlmError
from wlm.server import contract
from wlm.server.admission import held, is_work
from wlm.server.hooks import hooks
from wlm.server.spool import GRACE, SLOWEST

if TYPE_CHECKING:
    from wlm.server.admission import Places


class Body:
    """How much of a body has come, and since when. ``over``: nothing more is waited for."""

    def __init__(self, size: int = 0) -> None:
        self.size = size
        self.over = False
        self.late = False
        self._begun = time.monotonic()

    def too_slow(self, now: float) -> bool:
        """Whether it has come more slowly than is allowed."""
        spent = now - self._begun
        return not self.over and spent > GRACE and self.size < SLOWEST * spent


current: ContextVar[Body | None] = ContextVar("body", default=None)
"""The body of the request that this thread serves, where the server counts it."""


def install(app: Flask, work: Places, refused: Callable[[], None]) -> None:
    """Read each body, then give work its place. Call it after the checks that need none."""
    uploads = {
        name
        for name, view in app.view_functions.items()
        if (stated := contract.stated(view)) is not None and stated.upload is not None
    }

    @hooks(app).before
    def begin(request: Request, known: Any) -> None:
        if request.endpoint is None:
            return
        _receive(request, upload=request.endpoint in uploads)
        if is_work(request.environ):
            if not work.enter(held.get()):
                refused()
                raise Busy(retry_after=1)
            known.leave = work.leave

    @hooks(app).after
    def hand_over(_: Request, known: Any, response: Response) -> Response:
        """An answer that is streamed is work until it has been sent."""
        if (leave := known.pop("leave", None)) is not None:
            response.call_on_close(leave)
        return response

    @app.teardown_request
    def end(_: BaseException | None) -> None:
        if (leave := g.pop("leave", None)) is not None:
            leave()


def _receive(request: Request, *, upload: bool) -> None:
    body = current.get()
    try:
        _ = request.files if upload else request.get_data()
    except WlmError:
        raise
    except OSError:
        raise SlowClient from None  # it was silent for too long
    except (HTTPException, ValueError):
        if body is not None and body.late:
            raise SlowClient from None
        raise
    finally:
        if body is not None:
            body.over = True
