"""Pages of other origins: none may read answers here, but for those that the host names.

Without cookies: a page shows the token it was given, so the browser's sign-in stays with our own
pages alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from wlm.errors import BadSetting

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_METHODS = "GET, POST, PUT, PATCH, DELETE"
_SENT = "Authorization, Content-Type, Idempotency-Key, If-None-Match, Prefer, X-Request-Id"
_READ = "Age, ETag, Location, Preference-Applied, Retry-After, X-Request-Id"
_LASTS = "600"  # s


class Cors:
    """WSGI middleware that lets pages of ``origins`` call, and read what they are answered."""

    def __init__(self, app: WSGIApplication, origins: frozenset[str]) -> None:
        self._app = app
        self._origins = origins

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        origin = environ.get("HTTP_ORIGIN", "")
        if origin not in self._origins:
            return self._app(environ, start)
        may = [("Access-Control-Allow-Origin", origin), ("Vary", "Origin")]
        asked = "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ
        if asked and environ["REQUEST_METHOD"] == "OPTIONS":
            may += [
                ("Access-Control-Allow-Methods", _METHODS),
                ("Access-Control-Allow-Headers", _SENT),
                ("Access-Control-Max-Age", _LASTS),
            ]
            start("204 No Content", may)
            return []
        may.append(("Access-Control-Expose-Headers", _READ))

        def begin(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            return start(status, headers + may, *more)

        return self._app(environ, begin)


def origins(text: str) -> frozenset[str]:
    """The origins of the setting ``cors_origins``. Raises ``BadSetting`` for what is none."""
    found = frozenset(part.strip() for part in text.split(",") if part.strip())
    for origin in found:
        parts = urlsplit(origin)
        if origin != f"{parts.scheme}://{parts.netloc}" or parts.scheme not in ("http", "https"):
            raise BadSetting(
                "Setting 'cors_origins' holds what is no origin.",
                hint="Such as https://app.example.org, without a path; with commas.",
            )
    return found
