"""What both clients of a gateway share: the settings, the credential, and when to try again."""

from __future__ import annotations

import random
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import httpx

from wlm import config, log, tls
from wlm.errors import Busy, InProgress, Unreachable, WlmError
from wlm.sdk.calls import checked, problem
from wlm.sdk.exchange import Exchange, Untold
from wlm.sdk.session import BearerAuth, KeyToken, TokenProvider, provider
from wlm.sdk.told import Cursor

if TYPE_CHECKING:
    from wlm.plugins.manager import Registry

T = TypeVar("T")
ATTEMPTS = 4
PATIENCE = 20.0
"""Seconds that are waited for a gateway that is busy, over all attempts."""

_TIMEOUT = httpx.Timeout(120.0, connect=10.0)


class Base:
    """Settings, credential, and when to try again."""

    def __init__(
        self,
        server_url: str | None = None,
        *,
        api_key: str | None = None,
        tokens: TokenProvider | None = None,
        **settings: Any,
    ) -> None:
        self.settings = config.load({"server_url": server_url, "api_key": api_key, **settings})
        log.set_level(self.settings.config.log_level)
        self._server = checked(self.settings.config.server_url)
        key = self.settings.config.api_key
        self._tokens = tokens or (KeyToken(key) if key else provider(self.settings))
        self._auth = BearerAuth(self._tokens)

    @cached_property
    def registry(self) -> Registry:
        """The plugins on this machine: for what is done here, such as speaking."""
        from wlm.plugins.manager import load

        return load(self.settings.config.plugins)

    @cached_property
    def _cursor(self) -> Cursor:
        return Cursor(self.settings)

    def _shown(self, untold: Untold) -> list[str]:
        """As sentences; the caller shows them."""
        if untold.upto is not None:
            self._cursor.show(untold.upto)
        return [notice.sentence(self.settings.zone) for notice in untold.notices if notice.speech]

    def _options(self) -> dict[str, Any]:
        return {
            "base_url": self._server,
            "auth": self._auth,
            "timeout": _TIMEOUT,
            "verify": tls.context(),
            "headers": {"User-Agent": "wlm"},
        }


def read(made: Exchange[T], answer: httpx.Response) -> T:
    """The value in an answer. Raises the problem that it tells of, or ``Unreachable``."""
    if answer.status_code >= 400:
        raise problem(answer)
    try:
        return made.read(None if answer.status_code == 204 else answer.json())
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Unreachable(
            "What answered is no gateway of this version of WLM.", hint="Check WLM_SERVER_URL."
        ) from None


def arguments(made: Exchange[Any], upload: Any) -> dict[str, Any]:
    """An exchange as httpx takes it."""
    files = {"file": ("recording", upload, "application/octet-stream")} if upload else None
    return {
        "params": made.params,
        "json": made.json,
        "data": made.form,
        "files": files,
        "headers": dict(made.headers),
    }


def pause_before(error: WlmError, attempt: int, spent: float) -> float | None:
    """Seconds until the next attempt; ``None`` if there is none. Only what is safe is repeated:
    reads, and requests that carry an idempotency key."""
    if attempt >= ATTEMPTS or not isinstance(error, Unreachable) or not error.retryable:
        return None
    waits = isinstance(error, Busy | InProgress)
    pause = error.retry_after if error.retry_after is not None else 0.2 * 2**attempt
    pause *= 1 + random.random() / 4  # noqa: S311 - so that many do not come back at once
    return pause if spent + pause < (PATIENCE if waits else PATIENCE / 2) else None


def away(server: str, error: httpx.TransportError) -> Unreachable:
    """The error for a connection that failed."""
    return Unreachable(f"{server} cannot be reached ({type(error).__name__}).")
