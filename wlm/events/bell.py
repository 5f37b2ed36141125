"""Bells: how a process says "there is work" or "it has moved" to those that wait for it.

A bell carries an event's id and nothing else, and it may be lost: the rows say what is to be
done, and whoever waits looks at them now and then anyway. So nothing here raises for what
goes wrong outside, and an accepted event never depends on it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

from wlm.errors import BadSetting

if TYPE_CHECKING:
    from wlm.config import Settings
    from wlm.store.engine import Store

log = logging.getLogger(__name__)

ENOUGH = 64
"""So many rings at once wake everybody; more are dropped, since who is awake works on until
nothing is left."""
_IDS_A_NOTE = 64
LONGEST_NOTE = 2048
"""Characters of a note: so many ids fit, and it fits into what each bell carries at once."""


def notes(ids: Iterable[str]) -> list[str]:
    """The ids as few notes: a listener that is slow is told of many events by each."""
    every = list(ids)
    return [" ".join(every[n : n + _IDS_A_NOTE]) for n in range(0, len(every), _IDS_A_NOTE)]


class Listener(Protocol):
    """One process's ear. Several threads may wait at once; each ring wakes one of them."""

    def next(self, timeout: float) -> str | None:
        """Wait for so many seconds; the id that was rung, the ids that were told of (with
        blanks between), or ``None``."""
        ...

    def close(self) -> None:
        """Listen no more."""
        ...


class Bell(Protocol):
    """The two bells of an installation. ``ring``: an event is ready. ``tell``: some have moved."""

    def ring(self, event_id: str, times: int = 1) -> None:
        """Wake a worker of each machine or process, or as many as ``times``."""
        ...

    def tell(self, ids: Iterable[str]) -> None:
        """Wake those that wait for these events."""
        ...

    def rings(self) -> Listener:
        """Listen as a worker."""
        ...

    def tales(self) -> Listener:
        """Listen as one that waits for events."""
        ...

    def close(self) -> None:
        """Let go of what is open."""
        ...


def make(settings: Settings, store: Store) -> Bell:
    """The bell of this installation: Redis if ``queue_url`` says so, else the database's own.

    Raises ``BadSetting`` for a ``queue_url`` of another kind.
    """
    url = settings.config.queue_url
    if url:
        if not url.startswith(("redis://", "rediss://", "unix://")):
            raise BadSetting(
                "Setting 'queue_url' is no Redis URL.", hint="Such as redis://localhost:6379/0."
            )
        from wlm.events.bell_redis import RedisBell

        return RedisBell(url)
    if not store.sqlite:
        from wlm.events.bell_postgres import PostgresBell

        return PostgresBell(store.url)
    from wlm.events.bell_socket import SocketBell

    return SocketBell(store.url.database or "")
