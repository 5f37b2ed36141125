"""What stands before each call of a skill to a provider: its breaker, and its limit.

A call to a provider that failed again and again is refused at once (``ProviderPaused``), and so is
one that finds as many calls under way as there may be. Nothing is asked of the database for it
while no provider fails, but whether one does, once a second.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select

from wlm.errors import ProviderAway, ProviderError, ProviderPaused, StorageFault
from wlm.events import breaker
from wlm.events.breaker import EVERYBODY, SKILL, Provider
from wlm.events.semaphore import Full, Semaphore
from wlm.events.stopwatch import elapsed
from wlm.store.engine import Store
from wlm.store.scope import LOCAL_OWNER
from wlm.store.tables import breakers

log = logging.getLogger(__name__)

FRESH_SECONDS = 1.0
_MOST_ROWS = 500
_FULL_SECONDS = 1.0
_FAILING = select(breakers).where(breakers.c.provider != SKILL).limit(_MOST_ROWS + 1)


class Providers:
    """Lets calls to providers through. One object may be used by many threads."""

    def __init__(
        self, store: Store, clock: Callable[[], datetime], limit: int, user_limit: int
    ) -> None:
        """``limit``: calls at once to one provider that all share; 0: any. ``user_limit``: events
        of one user at once."""
        self.fresh = FRESH_SECONDS
        self._store, self._clock = store, clock
        self._limit = limit
        # The one user of an embedded database cannot get past the limit.
        self._uncounted = LOCAL_OWNER if 0 < user_limit <= limit else None
        self._permits = Semaphore(store, clock, limit)
        self._lock = threading.Lock()
        self._read_at = float("-inf")
        self._rows: Sequence[Any] = ()

    @contextmanager
    def asked(self, provider: Provider, owner: str) -> Iterator[None]:
        """Ask the provider inside. Raises ``ProviderPaused`` if it is to be left alone."""
        if self._store.writing:
            raise RuntimeError("a provider is asked outside of a transaction: others wait for it")
        failing = self._enter(provider, owner)
        counted = self._limit and not provider.own and owner != self._uncounted
        try:
            with self._permits.held(provider.skill, provider.name) if counted else nullcontext():
                yield
        except Full:
            raise _paused(
                provider, f"is asked by as many as may at once ({self._limit})", _FULL_SECONDS
            ) from None
        except ProviderError as error:
            if not error.provider:  # else it was counted where it was met
                error.provider = provider.name
                self._count(provider, owner, error, failing=failing)
            raise
        if failing:
            self._worked(provider, owner)

    def close(self) -> None:
        """Let others have what this process holds."""
        self._permits.close()

    def _enter(self, provider: Provider, owner: str) -> bool:
        """Pass the breaker; whether something counts against the provider."""
        rows = self._known(provider, owner)
        opened = [row for row in rows if row.open_until is not None]
        now = self._clock()
        for row in opened:
            if breaker.shut(row.open_until, now):
                raise _away(provider, row.open_until - now)
        if opened:
            with self._store.write() as connection:
                alone = breaker.may_try(connection, provider, opened, now)
            self._forget()
            if not alone:
                raise _away(provider, breaker.FIRST_PAUSE)
        return bool(rows)

    def _count(
        self, provider: Provider, owner: str, error: ProviderError, *, failing: bool
    ) -> None:
        if not isinstance(error, ProviderAway):
            if failing:  # it refused, so it is there
                self._worked(provider, owner)
        elif error.retryable:
            self._write(lambda to: breaker.failed(to, provider, owner, self._clock()))

    def _worked(self, provider: Provider, owner: str) -> None:
        self._write(lambda to: breaker.worked(to, provider, owner))

    def _write(self, change: Callable[[Connection], None]) -> None:
        """Keep what was learned. That it cannot be kept does not undo what the call did."""
        try:
            with self._store.write(durable=False) as connection:
                change(connection)
        except StorageFault as fault:
            log.warning("what became of a call to a provider was not counted (%s)", fault.code)
        self._forget()

    def _known(self, provider: Provider, owner: str) -> list[Any]:
        """What counts against the provider, for this owner and for everybody."""
        with self._lock:
            if elapsed() - self._read_at >= self.fresh:
                with self._store.read() as connection:
                    self._rows = connection.execute(_FAILING).all()
                self._read_at = elapsed()
            rows = self._rows
        if len(rows) > _MOST_ROWS:
            with self._store.read() as connection:
                return list(connection.execute(select(breakers).where(provider.those(owner))))
        key = (provider.skill, provider.name)
        return [
            row
            for row in rows
            if (row.skill, row.provider) == key and row.owner in (owner, EVERYBODY)
        ]

    def _forget(self) -> None:
        """Read again before the next call: this process has just changed what is known."""
        with self._lock:
            self._read_at = float("-inf")


def _away(provider: Provider, pause: timedelta) -> ProviderPaused:
    return _paused(
        provider, "failed several times in a row and is left alone", pause.total_seconds()
    )


def _paused(provider: Provider, why: str, seconds: float) -> ProviderPaused:
    error = ProviderPaused(
        f"{provider.name} {why}; it was not asked.", retry_after=max(seconds, _FULL_SECONDS)
    )
    error.provider = provider.name
    return error
