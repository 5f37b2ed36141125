"""What a handler is given: a ``Context`` whose doors are open for as long as its run holds."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import Connection, bindparam, insert, select

from wlm.errors import UsageError
from wlm.events.breaker import Provider
from wlm.events.ledger import Ledger
from wlm.events.providers import Providers
from wlm.events.rows import Row, one
from wlm.plugins import Context, Person, Place
from wlm.store.owned import OwnedTables
from wlm.store.scope import LOCAL_OWNER, mine
from wlm.store.tables import effects, events
from wlm.types import Event, Schedule, State, jsonable

if TYPE_CHECKING:
    from pydantic import BaseModel

    from wlm.config import Settings
    from wlm.events.schedules import Schedules
    from wlm.plugins import SchedulePlan
    from wlm.plugins.addresses import Guard
    from wlm.plugins.llm.summarise import Summariser
    from wlm.plugins.manager import Registry
    from wlm.plugins.own_settings import OwnSettings
    from wlm.plugins.summaries import Passage, Summary

log = logging.getLogger(__name__)
_REMEMBERED = 5
# Made once, and no more than is needed: both runs of an utterance ask.
_REPLIES = (
    select(events.c.reply)
    .where(
        mine(events, bindparam("whose")),
        events.c.conversation == bindparam("said_in"),
        events.c.reply.is_not(None),
    )
    .order_by(events.c.created_at.desc(), events.c.id.desc())
    .limit(_REMEMBERED)
)
_MODEL = Provider("llm", "language model")
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


class Contexts:
    """Makes contexts, for a run of an event or for a look without one."""

    def __init__(
        self, ledger: Ledger, registry: Registry, settings: Settings, schedules: Schedules
    ) -> None:
        self._ledger = ledger
        self.schedules = schedules
        self._registry = registry
        self._settings = settings
        limits = settings.config
        self.providers = Providers(
            ledger.store, ledger.clock, limits.provider_limit, limits.user_limit
        )

    def for_run(self, row: Row, emit: Emit) -> Context:
        """The context of one run of one event. Raises ``SkillMissing`` or ``BadSetting``."""
        ports = RunPorts(self._ledger, self, row, emit)
        memory = {
            **self.memory(row["owner"], row["conversation"]),
            **(row["refers"] or {}),
        }
        return self._make(
            row["owner"],
            row["skill"],
            ports,
            guard=ports.check,
            event_id=row["id"],
            attempt=row["attempts"],
            memory=memory,
        )

    def for_look(self, owner: str, skill: str, *, nested: bool = False) -> Context:
        """A context outside of any event: for vocabulary and for looking names up."""
        return self._make(owner, skill, LookPorts(self, owner, skill, nested=nested))

    def resolve(self, owner: str, kind: str, text: str) -> list[Any]:
        """Candidates of all skills, each once. A skill that raises is left out."""
        cls = Person if kind == "person" else Place
        found: list[Any] = []
        for name, loaded in self._registry.skills.items():
            try:
                given = loaded.skill.resolve(self.for_look(owner, name, nested=True), kind, text)
                found += [item for item in given if isinstance(item, cls) and item not in found]
            except Exception as error:  # noqa: BLE001 - a plugin may raise anything
                log.warning("skill %s failed at resolve (%s)", name, type(error).__name__)
        return found

    def memory(self, owner: str, conversation: str | None) -> dict[str, Any]:
        """What the last replies of a conversation said to remember; the newest wins."""
        if conversation is None:
            return {}
        with self._ledger.store.read() as connection:
            which = {"whose": owner, "said_in": conversation}
            replies = connection.execute(_REPLIES, which).scalars().all()
        remembered: dict[str, Any] = {}
        for reply in reversed(replies):
            told = reply.get("data", {}).get("remember")
            remembered.update(told if isinstance(told, dict) else {})
        return remembered

    def summary(
        self,
        owner: str,
        skill: str,
        passages: Sequence[Passage],
        *,
        words: int,
        language: str,
        settings: BaseModel,
    ) -> Summary:
        """What the language model makes of a skill's texts. Raises ``UsageError`` where the skill
        did not declare that it gives any."""
        from wlm.plugins import summaries

        if not summaries.allowed(self._registry.skill(skill).skill, settings):
            return summaries.Summary(why="not_allowed")
        return self._summariser.ask(
            owner,
            passages,
            words=words,
            language=language,
            asking=lambda: self.providers.asked(_MODEL, owner),
        )

    @cached_property
    def _summariser(self) -> Summariser:
        from wlm.plugins.llm.summarise import Summariser

        return Summariser(self._settings.config, self._ledger.store, self._ledger.clock)

    def _make(
        self,
        owner: str,
        skill: str,
        ports: RunPorts | LookPorts,
        *,
        guard: Callable[[Connection], None] | None = None,
        **more: Any,
    ) -> Context:
        settings = self._settings
        raw, reach = self._raw(owner, skill)
        return Context(
            user=owner,
            now=self._ledger.clock().astimezone(settings.zone),
            timezone=settings.zone,
            language=settings.config.language,
            settings=self._registry.settings(skill, raw),
            db=OwnedTables(self._ledger.store, owner, guard=guard),
            ports=ports,
            data_dir=settings.paths.data,
            offline=settings.config.offline,
            skill=skill,
            guard=reach,
            **more,
        )

    def _raw(self, owner: str, skill: str) -> tuple[Mapping[str, Any], Guard | None]:
        """The settings that hold for ``owner``: the host's, or the user's own at a gateway."""
        if owner == LOCAL_OWNER:
            return self._settings.skills.get(skill, {}), None
        return self._own.in_force(owner, skill)

    @cached_property
    def _own(self) -> OwnSettings:
        from wlm.plugins.own_settings import OwnSettings

        return OwnSettings(self._ledger.store, self._registry, self._settings)


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
    """What one run may do, each time only if it still holds its event."""

    def __init__(self, ledger: Ledger, contexts: Contexts, row: Row, emit: Emit) -> None:
        self._ledger = ledger
        self._contexts = contexts
        self._row = row
        self._emit = emit
        self.until: datetime | None = None
        """Until when the reply holds, where the handler said so."""
        self.asking: list[Provider] = []
        """The providers that the handler is asking now."""

    def check(self, connection: Connection) -> None:
        """Raise ``RunOver`` unless this run holds its event, until this transaction ends."""
        if (
            connection.execute(
                _HELD, {"event": self._row["id"], "token": self._row["lease_token"]}
            ).first()
            is None
        ):
            raise RunOver

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
            self.check(connection)
            row = self._ledger.move(
                State.CANCELLED,
                one(self._row["owner"], event_id),
                events.c.skill == self._row["skill"],
                events.c.state.in_([state.value for state in _NOT_STARTED]),
                detail=f"by event {self._row['id']}",
            )
        return row is not None

    def schedule(self, plan: SchedulePlan) -> Schedule:
        """Make a schedule; a ``send`` in it asks for a yes each time."""
        with self._ledger.store.write() as connection:
            self.check(connection)
            return self._contexts.schedules.add(
                self._row["owner"],
                plan,
                skill=self._row["skill"],
                confirmed=bool(self._row["confirmed"]),
            )

    def unschedule(self, key: str) -> bool:
        """Remove a schedule of this skill, by its key or id."""
        with self._ledger.store.write() as connection:
            self.check(connection)
            return self._contexts.schedules.remove_of(self._row["owner"], self._row["skill"], key)

    def pause_schedule(self, key: str, *, on: bool) -> Schedule:
        """Pause a schedule of this skill, by its key or id, or go on with it."""
        owner, skill = self._row["owner"], self._row["skill"]
        with self._ledger.store.write() as connection:
            self.check(connection)
            found = self._contexts.schedules.find(owner, skill, key)
            change = self._contexts.schedules.pause if on else self._contexts.schedules.resume
            return change(owner, found.id)

    def schedules(self) -> list[Schedule]:
        """The schedules of this skill."""
        return self._contexts.schedules.all(self._row["owner"], skill=self._row["skill"])

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
        with self._contexts.providers.asked(provider, self._row["owner"]):
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
            self.check(connection)
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
