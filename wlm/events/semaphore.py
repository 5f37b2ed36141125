"""So many calls to a provider at once, over all workers: a counting semaphore in the database.

A permit is a row with a lease. A process that has one keeps it for its next calls, for a second,
so that where much is asked a call costs no statement; one that lies idle for half of that is given
back. A permit of a process that was killed counts until another process of its machine looks
for one, or its lease is over; that of a call which takes longer than the lease, no longer than it.
"""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import delete, insert, or_, select
from sqlalchemy.exc import IntegrityError

from wlm.errors import StorageFault
from wlm.events.stopwatch import elapsed
from wlm.events.worker import is_dead, this_worker
from wlm.store.engine import Store
from wlm.store.tables import permits
from wlm.types import new_id

log = logging.getLogger(__name__)

LEASE_SECONDS = 60.0
KEPT_SECONDS = 1.0
"""How long a process goes on with one permit; then another process may be first."""
IDLE_SECONDS = 0.5
PATIENCE_SECONDS = 3.0
"""How long a call waits for a permit."""
_ASK_SECONDS = 0.1


class Full(Exception):
    """No permit was to be had in time."""


class _Permit(NamedTuple):
    skill: str
    provider: str
    number: int
    since: float
    used: float


class Semaphore:
    """Permits of this process. ``clock`` gives aware times; ``limit`` is for each provider."""

    def __init__(self, store: Store, clock: Callable[[], datetime], limit: int) -> None:
        self._store, self._clock, self._limit = store, clock, limit
        self._holder = new_id()
        self._changed = threading.Condition()
        self._idle: defaultdict[tuple[str, str], list[_Permit]] = defaultdict(list)
        self._ask_again: dict[tuple[str, str], float] = {}
        self._timer: threading.Timer | None = None

    @contextmanager
    def held(self, skill: str, provider: str) -> Iterator[None]:
        """Have a permit inside. Raises ``Full``."""
        permit = self._take(skill, provider)
        try:
            yield
        finally:
            self._leave(permit)

    def close(self) -> None:
        """Give back what lies idle."""
        with self._changed:
            if self._timer is not None:
                self._timer.cancel()
            idle = [permit for permits in self._idle.values() for permit in permits]
            self._idle.clear()
        self._give_back(idle)

    def _take(self, skill: str, provider: str) -> _Permit:
        key = (skill, provider)
        until = elapsed() + PATIENCE_SECONDS
        while True:
            with self._changed:
                if (kept := self._kept(key)) is not None:
                    return kept
                ask = elapsed() >= self._ask_again.get(key, 0.0)
            if ask and (permit := self._claim(skill, provider)) is not None:
                return permit
            with self._changed:
                if ask:
                    self._ask_again[key] = elapsed() + _ASK_SECONDS
                if (kept := self._kept(key)) is not None:
                    return kept
                left = until - elapsed()
                if left <= 0:
                    raise Full
                self._changed.wait(min(left, _ASK_SECONDS))

    def _kept(self, key: tuple[str, str]) -> _Permit | None:
        while idle := self._idle[key]:
            permit = idle.pop()
            if elapsed() - permit.since < LEASE_SECONDS / 2:  # else the machine slept meanwhile
                return permit
        return None

    def _claim(self, skill: str, provider: str) -> _Permit | None:
        """A permit that nobody has, from the database."""
        since, now = elapsed(), self._clock()
        lease = timedelta(seconds=LEASE_SECONDS)
        these = (permits.c.skill == skill, permits.c.provider == provider)
        # One that ends later than any can is of a clock that was set back since. (Twice the lease,
        # since this ``now`` may be a little older than that of a permit which is there already.)
        over = or_(permits.c.until <= now, permits.c.until > now + 2 * lease)
        row = {
            "skill": skill,
            "provider": provider,
            "holder": self._holder,
            "worker": this_worker(),
            "until": now + lease,
        }
        with self._store.write(durable=False) as connection:
            connection.execute(delete(permits).where(*these, over))
            there = select(permits.c.number, permits.c.worker).where(*these)
            taken = {row.number: row.worker for row in connection.execute(there)}
            if len(taken) >= self._limit:
                gone = [number for number, worker in taken.items() if is_dead(worker)]
                connection.execute(delete(permits).where(*these, permits.c.number.in_(gone)))
                taken = {number: taken[number] for number in taken.keys() - set(gone)}
            for number in sorted(set(range(self._limit)) - taken.keys()):
                try:
                    with connection.begin_nested():
                        connection.execute(insert(permits).values(**row, number=number))
                except IntegrityError:
                    continue  # another process was quicker
                return _Permit(skill, provider, number, since, since)
        return None

    def _leave(self, permit: _Permit) -> None:
        now = elapsed()
        if now - permit.since >= KEPT_SECONDS:
            self._give_back([permit])
            return
        with self._changed:
            self._idle[permit.skill, permit.provider].append(permit._replace(used=now))
            if self._timer is None:
                self._wait()
            self._changed.notify()

    def _wait(self) -> None:
        self._timer = threading.Timer(IDLE_SECONDS, self._tidy)
        self._timer.daemon = True
        self._timer.start()

    def _tidy(self) -> None:
        """Give back what was not used for a while."""
        old, now = [], elapsed()
        with self._changed:
            self._timer = None
            for key, kept in list(self._idle.items()):
                old += [permit for permit in kept if now - permit.used >= IDLE_SECONDS]
                self._idle[key] = [permit for permit in kept if now - permit.used < IDLE_SECONDS]
                if not self._idle[key]:
                    del self._idle[key]
                    self._ask_again.pop(key, None)
            if self._idle:
                self._wait()
        self._give_back(old)

    def _give_back(self, given: list[_Permit]) -> None:
        if not given:
            return
        try:
            with self._store.write(durable=False) as connection:
                for permit in given:
                    connection.execute(
                        delete(permits).where(
                            permits.c.skill == permit.skill,
                            permits.c.provider == permit.provider,
                            permits.c.number == permit.number,
                            permits.c.holder == self._holder,
                        )
                    )
        except StorageFault as fault:
            log.warning("permits were not given back (%s); their leases end", fault.code)
