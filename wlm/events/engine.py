"""The event engine: accept work, run it, and bring it to an end whatever is killed.

The SQL row is the truth. An event is written in the transaction that accepts it; a run
claims it by a conditional update with a lease; every end of a run is fenced with the
lease's token. A queue, where there is one, only says which id to look at.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from wlm.errors import UsageError, WlmError
from wlm.events.contexts import Contexts
from wlm.events.courier import NOTICE
from wlm.events.family import family
from wlm.events.ledger import Entry, Ledger, Row, held, one, to_event
from wlm.events.prepare import answered, confirmation
from wlm.events.runner import Runner
from wlm.events.states import RUNNABLE
from wlm.events.upkeep import Upkeep
from wlm.plugins import IntentSpec
from wlm.store.scope import mine
from wlm.store.tables import events
from wlm.types import Effect, Event, Question, Route, State, jsonable, new_id

if TYPE_CHECKING:
    from wlm.config import Settings
    from wlm.plugins import Context
    from wlm.plugins.manager import Registry
    from wlm.store.engine import Store

log = logging.getLogger(__name__)

LEASE_SECONDS = 30.0
BEAT_SECONDS = 10.0
DEEPEST = 5
MOST_CHILDREN = 50
SCHEDULED = 3
"""The least priority of what a schedule or a notice does: after what somebody waits for."""
A_SCHEDULE = timedelta(minutes=1)
"""A child due this much later starts a chain of its own: that is a schedule, not a loop."""


class Engine:
    """Accepts and runs events. One object may be used by many threads."""

    def __init__(
        self,
        store: Store,
        registry: Registry,
        settings: Settings,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        lease: float = LEASE_SECONDS,
        beat: float = BEAT_SECONDS,
    ) -> None:
        """``clock`` gives aware times; ``lease`` and ``beat`` are in seconds."""
        self._store = store
        self._registry = registry
        self._clock = clock
        self._ledger = Ledger(store, clock, timedelta(seconds=lease))
        self._settings = settings
        self.upkeep = Upkeep(store, settings, clock, self._accept_background)
        self.schedules, self.notices = self.upkeep.schedules, self.upkeep.notices
        self._contexts = Contexts(self._ledger, registry, settings, self.schedules)
        self._ledger.on_end = self.notices.note
        self._runner = Runner(
            self._ledger, self._contexts, registry, settings, self._accept_child, beat=beat
        )

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
        return self._insert(
            owner,
            route,
            above,
            priority,
            run_at,
            conversation=conversation,
            turn=turn,
            idempotency_key=idempotency_key,
            fingerprint=_fingerprint(route) if idempotency_key else None,
            confirmed=confirmed,
            refers=jsonable(refers) or None,
        )

    def run(self, event_id: str) -> Event:
        """Run an event that is due, for somebody who waits; it as it stands afterwards.

        One that is not due, or that another run holds, is returned as it is. A failure
        that will be tried again later is reported at once: state ``retrying`` with its error.
        """
        event = self._run(event_id) or to_event(self._ledger.fetch(events.c.id == event_id))
        self.notices.seen(event)
        return event

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
        event = self._insert(
            owner,
            undoing.route(found),
            found,
            None,
            None,
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
        raise UsageError(f"The event is {row['state']}; only one that failed can be retried.")

    def cancel(self, owner: str, event_id: str) -> Event:
        """Cancel an event that has not ended; a cancelled one stays so. Raises ``UsageError``.

        What a running one has done by then is kept; what it does afterwards is refused.
        """
        detail = "cancelled by the user"
        row = self._ledger.move(State.CANCELLED, one(owner, event_id), detail=detail)
        row = row or self._ledger.fetch(one(owner, event_id))
        if row["state"] != State.CANCELLED:
            raise UsageError(f"The event has ended ({row['state']}); nothing is left to cancel.")
        return to_event(row)

    def run_due(self, limit: int = 20) -> list[Event]:
        """Sweep, then run what is due, the most urgent first; the events that ran here."""
        self.sweep()
        return [event for id_ in self._ledger.due(limit) if (event := self._run(id_)) is not None]

    def sweep(self) -> int:
        """Do what must be done from time to time, by any process; how many events came back."""
        recovered = self.recover()
        self.upkeep.run()
        return recovered

    def recover(self) -> int:
        """Take events from workers that are gone and bring them back; how many.

        They are queued again, or ``dead`` when too often begun. A ``send`` that was begun
        waits for the user: whether it was done is not known, and it is never repeated blindly.
        """
        return sum(self._recover(row) is not None for row in self._ledger.lost())

    def get(self, owner: str, event_id: str) -> Event:
        """One event. Raises ``NotFound``."""
        return to_event(self._ledger.fetch(one(owner, event_id)))

    def history(self, owner: str, event_id: str) -> list[Entry]:
        """What happened to an event, oldest first. Raises ``NotFound``."""
        self._ledger.fetch(one(owner, event_id))
        return self._ledger.history(owner, event_id)

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

    def _run(self, event_id: str) -> Event | None:
        if self._store.writing:
            raise RuntimeError("an event cannot run inside the transaction that accepts it")
        claimed = self._ledger.claim(event_id)
        if claimed is None:
            return None
        row = self._runner.run(claimed)
        return to_event(row) if row is not None else None

    def _queue(
        self, row: Row, source: State, complaint: str, *, detail: str | None = None, **values: Any
    ) -> Event:
        moved = self._ledger.move(
            State.QUEUED,
            one(row["owner"], row["id"]),
            events.c.state == source.value,
            detail=detail,
            run_at=self._clock(),
            attempts=0,
            question=None,
            finished_at=None,
            **values,
        )
        if moved is None:
            raise UsageError(f"The event is {row['state']}; it {complaint}.")
        return to_event(moved)

    def _recover(self, row: Row) -> Row | None:
        if row["state"] == State.ACCEPTED:
            return self._ledger.move(State.QUEUED, events.c.id == row["id"])
        log.warning("event %s: its worker is gone", row["id"])
        code = "worker_lost"
        if row["begun"]:
            question = self._asked_again(row)
            return self._ledger.move(
                State.WAITING_CONFIRMATION,
                held(row),
                code=code,
                detail="it was begun, and whether it was done is not known",
                question=question.to_dict(),
                confirmed=False,
            )
        if row["attempts"] >= row["max_attempts"]:
            failure = {
                "code": WlmError.code,
                "message": f"The process that ran it ended {row['attempts']} times.",
                "hint": "`wlm events retry` tries it again.",
                "retryable": False,
            }
            return self._ledger.move(State.DEAD, held(row), code=code, error=failure)
        return self._ledger.move(State.QUEUED, held(row), code=code, run_at=self._clock())

    def _asked_again(self, row: Row) -> Question:
        try:
            spec = self._registry.intent(row["intent"])
            values = {
                slot.name: slot.decode(row["slots"][slot.name])
                for slot in spec.slots
                if slot.name in row["slots"]
            }
            return confirmation(spec, values, self._settings.zone, again=True)
        except WlmError:
            return Question(
                "confirmation",
                "This was begun before, and it is not known whether it was done. Again?",
            )

    def _accept_child(
        self,
        parent: Row,
        intent: str,
        slots: Mapping[str, Any],
        *,
        run_at: datetime | None,
        key: str,
    ) -> Event:
        digest = hashlib.sha256(key.encode()).hexdigest()[:32]
        policy_only = self._effect(intent) == "write" and bool(parent["confirmed"])
        return self._insert(
            parent["owner"],
            Route(intent.partition(".")[0], intent, dict(slots), 1.0, "skill"),
            parent,
            None,
            run_at,
            conversation=parent["conversation"],
            turn=parent["turn"],
            idempotency_key=f"{parent['id']}:{digest}",
            fingerprint=None,
            confirmed=policy_only,  # a child that sends asks for itself
        )

    def _accept_background(
        self, owner: str, route: Route, key: str, due: datetime, confirmed: bool
    ) -> Event:
        spec = self._spec(route.intent)
        return self._insert(
            owner,
            route,
            None,
            max(SCHEDULED, spec.priority if spec else 0),
            due,
            conversation=None,
            turn=None,
            idempotency_key=key,
            fingerprint=None,
            # A yes given once is no yes to sending again and again; a setting is one.
            confirmed=confirmed
            and (route.router == NOTICE or self._effect(route.intent) == "write"),
        )

    def _insert(
        self,
        owner: str,
        route: Route,
        parent: Row | None,
        priority: int | None,
        run_at: datetime | None,
        **values: Any,
    ) -> Event:
        now = self._clock()
        start = run_at or now
        if start.tzinfo is None:
            raise UsageError("The start of an event needs a time zone.")
        spec = self._spec(route.intent)
        id_ = new_id()
        row = {
            "id": id_,
            "owner": owner,
            "state": State.QUEUED.value,
            "skill": route.skill,
            "intent": route.intent,
            "slots": jsonable(route.slots),
            "confidence": route.confidence,
            "router": route.router,
            "effect": self._effect(route.intent),
            "attempts": 0,
            "max_attempts": 1 + (spec.retries if spec else 0),
            "priority": priority if priority is not None else (spec.priority if spec else 0),
            "begun": False,
            "parent": parent["id"] if parent is not None else None,
            "root": id_,
            "depth": 0,
            "created_at": now,
            "run_at": start,
            **values,
        }
        with self._store.write():
            if (key := values["idempotency_key"]) and (there := self._known(owner, key)):
                return _same(there, values["fingerprint"])
            if parent is not None and start - now < A_SCHEDULE:
                row |= self._bounded(parent, route)
            made = self._ledger.insert(row) or self._known(owner, key)
            assert made is not None
            return _same(made, values["fingerprint"])

    def _known(self, owner: str, key: str) -> Row | None:
        found = self._ledger.page(
            mine(events, owner), events.c.idempotency_key == key, before=None, limit=1
        )
        return found[0] if found else None

    def _bounded(self, parent: Row, route: Route) -> dict[str, Any]:
        """The child's place in its chain. Raises ``UsageError`` where the chain must end."""
        depth = parent["depth"] + 1
        if depth > DEEPEST:
            raise UsageError(f"An event may cause others {DEEPEST} levels deep, no deeper.")
        if self._ledger.count(events.c.root == parent["root"]) > MOST_CHILDREN:
            raise UsageError(f"An event may cause {MOST_CHILDREN} others, no more.")
        above: Row | None = parent
        while above is not None:
            if above["intent"] == route.intent and above["slots"] == jsonable(route.slots):
                raise UsageError("An event may not cause itself again.")
            chained = above["parent"] and above["depth"]
            above = self._ledger.fetch(events.c.id == above["parent"]) if chained else None
        return {"root": parent["root"], "depth": depth}

    def _spec(self, intent: str) -> IntentSpec | None:
        try:
            return self._registry.intent(intent)
        except WlmError:
            return None  # it will fail when it runs, with the cause

    def _effect(self, intent: str) -> Effect:
        spec = self._spec(intent)
        return spec.effect if spec else "read"


def _fingerprint(route: Route) -> str:
    body = json.dumps([route.intent, jsonable(route.slots)], sort_keys=True)
    return hashlib.sha256(body.encode()).hexdigest()


def _same(row: Row, fingerprint: str | None) -> Event:
    if row["fingerprint"] != fingerprint:
        raise UsageError(
            "This idempotency key was used for another request; nothing was accepted.",
            hint="Use a new key for each request.",
        )
    return to_event(row)
