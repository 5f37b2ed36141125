"""What people and programs ask of events: accept them, change them, look at them.

Nothing is run here; that is the engine's (``wlm.events.engine``), which is a desk, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, select

from wlm.errors import Conflict, UsageError
from wlm.events import bell, history, tickets
from wlm.events.contexts import Contexts
from wlm.events.family import family
from wlm.events.history import Entry
from wlm.events.intake import Intake, fingerprint
from wlm.events.ledger import Ledger
from wlm.events.prepare import answered
from wlm.events.rows import Row, one, those, to_event
from wlm.events.states import RUNNABLE
from wlm.events.upkeep import Upkeep
from wlm.events.waiting import Waiting
from wlm.store.scope import mine
from wlm.store.tables import events
from wlm.types import WAITING_STATES, Event, Question, Route, State, jsonable

if TYPE_CHECKING:
    from wlm.config import Settings
    from wlm.plugins import Context
    from wlm.plugins.manager import Registry

_ANY_WAITING = (
    select(events.c.id)
    .where(
        mine(events, bindparam("whose")),
        events.c.state.in_(sorted(state.value for state in WAITING_STATES)),
    )
    .limit(1)
)


class Desk:
    """Accepts events and answers for them. One object may be used by many threads."""

    def __init__(
        self, ledger: Ledger, registry: Registry, settings: Settings, *, leave_to_workers: bool
    ) -> None:
        """``leave_to_workers``: what is accepted is rung for, and run elsewhere."""
        self._ledger, self._registry, self._settings = ledger, registry, settings
        self._store, self._clock = ledger.store, ledger.clock
        self._leave = leave_to_workers
        self._bell: bell.Bell | None = None
        self._waiting = Waiting(lambda: self.bell)
        self._intake = Intake(ledger, registry, self._ring)
        self.upkeep = Upkeep(ledger.store, settings, ledger.clock, self._intake.accept_background)
        self.schedules, self.notices = self.upkeep.schedules, self.upkeep.notices
        ledger.on_end = self.notices.note
        self._contexts = Contexts(ledger, registry, settings, self.schedules)

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
            account=self._intake.account(owner, route.skill),
        )

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
            account=found["account"],
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

    def close(self) -> None:
        """Stop listening. The store is the caller's to close."""
        self._waiting.close()
        self._contexts.providers.close()
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
        where = those(owner, skill, conversation)
        pivot = self._ledger.fetch(one(owner, before)) if before else None
        if states is None:
            rows = self._ledger.page(*where, before=pivot, limit=limit)
        else:
            rows = self._ledger.page_of_states(states, *where, before=pivot, limit=limit)
        return [to_event(row) for row in rows]

    def waiting(self, owner: str, conversation: str, *, limit: int) -> Sequence[Event]:
        """What waits for the user in a conversation, newest first."""
        with self._store.read() as connection:
            if connection.execute(_ANY_WAITING, {"whose": owner}).first() is None:
                return []  # as nearly always, and each turn asks
        return self.list(owner, states=WAITING_STATES, conversation=conversation, limit=limit)

    def context(self, owner: str, skill: str) -> Context:
        """A skill's context outside of any event: it can look things up, and change nothing.

        Raises ``SkillMissing`` or ``BadSetting``.
        """
        return self._contexts.for_look(owner, skill)

    def memory(self, owner: str, conversation: str) -> dict[str, Any]:
        """What the last replies of a conversation said to remember."""
        return self._contexts.memory(owner, conversation)

    def _ring(self, event_id: str, times: int = 1) -> None:
        self.bell.ring(event_id, times)

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
                losses=min(row["losses"], 1),  # new tries, in quarantine if it was there
                question=None,
                finished_at=None,
                **values,
            )
        if moved is None:
            raise Conflict(f"The event is {row['state']}; it {complaint}.")
        if self._leave:
            self._store.after_commit(lambda: self._ring(row["id"]))
        return to_event(moved)
