"""Being signed in to a gateway: tokens that all processes of a user share.

Tokens lie in the keyring or a 0600 file. Who finds the access token near its end refreshes it
under a file lock; the others wait and take what it got, so that nobody uses a refresh token
twice, which the gateway would take for theft.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import httpx

from wlm.errors import NotSignedIn, StorageFault
from wlm.sdk.calls import call, checked

if TYPE_CHECKING:
    from wlm.config import Settings
    from wlm.store.secrets import Secrets, Where

EARLY_SECONDS = 30.0
"""An access token that lasts no longer than this is refreshed."""
LOCK_SECONDS = 60.0


class Tokens(NamedTuple):
    """What is kept. ``expires``: seconds since 1970."""

    server: str
    access: str
    expires: float
    refresh: str
    session: str


class TokenProvider(Protocol):
    """Where a client gets its bearer credential from."""

    def token(self) -> str:
        """A credential that is good now. Raises ``NotSignedIn``, ``Unreachable``."""
        ...

    def renewed(self, rejected: str) -> str | None:
        """Another one than ``rejected``, which the gateway refused; ``None`` if there is none."""
        ...


class KeyToken:
    """An API key: nothing to refresh."""

    def __init__(self, key: str) -> None:
        self._key = key

    def token(self) -> str:
        """The key."""
        return self._key

    def renewed(self, rejected: str) -> str | None:
        """Nothing: a refused key stays refused."""
        return None


class Session:
    """The sign-in of one profile; safe to use by many threads and processes."""

    def __init__(
        self,
        settings: Settings,
        *,
        transport: httpx.BaseTransport | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``transport`` stands in for the network (tests)."""
        self._profile = settings.config.profile
        self._server = settings.config.server_url.rstrip("/")
        self._data = settings.paths.data
        self._transport = transport
        self._clock = clock
        self._held: Tokens | None = None

    def token(self) -> str:
        """An access token that lasts. Raises ``NotSignedIn``, ``Unreachable``."""
        held = self._held or self._load()
        if held is None:
            raise _signed_out(self._server)
        if held.expires - self._clock() > EARLY_SECONDS:
            return held.access
        return self._refreshed(held.access)

    def renewed(self, rejected: str) -> str | None:
        """A fresh access token instead of ``rejected``. Raises ``NotSignedIn``."""
        return self._refreshed(rejected)

    def keep(self, server: str, answer: dict[str, Any]) -> Where:
        """Keep what the gateway gave at sign-in; where it went."""
        with self._lock():
            return self._save(self._made(server, answer))

    def forget(self) -> Tokens | None:
        """Remove the tokens from this machine; what they were."""
        with self._lock():
            tokens = self._load(any_server=True)
            self._secrets.delete(self._name)
            self._held = None
        return tokens

    def _refreshed(self, old: str) -> str:
        with self._lock():
            tokens = self._load()
            if tokens is None:
                raise _signed_out(self._server)
            if tokens.access != old and tokens.expires - self._clock() > EARLY_SECONDS:
                return tokens.access  # another process was quicker
            form = {"refresh_token": tokens.refresh}
            try:
                answer = call(
                    tokens.server, "POST", "/v1/auth/refresh", form, transport=self._transport
                )
            except NotSignedIn:
                self._secrets.delete(self._name)
                self._held = None
                raise
            fresh = self._made(tokens.server, answer)
            self._save(fresh)
            return fresh.access

    def _made(self, server: str, answer: dict[str, Any]) -> Tokens:
        return Tokens(
            checked(server),
            answer["access_token"],
            self._clock() + float(answer["expires_in"]),
            answer["refresh_token"],
            answer["session"],
        )

    def _load(self, *, any_server: bool = False) -> Tokens | None:
        text = self._secrets.get(self._name)
        if text is None:
            return None
        try:
            tokens = Tokens(**json.loads(text))
        except (ValueError, TypeError):
            return None  # of another version: signing in again mends it
        if not any_server and tokens.server != self._server:
            return None
        self._held = tokens
        return tokens

    def _save(self, tokens: Tokens) -> Where:
        where = self._secrets.set(self._name, json.dumps(tokens._asdict()))
        self._held = tokens
        return where

    def _lock(self) -> AbstractContextManager[Any]:
        from filelock import FileLock

        try:
            self._data.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StorageFault(f"{self._data} cannot be made: {error.strerror}.") from None
        file = self._data / f"sign-in-{self._profile}.lock"
        return FileLock(file, timeout=LOCK_SECONDS, mode=0o600)

    @property
    def _name(self) -> str:
        return f"sign-in {self._profile}"

    @property
    def _secrets(self) -> Secrets:
        from wlm.store.secrets import Secrets

        return Secrets(self._data, owner="local", skill="gateway")


class BearerAuth(httpx.Auth):
    """Puts the credential on each request, and a fresh one when the gateway refused it."""

    def __init__(self, provider: TokenProvider) -> None:
        self._provider = provider

    def sync_auth_flow(
        self, request: httpx.Request
    ) -> Generator[httpx.Request, httpx.Response, None]:
        """Send, and once more after a 401 if there is another token and the body is at hand."""
        token = self._provider.token()
        answer = yield _bearing(request, token)
        if answer.status_code == 401 and _can_repeat(request):
            fresh = self._provider.renewed(token)
            if fresh is not None:
                yield _bearing(request, fresh)

    async def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """The same; files and locks are waited for in a thread."""
        token = await asyncio.to_thread(self._provider.token)
        answer = yield _bearing(request, token)
        if answer.status_code == 401 and _can_repeat(request):
            fresh = await asyncio.to_thread(self._provider.renewed, token)
            if fresh is not None:
                yield _bearing(request, fresh)


def provider(settings: Settings, *, transport: httpx.BaseTransport | None = None) -> TokenProvider:
    """The credential in force: the API key that is set, else the profile's sign-in."""
    key = settings.config.api_key
    return KeyToken(key) if key else Session(settings, transport=transport)


def _bearing(request: httpx.Request, token: str) -> httpx.Request:
    request.headers["Authorization"] = f"Bearer {token}"
    return request


def _can_repeat(request: httpx.Request) -> bool:
    """Whether the body is in memory; a stream is gone when it was sent."""
    return isinstance(request.stream, httpx.ByteStream)


def _signed_out(server: str) -> NotSignedIn:
    return NotSignedIn(f"You are not signed in at {server or 'any gateway'}.")
