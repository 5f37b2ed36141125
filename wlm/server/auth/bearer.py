"""From ``Authorization: Bearer …`` to a principal: an API key or one of our access tokens."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import cached_property
from typing import NamedTuple

from flask import Request

from wlm.errors import NotSignedIn
from wlm.server.access import Principal
from wlm.server.auth.accounts import Accounts
from wlm.server.policy import Role, allowed, is_role
from wlm.store.accounts.keys import looks_like

REMEMBER_SECONDS = 5.0
"""So long a credential that was verified is taken as good without a look at the database. A
key that is revoked, or a session that ends, works so long at most on other processes."""
_MOST = 10_000
_LONGEST = 4096


class _Known(NamedTuple):
    principal: Principal
    until: float


class Bearer:
    """Authenticates requests by their bearer credential."""

    def __init__(
        self, accounts: Callable[[], Accounts], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._find = accounts
        self._clock = clock
        self._known: dict[str, _Known] = {}
        self._lock = threading.Lock()

    def __call__(self, request: Request) -> Principal | None:
        """Who the request comes from; ``None`` if it has no bearer credential.

        Raises ``NotSignedIn`` for one that is not valid.
        """
        scheme, _, text = request.headers.get("Authorization", "").partition(" ")
        if scheme.casefold() != "bearer":
            return None
        text = text.strip()
        if not text or len(text) > _LONGEST:
            raise NotSignedIn("The Authorization header holds no credential that we know.")
        known = self._known.get(text)
        if known is not None and known.until > self._clock():
            return known.principal
        principal = self._key(text) if looks_like(text) else self._token(text)
        self._remember(text, principal)
        return principal

    def forget(self) -> None:
        """Look again at every credential: something ended or changed."""
        with self._lock:
            self._known.clear()

    @cached_property
    def _accounts(self) -> Accounts:
        accounts = self._find()
        accounts.watchers.append(self.forget)
        return accounts

    def _key(self, text: str) -> Principal:
        verified = self._accounts.keys.verify(text)
        key = verified.key
        return Principal(key.owner, _scopes(verified.role, key.scopes), "key", key.id)

    def _token(self, text: str) -> Principal:
        accounts = self._accounts
        claims = accounts.access.verify(text)
        live = accounts.sessions.live(claims.session)
        if live is None or live[0] != claims.owner:
            raise NotSignedIn("This sign-in is over.")
        return Principal(claims.owner, _scopes(live[1], None), "session", claims.session)

    def _remember(self, text: str, principal: Principal) -> None:
        with self._lock:
            if len(self._known) >= _MOST:
                self._known.clear()
            self._known[text] = _Known(principal, self._clock() + REMEMBER_SECONDS)


def _scopes(role: str, wanted: list[str] | None) -> frozenset[str]:
    return allowed(_role(role), wanted)


def _role(name: str) -> Role:
    if not is_role(name):
        raise NotSignedIn("This account has a role that this version does not know.")
    return name  # type: ignore[return-value]
