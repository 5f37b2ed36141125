"""The event engine: accept work, run it, and bring it to an end whatever is killed.

The SQL row is the truth. An event is written in the transaction that accepts it; a run
claims it by a conditional update with a lease; every end of a run is fenced with the
lease's token. A queue, where there is one, only says which id to look at.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from wlm.errors import Conflict, UsageError
from wlm.events import bell, due, history, tickets
from wlm.events.claims import Claim, Claims, Limits
from wlm.events.contexts import Contexts
from wlm.events.endings import Endings
from wlm.events.family import family
from wlm.events.history import Entry
from wlm.events.intake import Intake, fingerprint
from wlm.events.ledger import Ledger
from wlm.events.prepare import answered
from wlm.events.recovery import WORKER_LOST, WORKER_STOPPED, Recovery
from wlm.events.rows import Row, one, to_event
from wlm.events.runner import Outcome, Run, Runner
from wlm.events.states import RUNNABLE
from wlm.events.stock import OLD_SECONDS, Stock
from wlm.events.stopwatch import elapsed
from wlm.events.upkeep import Upkeep
from wlm.events.waiting import Waiting
from wlm.events.witness import Witness
from wlm.events.worker import is_dead, this_worker
from wlm.store.scope import mine
from wlm.store.tables import events
from wlm.types import Event, Question, Route, State, jsonable

if TYPE_CHECKING:
    from wlm.config import Settings
    from wlm.plugins import Context
    from wlm.plugins.manager import Registry
    from wlm.store.engine import Store

log = logging.getLogger(__name__)

LEASE_SECONDS = 30.0
BEAT_SECONDS = 10.0
ANOTHER_RUNS_SECONDS = 60.0
"""How long ``run`` waits for an event that another process has begun to run."""
_AT_ONCE = 200
_FLUSH_SECONDS = 5.0


class Engine:
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
        self._store = store
        self._registry = registry
        self._clock = clock
        self._beat = beat
        self._leave = leave_to_workers
        self._bell: bell.Bell | None = None
        self._settings = settings
        self._waiting = Waiting(lambda: self.bell)
        self._ledger = Ledger(store, clock, timedelta(seconds=lease), Witness(lease, stopwatch))
        limits = Limits(settings.config.user_limit, settings.config.skill_limit)
        self._claims = Claims(self._ledger, limits)
        self._intake = Intake(self._ledger, registry, self._ring)
        self.upkeep = Upkeep(store, settings, clock, self._intake.accept_background)
        self.schedules, self.notices = self.upkeep.schedules, self.upkeep.notices
        self._ledger.on_end = self.notices.note
        self._recovery = Recovery(self._ledger, registry, settings)
        self._contexts = Contexts(self._ledger, registry, settings, self.schedules)
        self.runner = Runner(
            self._ledger, self._contexts, registry, settings, self._intake.accept_child, beat=beat
        )
        self.stock = Stock(self._claims)
        self._endings = Endings(self._ledger, self.runner, self._tell)

    @property
    def bell(self) -> bell.Bell:
        """What wakes workers and those that wait. Raises ``BadSetting``."""
        if self._bell is None:
            self._bell = bell.make(self._settings, self._store)
        return self._bell

    def accept(
        self,
        owner: str,
        route: Route,
        *,
        conversation: str | None = None,
        turn: str | None = None,
        parent: str | None = None,
        priority: int | None = None,
        run_at: datetime | None = None,
        idempotency_key: str | None = None,
        confirmed: bool = False,
        refers: Mapping[str, Any] | None = None,
    ) -> Event:
        """Write the event; inside an open ``store.write()``, in that transaction.

        ``run_at`` is aware; default: now. ``confirmed`` says yes beforehand. The same
        ``idempotency_key`` with the same route gives the event that is there; with another
        one it raises ``UsageError``. What is wrong with the route itself shows when it runs.
        ``refers`` goes over the conversation's memory: what "it" stands for in this event.
        """
        above = self._ledger.fetch(one(owner, parent)) if parent else None
        return self._intake.insert(
            owner,
            route,
            above,
            priority,
            run_at,
            ring=self._leave,  # else it is run here, at once
            conversation=conversation,
            turn=turn,
            idempotency_key=idempotency_key,
            fingerprint=fingerprint(route) if idempotency_key else None,
            confirmed=confirmed,
            refers=jsonable(refers) or None,
        )

    def run(self, event_id: str) -> Event:
        """Run an event that is due, for somebody who waits; it as it stands afterwards.

        One that is not due is returned as it is; for one that another process runs, or that
        is left to workers, this waits. A failure that will be tried again later is reported
        at once: state ``retrying`` with its error.
        """
        event = self._brought_on(event_id)
        self.notices.seen(event)
        return event

    def wait(self, event_id: str, timeout: float) -> Event:
        """Wait until nothing more happens to an event by itself now; the event as it stands.

        That is when it has ended, waits for the user, or will be tried again later
        (``retrying``); at the latest after ``timeout`` seconds. Woken by the worker.
        """
        return self._waiting.until(
            event_id,
            timeout,
            lambda: to_event(self._ledger.fetch(events.c.id == event_id)),
        )

    def answer(self, owner: str, event_id: str, slots: Mapping[str, Any]) -> Event:
        """Give slots (JSON form) to an event that waits for input; it is queued again.

        For the slot that was asked for, a candidate's label or number will do. Raises
        ``UsageError`` if the event does not wait for input.
        """
        row = self._ledger.fetch(one(owner, event_id))
        question = Question(**row["question"]) if row["question"] else None
        given = jsonable(answered(question, slots))
        return self._queue(
            row,
            State.WAITING_INPUT,
            "waits for no input",
            slots={**row["slots"], **given},
            confirmed=False,  # a yes was to the arguments as they were
        )

    def amend(self, owner: str, event_id: str, slots: Mapping[str, Any]) -> Event:
        """Change slots (JSON form; ``None`` takes one away) of an event that waits.

        It is queued again, and asks for a yes to the new arguments where it needs one.
        Raises ``UsageError`` if it does not wait, or was begun before: then what it is about
        to repeat must stay as it was.
        """
        row = self._ledger.fetch(one(owner, event_id))
        if row["begun"]:
            raise UsageError("The event was begun before; it can be confirmed or cancelled.")
        changed = {**row["slots"], **jsonable(dict(slots))}
        kept = {name: value for name, value in changed.items() if value is not None}
        waits = row["state"] == State.WAITING_CONFIRMATION
        source = State.WAITING_CONFIRMATION if waits else State.WAITING_INPUT
        return self._queue(row, source, "does not wait", slots=kept, confirmed=False)

    def undo(
        self,
        owner: str,
        event_id: str | None = None,
        *,
        conversation: str | None = None,
        turn: str | None = None,
    ) -> Event:
        """Accept the event that takes back what another did, the last one by default.

        It may be run once, within the time that the setting ``undo_minutes`` gives. Raises
        ``NotFound`` if there is nothing to undo, ``BadRequest`` where it cannot be.
        """
        from wlm.events.undo import Undoing

        window = timedelta(minutes=self._settings.config.undo_minutes)
        undoing = Undoing(self._ledger, window)
        found = undoing.find(owner, event_id, conversation)
        event = self._intake.insert(
            owner,
            undoing.route(found),
            found,
            None,
            None,
            ring=self._leave,
            conversation=conversation or found["conversation"],
            turn=turn,
            idempotency_key=undoing.key(found),
            fingerprint=None,
            confirmed=True,
        )
        return event if event.state in RUNNABLE else self.retry(owner, event.id)

    def confirm(self, owner: str, event_id: str) -> Event:
        """Say yes to an event that waits for it; it is queued. Raises ``UsageError``."""
        row = self._ledger.fetch(one(owner, event_id))
        return self._queue(
            row,
            State.WAITING_CONFIRMATION,
            "waits for no confirmation",
            confirmed=True,
            begun=False,
            detail="confirmed by the user",
        )

    def retry(self, owner: str, event_id: str) -> Event:
        """Queue a failed, dead or retrying event to run now. Raises ``UsageError``.

        A ``send`` of which nobody knows whether it was done asks again first.
        """
        row = self._ledger.fetch(one(owner, event_id))
        keep = bool(row["confirmed"]) and not row["begun"]
        for state in (State.FAILED, State.DEAD, State.RETRYING):
            if row["state"] == state:
                return self._queue(row, state, "", confirmed=keep, detail="retried by the user")
        raise Conflict(f"The event is {row['state']}; only one that failed can be retried.")

    def cancel(self, owner: str, event_id: str) -> Event:
        """Cancel an event that has not ended; a cancelled one stays so. Raises ``UsageError``.

        What a running one has done by then is kept; what it does afterwards is refused.
        """
        detail = "cancelled by the user"
        row = self._ledger.move(State.CANCELLED, one(owner, event_id), detail=detail)
        row = row or self._ledger.fetch(one(owner, event_id))
        self._tell([event_id])
        if row["state"] != State.CANCELLED:
            raise Conflict(f"The event has ended ({row['state']}); nothing is left to cancel.")
        return to_event(row)

    def run_due(self, limit: int = 20) -> list[Event]:
        """Sweep, then run what is due, the most urgent first; the events that ran here."""
        glance = self.upkeep.glance()
        if glance.running or glance.accepted:
            self.recover()
        fired = self.upkeep.run(glance)
        done: list[Event] = []
        if not (fired or any(glance[:4])):
            return done  # a short command asks the database no more than it must
        due.promote(self._store, self._clock, max(limit, _AT_ONCE))
        while len(done) < limit and (claim := self.claim()) is not None:
            if (event := self.finish(claim)) is not None:
                done.append(event)
        return done

    def claim(self, *, most: int = 9) -> Claim | None:
        """Take the next event for a worker, of a priority of ``most`` or less (0: urgent)."""
        claims = self._claims.next(most=most)
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

    def sweep(self) -> int:
        """Do what must be done from time to time, by any process; how many events came back."""
        recovered = self.recover()
        self.upkeep.run()
        return recovered

    def recover(self, *, stopped: bool = False) -> int:
        """Take events from workers that are gone and bring them back; how many.

        They are queued again, or ``dead`` when too often begun. A ``send`` that was begun
        is never repeated blindly: its skill is asked whether it was done, or the user.
        ``stopped``: the workers were told to end, so no event is the cause.
        """
        rows = self._recovery.lost(WORKER_STOPPED if stopped else WORKER_LOST)
        for row in rows:
            if row["state"] == State.QUEUED:
                self._ring(row["id"])
        self._tell([row["id"] for row in rows if row["state"] != State.QUEUED])
        return len(rows)

    def tend(self, longest: float) -> float:
        """What a worker does now and then: sweep, see what is due, ring for what is ready.

        Returns in how many seconds the next event is due, at most ``longest``.
        """
        glance = self.upkeep.glance()
        if glance.running or glance.accepted:
            self.recover()
        self.upkeep.run(glance)
        if glance.due:
            due.promote(self._store, self._clock, _AT_ONCE)
        for id_ in self.stock.give_back(OLD_SECONDS):
            self._ring(id_)
        if glance.ready or glance.due:
            with self._store.write(durable=False) as connection:
                tickets.move_on(connection)
            for _ in range(self._claims.ready(bell.ENOUGH)):
                self._ring("")
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

    def close(self) -> None:
        """Stop listening. The store is the caller's to close."""
        self._waiting.close()
        if self._bell is not None:
            self._bell.close()

    def get(self, owner: str, event_id: str) -> Event:
        """One event. Raises ``NotFound``."""
        return to_event(self._ledger.fetch(one(owner, event_id)))

    def history(self, owner: str, event_id: str) -> list[Entry]:
        """What happened to an event, oldest first. Raises ``NotFound``."""
        self._ledger.fetch(one(owner, event_id))
        return history.read(self._store, owner, event_id)

    def family(self, owner: str, event_id: str) -> list[tuple[int, Event]]:
        """An event with what it came from and what it caused, each after its parent, with its
        depth in the tree. Raises ``NotFound``."""
        return family(self._store, owner, event_id)

    def list(
        self,
        owner: str,
        *,
        states: Iterable[State] | None = None,
        skill: str | None = None,
        conversation: str | None = None,
        limit: int = 50,
        before: str | None = None,
    ) -> list[Event]:
        """Events, newest first; ``before`` is the id that the last page ended with."""
        where = [mine(events, owner)]
        if skill is not None:
            where.append(events.c.skill == skill)
        if conversation is not None:
            where.append(events.c.conversation == conversation)
        pivot = self._ledger.fetch(one(owner, before)) if before else None
        if states is None:
            rows = self._ledger.page(*where, before=pivot, limit=limit)
        else:
            rows = self._ledger.page_of_states(states, *where, before=pivot, limit=limit)
        return [to_event(row) for row in rows]

    def context(self, owner: str, skill: str) -> Context:
        """A skill's context outside of any event: it can look things up, and change nothing.

        Raises ``SkillMissing`` or ``BadSetting``.
        """
        return self._contexts.for_look(owner, skill)

    def memory(self, owner: str, conversation: str) -> dict[str, Any]:
        """What the last replies of a conversation said to remember."""
        return self._contexts.memory(owner, conversation)

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

    def _ring(self, event_id: str) -> None:
        self.bell.ring(event_id)

    def _tell(self, ids: Sequence[str]) -> None:
        self._waiting.told(ids)
        self.bell.tell(ids)

    def _queue(
        self, row: Row, source: State, complaint: str, *, detail: str | None = None, **values: Any
    ) -> Event:
        with self._store.write() as connection:
            moved = self._ledger.move(
                State.QUEUED,
                one(row["owner"], row["id"]),
                events.c.state == source.value,
                detail=detail,
                run_at=self._clock(),
                ticket=tickets.draw(connection, row["owner"], row["priority"]),
                attempts=0,
                question=None,
                finished_at=None,
                **values,
            )
        if moved is None:
            raise Conflict(f"The event is {row['state']}; it {complaint}.")
        if self._leave:
            self._store.after_commit(lambda: self._ring(row["id"]))
        return to_event(moved)
