"""The event engine: accept work, run it, and bring it to an end whatever is killed.

The SQL row is the truth. An event is written in the transaction that accepts it; a run
claims it by a conditional update with a lease; every end of a run is fenced with the
lease's token. A queue, where there is one, only says which id to look at.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from wlm.events import bell, due, tickets
from wlm.events.claims import Claim, Claims, Limits
from wlm.events.desk import Desk
from wlm.events.endings import Endings
from wlm.events.ledger import Ledger
from wlm.events.recovery import WORKER_LOST, WORKER_STOPPED, Recovery
from wlm.events.rows import to_event
from wlm.events.run import Outcome, Run
from wlm.events.runner import Runner
from wlm.events.stock import OLD_SECONDS, Stock
from wlm.events.stopwatch import elapsed
from wlm.events.suspects import Suspects
from wlm.events.witness import Witness
from wlm.events.worker import is_dead, this_worker
from wlm.store.tables import events
from wlm.types import Event, State

if TYPE_CHECKING:
    from wlm.config import Settings
    from wlm.events.watches import Watches
    from wlm.plugins.manager import Registry
    from wlm.store.engine import Store

log = logging.getLogger(__name__)

LEASE_SECONDS = 30.0
BEAT_SECONDS = 10.0
ANOTHER_RUNS_SECONDS = 60.0
"""How long ``run`` waits for an event that another process has begun to run."""
_AT_ONCE = 200
_FLUSH_SECONDS = 5.0


class Engine(Desk):
    """Accepts and runs events. One object may be used by many threads."""

    def __init__(
        self,
        store: Store,
        registry: Registry,
        settings: Settings,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        stopwatch: Callable[[], float] = time.monotonic,
        lease: float = LEASE_SECONDS,
        beat: float = BEAT_SECONDS,
        leave_to_workers: bool = False,
    ) -> None:
        """``clock`` gives aware times; ``stopwatch``, ``lease`` and ``beat`` are in seconds.

        ``leave_to_workers``: ``run`` runs nothing here; a worker does, and ``run`` waits.
        """
        ledger = Ledger(store, clock, timedelta(seconds=lease), Witness(lease, stopwatch))
        super().__init__(ledger, registry, settings, leave_to_workers=leave_to_workers)
        limits = Limits(settings.config.user_limit, settings.config.skill_limit)
        self._claims = Claims(ledger, limits)
        self._recovery = Recovery(ledger, registry, settings)
        self.runner = Runner(
            ledger, self._contexts, registry, settings, self._intake.accept_child, beat=beat
        )
        self.stock = Stock(self._claims)
        self._endings = Endings(ledger, self.runner, self._tell)
        self._call_quarantine: Callable[[], None] | None = None

    def close(self) -> None:
        """Stop listening, and leave what answers are kept in. The store is the caller's."""
        super().close()
        self.runner.answers.close()

    def run(self, event_id: str) -> Event:
        """Run an event that is due, for somebody who waits; it as it stands afterwards.

        One that is not due is returned as it is; for one that another process runs, or that
        is left to workers, this waits. A failure that will be tried again later is reported
        at once: state ``retrying`` with its error.
        """
        event = self._brought_on(event_id)
        self.notices.seen(event)
        return event

    def run_due(self, limit: int = 20) -> list[Event]:
        """Sweep, then run what is due, the most urgent first; the events that ran here."""
        glance = self.upkeep.glance()
        if glance.running or glance.accepted:
            self.recover()
        fired = self.upkeep.run(glance)
        done: list[Event] = []
        if not (fired or (glance.running or glance.ready or glance.accepted or glance.due)):
            return done  # a short command asks the database no more than it must
        due.promote(self._store, self._clock, max(limit, _AT_ONCE))
        while len(done) < limit and (claim := self.claim()) is not None:
            if (event := self.finish(claim)) is not None:
                done.append(event)
        return done

    def claim(self, *, most: int = 9, suspects: Suspects = Suspects.ALSO) -> Claim | None:
        """Take the next event for a worker, of a priority of ``most`` or less (0: urgent)."""
        claims = self._claims.next(most=most, suspects=suspects)
        return claims[0] if claims else None

    def finish(self, claim: Claim) -> Event | None:
        """Run a claimed event; ``None`` if it was taken away meanwhile."""
        row = self.runner.run(claim)
        self._tell([claim.row["id"]])
        return to_event(row) if row is not None else None

    def work(self, source: Callable[[Stock], Claim | None]) -> None:
        """Run one event after another, for a worker's thread, until ``source`` gives none."""
        self.runner.work(lambda: source(self.stock), self._over)

    def _over(self, run: Run, outcome: Outcome | None) -> None:
        self.stock.took(time.monotonic() - run.started)
        self._endings.put(run.claim, outcome)

    def recover(self, *, stopped: bool = False) -> int:
        """Take events from workers that are gone and bring them back; how many.

        They are queued again as suspects, or ``dead`` if they end process after process
        (``wlm.events.suspects``). A ``send`` that was begun
        is never repeated blindly: its skill is asked whether it was done, or the user.
        ``stopped``: the workers were told to end, so no event is the cause.
        """
        rows = self._recovery.lost(WORKER_STOPPED if stopped else WORKER_LOST)
        for row in rows:
            if row["state"] == State.QUEUED:
                self._ring(row["id"])
        self._tell([row["id"] for row in rows if row["state"] != State.QUEUED])
        return len(rows)

    def leave_suspects(self, call: Callable[[], None]) -> None:
        """Take no suspects here; ``call`` asks for the process that runs them."""
        self.stock.suspects = Suspects.NOT
        self._call_quarantine = call

    def watches(self) -> Watches:
        """What skills watch for their users, for a worker to start and to stop."""
        from wlm.events.watches import Watches

        accept = self._intake.accept_background
        return Watches(self._store, self._clock, self._registry, self._contexts, accept)

    def tend(self, longest: float) -> float:
        """What a worker does now and then: sweep, see what is due, ring for what is ready.

        Returns in how many seconds the next event is due, at most ``longest``.
        """
        glance, lost = self.upkeep.glance(), 0
        if glance.running or glance.accepted:
            lost = self.recover()
        if self._call_quarantine is not None and (glance.suspects or (lost and self._suspects())):
            self._call_quarantine()
        self.upkeep.run(glance)
        if glance.due:
            due.promote(self._store, self._clock, _AT_ONCE)
        for id_ in self.stock.give_back(OLD_SECONDS):
            self._ring(id_)
        if glance.ready or glance.due:
            with self._store.write(durable=False) as connection:
                tickets.move_on(connection)
            if there := self._claims.ready(bell.ENOUGH, self.stock.suspects):
                self._ring("", there)
        if glance.due:
            return 0.0  # there may be more
        if glance.next_due is None:
            return longest
        return min(max((glance.next_due - self._clock()).total_seconds(), 0.0), longest)

    def hand_back(self) -> int:
        """Give up what this process holds and does not run, since it ends; how many.

        What a handler is in stays ours as long as we live: if another worker took it now, two
        would be in it at once. It comes back by ``recover`` once this process has gone.
        """
        back = self.stock.give_back()
        self._endings.flush(_FLUSH_SECONDS)
        for id_ in back:
            self._ring(id_)
        return len(back)

    def _suspects(self) -> bool:
        return self._claims.ready(1, Suspects.ONLY) > 0

    def _brought_on(self, event_id: str) -> Event:
        if self._leave:
            self._ring(event_id)
            return self.wait(event_id, ANOTHER_RUNS_SECONDS)
        if (event := self._run(event_id)) is not None:
            return event
        row = self._ledger.fetch(events.c.id == event_id)
        elsewhere = row["state"] == State.RUNNING and row["worker"] != this_worker()
        if elsewhere and not is_dead(row["worker"]):
            return self.wait(event_id, ANOTHER_RUNS_SECONDS)
        return to_event(row)

    def _run(self, event_id: str) -> Event | None:
        if self._store.writing:
            raise RuntimeError("an event cannot run inside the transaction that accepts it")
        at = elapsed()
        row = self._ledger.claim(event_id)
        return self.finish(Claim(row, troubled=True, at=at)) if row is not None else None
