"""How often one may ask: by user or key, and by address before anybody is known."""

from __future__ import annotations

import functools
import ipaddress
import math
import time
from typing import TYPE_CHECKING, Any

from flask import Flask, Request, Response
from limits import RateLimitItem, parse
from limits.storage import storage_from_string
from limits.strategies import MovingWindowRateLimiter

from wlm.errors import BadSetting, EnvironmentFault, RateLimited
from wlm.server.hooks import hooks

if TYPE_CHECKING:
    from wlm.config import Settings

_FREE = frozenset({"health.alive", "health.ready"})  # a probe is never refused
_BEGIN = frozenset({"auth.begin_device", "auth.begin_browser"})
"""Where a sign-in begins: anybody may, and each makes a row here and a call to the issuer."""
_PROVE = frozenset({"auth.poll_device", "auth.refresh", "auth.finish_browser"})
"""Where something secret is shown, which may be a guess."""
_NO_GOOD = frozenset({400, 401, 403, 404})
_PREFIX = "wlm-moving"  # the strategy is part of the name: another one keeps other values


class RateLimits:
    """The limits in force, counted in this process or, with Redis, for all processes."""

    def __init__(self, settings: Settings) -> None:
        config = settings.config
        self._user = _parsed("rate_limit", config.rate_limit)
        self._address = _parsed("rate_limit_address", config.rate_limit_address)
        self._guesses = _parsed("rate_limit_sign_in", config.rate_limit_sign_in)
        url = config.queue_url if config.queue_url.startswith("redis") else "memory://"
        try:
            storage = storage_from_string(url, key_prefix=_PREFIX) if url != "memory://" else None
            self._limiter = MovingWindowRateLimiter(storage or storage_from_string(url))
        except Exception as error:  # noqa: BLE001 - the client library's own, of many kinds
            raise EnvironmentFault(
                f"Redis, which counts requests, cannot be used ({type(error).__name__}).",
                hint="Check WLM_QUEUE_URL, and that wlm[redis] is installed.",
            ) from None

    def address(self, address: str) -> None:
        """Count a request of somebody unknown. Raises ``RateLimited``."""
        where = network(address)
        if not where:
            return
        self._hit(self._address, "address", where)
        if self._guesses and not self._limiter.test(self._guesses, "guess", where):
            raise self._refusal(self._guesses, "guess", where)

    def guessed(self, address: str) -> None:
        """Count a request whose credential was no good."""
        if self._guesses and (where := network(address)):
            self._limiter.hit(self._guesses, "guess", where)

    def begun(self, address: str) -> None:
        """Count a sign-in that begins. Raises ``RateLimited``."""
        if where := network(address):
            self._hit(self._guesses, "sign-in", where)

    def user(self, owner: str) -> None:
        """Count a request of a user, whichever key or session it comes with."""
        self._hit(self._user, "user", owner)

    def _hit(self, limit: RateLimitItem | None, *who: str) -> None:
        if limit and not self._limiter.hit(limit, *who):
            raise self._refusal(limit, *who)

    def _refusal(self, limit: RateLimitItem, *who: str) -> RateLimited:
        reset = self._limiter.get_window_stats(limit, *who).reset_time
        return RateLimited(retry_after=max(1, math.ceil(reset - time.time())))


def before_access(app: Flask, limits: RateLimits) -> None:
    """Count by address. Call it before access is guarded."""

    @hooks(app).before
    def count(request: Request, _: Any) -> None:
        endpoint = request.endpoint
        if endpoint not in _FREE:
            limits.address(request.remote_addr or "")
        if endpoint in _BEGIN:
            limits.begun(request.remote_addr or "")

    @hooks(app).after
    def note(request: Request, _: Any, response: Response) -> Response:
        if response.status_code not in _NO_GOOD:
            return response
        shown = response.status_code == 401 and "Authorization" in request.headers
        if shown or request.endpoint in _PROVE:
            limits.guessed(request.remote_addr or "")
        return response


def after_access(app: Flask, limits: RateLimits) -> None:
    """Count by user. Call it after access is guarded."""

    @hooks(app).before
    def count(_: Request, known: Any) -> None:
        if (principal := known.get("principal")) is not None:
            limits.user(principal.owner)


@functools.lru_cache(4096)  # each request asks, and most come from the same few
def network(address: str) -> str:
    """The address, or for IPv6 its /64: that many addresses belong to one subscriber."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return ""  # a unix socket has none
    return str(found) if found.version == 4 else str(ipaddress.ip_network(f"{found}/64", False))


def _parsed(name: str, text: str) -> RateLimitItem | None:
    if not text:
        return None
    try:
        return parse(text)
    except ValueError:
        raise BadSetting(
            f"Setting {name!r} is no rate.", hint="Such as 600/minute; empty: no limit."
        ) from None
