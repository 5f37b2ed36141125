"""What a context lends a handler (``wlm.plugins.context.Ports``), as long as its run lasts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import Connection, bindparam, insert, select

from wlm.errors import ShareReadOnly, UsageError
from wlm.events.breaker import Provider
from wlm.events.ledger import Ledger
from wlm.events.rows import Row, one
from wlm.store.scope import mine
from wlm.store.tables import effects, events
from wlm.types import Event, Schedule, State, jsonable

if TYPE_CHECKING:
    from pydantic import BaseModel

    from wlm.events.contexts import Contexts
    from wlm.plugins import SchedulePlan
    from wlm.plugins.summaries import Passage, Summary
    from wlm.store.accounts.shares import Granted

_HELD = (
    select(events.c.id)
    .where(events.c.id == bindparam("event"), events.c.lease_token == bindparam("token"))
    .with_for_update()
)
_NOT_STARTED = {State.ACCEPTED, State.QUEUED, State.RETRYING} | {
    State.WAITING_INPUT,
    State.WAITING_CONFIRMATION,
}


class RunOver(Exception):
    """The run has no lease any more (timed out, cancelled, taken over): it may do nothing."""


class Emit(Protocol):
    """Accepts a child event of ``parent``."""

    def __call__(
        self,
        parent: Row,
        intent: str,
        slots: Mapping[str, Any],
        *,
        run_at: datetime | None,
        key: str,
    ) -> Event:
        """The child, the same one for the same key."""
        ...


class LookPorts:
    """A look changes nothing. Looking up while a name is being looked up finds nothing."""

    def __init__(self, contexts: Contexts, owner: str, skill: str, *, nested: bool) -> None:
        self._contexts = contexts
        self._owner = owner
        self._skill = skill
        self._nested = nested

    def resolve(self, kind: str, text: str) -> list[Any]:
        """Candidates from the installed skills."""
        return [] if self._nested else self._contexts.resolve(self._owner, kind, text)

    def emit(self, *_: Any, **__: Any) -> str:
        """Refused."""
        raise UsageError("Only a handler may emit an event.")

    def cancel(self, event_id: str) -> bool:
        """Refused."""
        raise UsageError("Only a handler may cancel an event.")

    def schedule(self, plan: SchedulePlan) -> Schedule:
        """Refused."""
        raise UsageError("Only a handler may make a schedule.")

    def unschedule(self, key: str) -> bool:
        """Refused."""
        raise UsageError("Only a handler may remove a schedule.")

    def pause_schedule(self, key: str, *, on: bool) -> Schedule:
        """Refused."""
        raise UsageError("Only a handler may pause a schedule.")

    def schedules(self) -> list[Schedule]:
        """The schedules of this skill."""
        return self._contexts.schedules.all(self._owner, skill=self._skill)

    def undo(self, intent: str, slots: Mapping[str, Any]) -> None:
        """Refused."""
        raise UsageError("Only a handler has something to undo.")

    def lasts(self, until: datetime) -> None:
        """Of no account: nothing is kept of a look."""

    def once(self, key: str, work: Callable[[], Any]) -> Any:
        """Refused."""
        raise UsageError("Only a handler may have effects.")

    def summarise(self, *_: Any, **__: Any) -> Summary:
        """Refused."""
        raise UsageError("Only a handler may have something summed up.")

    def provider(self, name: str, *, own: bool) -> AbstractContextManager[None]:
        """Past the provider's breaker and limit."""
        return self._contexts.providers.asked(Provider(self._skill, name, own), self._owner)


class RunPorts:
    """What one run may do, each time only if it still holds its event, and its account."""

    def __init__(
        self,
        ledger: Ledger,
        contexts: Contexts,
        row: Row,
        emit: Emit,
        share: Granted | None = None,
    ) -> None:
        self._ledger = ledger
        self._contexts = contexts
        self._row = row
        self._emit = emit
        self.of: str = share.owner if share else row["owner"]
        """Whose account it works with."""
        self.until: datetime | None = None
        """Until when the reply holds, where the handler said so."""
        self.asking: list[Provider] = []
        """The providers that the handler is asking now."""

    def check(self, connection: Connection, *, writes: bool = False) -> None:
        """Raise ``RunOver`` unless this run holds its event, until this transaction ends.

        Raises ``ShareEnded`` where its account is another's and shared no more, and
        ``ShareReadOnly`` where it ``writes`` and that one is there to look at.
        """
        if (
            connection.execute(
                _HELD, {"event": self._row["id"], "token": self._row["lease_token"]}
            ).first()
            is None
        ):
            raise RunOver
        share = self._contexts.share(self._row, hold=True)
        if writes and share is not None and share.access != "write":
            raise ShareReadOnly

    def may_write(self, connection: Connection) -> None:
        """``check`` for what changes something."""
        self.check(connection, writes=True)

    def resolve(self, kind: str, text: str) -> list[Any]:
        """Candidates from the installed skills."""
        return self._contexts.resolve(self._row["owner"], kind, text)

    def emit(
        self, intent: str, slots: Mapping[str, Any], *, run_at: datetime | None, key: str
    ) -> str:
        """Accept a child event and return its id; the same key gives the same event."""
        with self._ledger.store.write() as connection:
            self.check(connection)
            return self._emit(self._row, intent, slots, run_at=run_at, key=key).id

    def cancel(self, event_id: str) -> bool:
        """Cancel an event of this skill that has not started; whether it was cancelled."""
        with self._ledger.store.write() as connection:
            self.may_write(connection)
            # Its own are of the account, others of who asked (``Intake.accept_child``).
            rows = [
                self._ledger.move(
                    State.CANCELLED,
                    one(owner, event_id),
                    events.c.skill == self._row["skill"],
                    events.c.state.in_([state.value for state in _NOT_STARTED]),
                    detail=f"by event {self._row['id']}",
                )
                for owner in {self.of, self._row["owner"]}
            ]
        return any(rows)

    def schedule(self, plan: SchedulePlan) -> Schedule:
        """Make a schedule; a ``send`` in it asks for a yes each time."""
        with self._ledger.store.write() as connection:
            self.may_write(connection)
            return self._contexts.schedules.add(
                self.of,
                plan,
                skill=self._row["skill"],
                confirmed=bool(self._row["confirmed"]),
            )

    def unschedule(self, key: str) -> bool:
        """Remove a schedule of this skill, by its key or id."""
        with self._ledger.store.write() as connection:
            self.may_write(connection)
            return self._contexts.schedules.remove_of(self.of, self._row["skill"], key)

    def pause_schedule(self, key: str, *, on: bool) -> Schedule:
        """Pause a schedule of this skill, by its key or id, or go on with it."""
        owner, skill = self.of, self._row["skill"]
        with self._ledger.store.write() as connection:
            self.may_write(connection)
            found = self._contexts.schedules.find(owner, skill, key)
            change = self._contexts.schedules.pause if on else self._contexts.schedules.resume
            return change(owner, found.id)

    def schedules(self) -> list[Schedule]:
        """The schedules of this skill."""
        return self._contexts.schedules.all(self.of, skill=self._row["skill"])

    def undo(self, intent: str, slots: Mapping[str, Any]) -> None:
        """Keep with the event how to take it back."""
        if intent.partition(".")[0] != self._row["skill"]:
            raise UsageError("A skill undoes what it did with an intent of its own.")
        record = json.loads(json.dumps({"intent": intent, "slots": jsonable(slots)}))
        if not self._ledger.mark(self._row, undo=record):
            raise RunOver

    def lasts(self, until: datetime) -> None:
        """Record until when the reply holds; the earliest counts."""
        self.until = until if self.until is None else min(self.until, until)

    def summarise(
        self, passages: Sequence[Passage], *, words: int, language: str, settings: BaseModel
    ) -> Summary:
        """The language model's summary, or why there is none."""
        return self._contexts.summary(
            self._row["owner"],
            self._row["skill"],
            passages,
            words=words,
            language=language,
            settings=settings,
        )

    @contextmanager
    def provider(self, name: str, *, own: bool) -> Iterator[None]:
        """Past the provider's breaker and limit."""
        provider = Provider(self._row["skill"], name, own)
        with self._contexts.providers.asked(provider, self.of):
            self.asking.append(provider)
            try:
                yield
            finally:
                self.asking.remove(provider)

    def once(self, key: str, work: Callable[[], Any]) -> Any:
        """Run ``work`` and record its result in one transaction, once per event and key."""
        name = key if len(key) <= 200 else hashlib.sha256(key.encode()).hexdigest()
        done = select(effects.c.result).where(
            mine(effects, self._row["owner"]),
            effects.c.event_id == self._row["id"],
            effects.c.key == name,
        )
        with self._ledger.store.write() as connection:
            self.may_write(connection)
            if (known := connection.execute(done).first()) is not None:
                return known.result
            result = json.loads(json.dumps(jsonable(work())))
            entry = {
                "event_id": self._row["id"],
                "key": name,
                "owner": self._row["owner"],
                "result": result,
                "created_at": self._ledger.clock(),
            }
            connection.execute(insert(effects).values(entry))
        return result
