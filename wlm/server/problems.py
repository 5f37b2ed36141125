"""Errors as RFC 9457 problem documents; every answer of 400 and above is one."""

from __future__ import annotations

import json as json_
import logging
import math
import random
import time
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, g, has_app_context, json
from werkzeug.exceptions import HTTPException

from wlm.errors import WlmError

log = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"
_WIRE = "gunicorn.http.errors"  # by name: not every server of ours is gunicorn
_CODES = {400: "usage", 404: "not_found", 405: "method_not_allowed", 413: "too_large"}


def install(app: Flask) -> None:
    """Answer every error of ``app`` with a problem document."""
    app.register_error_handler(WlmError, of_error)
    app.register_error_handler(HTTPException, _of_http)
    app.register_error_handler(Exception, _of_anything)


def of_error(error: WlmError) -> Response:
    """The answer for one of our own errors."""
    answer = _answer(
        error.http_status, error.code, error.message, error.hint, retryable=error.retryable
    )
    if error.retry_after is not None:
        answer.headers["Retry-After"] = str(max(1, math.ceil(error.retry_after)))
    if error.http_status == 401:
        answer.headers["WWW-Authenticate"] = 'Bearer realm="wlm"'
    return answer


def document(status: int, code: str, detail: str, hint: str, **more: Any) -> dict[str, Any]:
    """The members of a problem document; ``code`` is stable, ``hint`` says what to do next."""
    return {
        "type": f"urn:wlm:error:{code}",
        "title": code.replace("_", " ").capitalize(),
        "status": status,
        "detail": detail,
        "code": code,
        "hint": hint,
        "request_id": (g.get("request_id") if has_app_context() else None) or request_id(),
        **more,
    }


def request_id() -> str:
    """Told apart from others; it opens nothing, so it need not be hard to guess, and asking the
    system for chance would take a turn of the interpreter's lock."""
    return f"{time.time_ns():016x}-{random.getrandbits(48):012x}"


def bare_problem(status: int) -> bytes:
    """A whole HTTP answer, for what no application sees: it could not be read."""
    code = _CODES.get(status, "malformed")
    told = document(status, code, "That is no HTTP request.", "See /docs.", retryable=False)
    body = json_.dumps(told).encode()
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nConnection: close\r\n"
        f"Content-Type: {MEDIA_TYPE}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _of_http(error: HTTPException) -> Response:
    """The answer for what Flask itself refuses: no such path, a wrong method, a bad body."""
    status = error.code or 500
    code = _CODES.get(status, (error.name or "error").lower().replace(" ", "_"))
    answer = _answer(status, code, f"{error.name}.", "See /docs.", retryable=False)
    for name, value in error.get_headers():
        if name.lower() in ("allow", "retry-after"):
            answer.headers[name] = value
    return answer


def _of_anything(error: Exception) -> Response:
    """The answer for what nobody expected. Its text may hold anything, so nobody sees it."""
    if any(kind.__module__ == _WIRE for kind in type(error).__mro__):
        return _answer(400, "malformed", "The body is no HTTP.", "See /docs.", retryable=False)
    log.error("request %s failed", g.get("request_id", ""), exc_info=error)
    ours = WlmError("The gateway failed. What was accepted before is kept.")
    return of_error(ours)


def _answer(status: int, code: str, detail: str, hint: str, **more: Any) -> Response:
    body = json.dumps(document(status, code, detail, hint, **more))
    return Response(body, status, mimetype=MEDIA_TYPE)
