"""Skills that watch something for their users, such as a mailbox, in threads of a worker.

Each watch belongs to one user and one skill, and one process at a time holds it: by a lease in
its row, which also keeps how far the watch has come. What it comes upon is accepted as an event
in the transaction that moves the mark, so it is told once, whatever is killed. A watch that
fails is begun anew after a pause that grows.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import random
import threading
from collections.abc import Callable, Generator, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from wlm.errors import WlmError
from wlm.events.notices import WATCHED
from wlm.events.rows import Row
from wlm.events.stopwatch import elapsed
from wlm.events.worker import is_dead, this_worker
from wlm.plugins.skill import Skill
from wlm.store.scope import LOCAL_OWNER, mine
from wlm.store.tables import skill_values, watches
from wlm.types import Route, new_id

if TYPE_CHECKING:
    from wlm.events.contexts import Contexts
    from wlm.events.firing import Accept
    from wlm.plugins.manager import Registry
    from wlm.plugins.watching import Noticed
    from wlm.store.engine import Store

log = logging.getLogger(__name__)

MOST = 32
"""Watches of one process; each is a thread that nearly always waits."""
LEASE = timedelta(seconds=30)
_LOOK_SECONDS = 10.0
_FIRST_PAUSE, _LONGEST_PAUSE = 2.0, 300.0


@dataclasses.dataclass
class _Lease:
    """The right to watch for a user; ``token`` fences every write of its holder."""

    owner: str
    skill: str
    token: str
    mark: Any


class Watches:
    """The watches of this process: ``start`` begins to look for some, ``stop`` ends all."""

    def __init__(
        self,
        store: Store,
        clock: Callable[[], datetime],
        registry: Registry,
        contexts: Contexts,
        accept: Accept,
        *,
        look: float = _LOOK_SECONDS,
        pause: float = _FIRST_PAUSE,
    ) -> None:
        """``look``: seconds between looks for watches that nobody holds; ``pause``: before one
        that failed is begun anew, the first time."""
        self._store, self._clock = store, clock
        self._registry, self._contexts, self._accept = registry, contexts, accept
        self._look, self._pause = look, pause
        insert = sqlite.insert if store.sqlite else postgresql.insert
        self._missing = insert(watches).on_conflict_do_nothing()
        self._over = threading.Event()
        self._threads: dict[tuple[str, str], threading.Thread] = {}
        self._keeper: threading.Thread | None = None

    def start(self) -> None:
        """Look for watches from now on, in a thread; none is made where no skill can watch."""
        if self._skills() and self._keeper is None:
            self._keeper = threading.Thread(target=self._keep, name="watches", daemon=True)
            self._keeper.start()

    def stop(self, seconds: float) -> int:
        """End all watches within so many seconds; how many go on nevertheless."""
        self._over.set()
        threads = [self._keeper] if self._keeper else []
        threads += self._threads.values()
        deadline = elapsed() + seconds
        for thread in threads:
            thread.join(max(0.0, deadline - elapsed()))
        return sum(thread.is_alive() for thread in threads)

    def _skills(self) -> list[str]:
        loaded = self._registry.skills
        return [name for name, each in loaded.items() if type(each.skill).watch is not Skill.watch]

    def _keep(self) -> None:
        while not self._over.is_set():
            try:
                self._begin()
            except WlmError as error:
                log.warning("watches are not looked for now: %s", error.code)
            except Exception as error:  # noqa: BLE001 - the next look may go well
                log.error("watches are not looked for now (%s)", type(error).__name__)
            self._over.wait(self._look)

    def _begin(self) -> None:
        """Begin the watches that are wanted and that nobody holds."""
        self._threads = {key: each for key, each in self._threads.items() if each.is_alive()}
        for owner, skill in self._wanted():
            if (owner, skill) in self._threads:
                continue
            if len(self._threads) >= MOST:
                log.warning("this worker watches for %d; the others need another worker", MOST)
                return
            if (lease := self._claim(owner, skill)) is not None:
                thread = threading.Thread(
                    target=self._watch, args=[lease], name=f"watch {skill}", daemon=True
                )
                self._threads[owner, skill] = thread
                thread.start()

    def _wanted(self) -> Iterator[tuple[str, str]]:
        """Whose watches are on: the host's, and those of users with settings of their own."""
        for name in self._skills():
            with self._store.read() as connection:
                query = select(skill_values.c.owner).where(skill_values.c.skill == name).distinct()
                owners = {LOCAL_OWNER, *connection.execute(query).scalars()}
            for owner in sorted(owners):
                if self._is_on(owner, name):
                    yield owner, name

    def _is_on(self, owner: str, skill: str) -> bool:
        try:
            return self._registry.skill(skill).skill.watches(self._contexts.for_look(owner, skill))
        except Exception as error:  # noqa: BLE001 - a plugin may raise anything
            log.warning("skill %s cannot say if it watches (%s)", skill, type(error).__name__)
            return False

    # --- one watch ----------------------------------------------------------------------

    def _watch(self, lease: _Lease) -> None:
        pause = self._pause
        held = True
        while held and not self._over.is_set():
            try:
                if not self._is_on(lease.owner, lease.skill):
                    break
                began = self._clock()
                held = self._follow(lease)
                if held and self._clock() - began > LEASE:
                    pause = self._pause
            except WlmError as error:
                log.warning("the watch of skill %s was broken off: %s", lease.skill, error.code)
            except Exception as error:  # noqa: BLE001 - a plugin may raise anything
                log.error("the watch of %s failed (%s)", lease.skill, type(error).__name__)
            held = held and self._rest(lease, pause * random.uniform(0.7, 1.3))  # noqa: S311
            pause = min(pause * 2, _LONGEST_PAUSE)
        with contextlib.suppress(WlmError):
            self._release(lease)

    def _follow(self, lease: _Lease) -> bool:
        """Take what the skill comes upon until its watch ends; whether the lease holds still."""
        skill = self._registry.skill(lease.skill).skill
        context = self._contexts.for_look(lease.owner, lease.skill)
        found = skill.watch(context, lease.mark)
        with contextlib.ExitStack() as stack:
            if isinstance(found, Generator):  # its connections end with it
                stack.callback(found.close)
            renew = self._clock()
            for noticed in found:
                if self._over.is_set():
                    return False
                if noticed is not None:
                    if not self._keep_noticed(lease, noticed):
                        return False
                elif self._clock() >= renew:
                    if not self._hold(lease):
                        return False
                    renew = self._clock() + LEASE / 3
        return True

    def _rest(self, lease: _Lease, seconds: float) -> bool:
        """Wait, with the lease in hand; whether to go on."""
        until = self._clock() + timedelta(seconds=seconds)
        while (left := (until - self._clock()).total_seconds()) > 0:
            if self._over.wait(min(left, LEASE.total_seconds() / 3)):
                return False
            with contextlib.suppress(WlmError):
                if not self._hold(lease):
                    return False
        return True

    def _keep_noticed(self, lease: _Lease, noticed: Noticed) -> bool:
        """Accept the event and move the mark, together; whether the lease still held."""
        with self._store.write() as connection:
            now = self._clock()
            values = {"mark": noticed.mark, "until": now + LEASE}
            if not connection.execute(_holding(lease).values(values)).rowcount:
                return False
            if noticed.intent:
                route = Route(lease.skill, noticed.intent, dict(noticed.slots), 1.0, "skill")
                key = f"{WATCHED}{lease.skill}:{noticed.key}"
                self._accept(lease.owner, route, key, now, False)
        lease.mark = noticed.mark
        return True

    # --- the lease ----------------------------------------------------------------------

    def _claim(self, owner: str, skill: str) -> _Lease | None:
        """The lease, if nobody holds it who lives."""
        which = (mine(watches, owner), watches.c.skill == skill)
        token, now = new_id(), self._clock()
        with self._store.read() as connection:
            row = connection.execute(select(watches).where(*which)).mappings().first()
        if row is not None and not _free(row, now):
            return None
        values = {"holder": token, "worker": this_worker(), "until": now + LEASE}
        with self._store.write() as connection:
            if row is None:
                connection.execute(self._missing, {"owner": owner, "skill": skill})
            free: ColumnElement[bool] = watches.c.holder.is_(None)
            if row is not None and row["holder"] is not None:
                free = or_(free, watches.c.holder == row["holder"])
            if not connection.execute(update(watches).where(*which, free).values(values)).rowcount:
                return None
            mark = connection.execute(select(watches.c.mark).where(*which)).scalar()
        return _Lease(owner, skill, token, mark)

    def _hold(self, lease: _Lease) -> bool:
        with self._store.write(durable=False) as connection:
            values = {"until": self._clock() + LEASE}
            return bool(connection.execute(_holding(lease).values(values)).rowcount)

    def _release(self, lease: _Lease) -> None:
        with self._store.write() as connection:
            values = {"holder": None, "worker": None, "until": None}
            connection.execute(_holding(lease).values(values))


def _holding(lease: _Lease) -> Any:
    return update(watches).where(
        mine(watches, lease.owner),
        watches.c.skill == lease.skill,
        watches.c.holder == lease.token,
    )


def _free(row: Row, now: datetime) -> bool:
    return row["holder"] is None or row["until"] <= now or is_dead(row["worker"])
