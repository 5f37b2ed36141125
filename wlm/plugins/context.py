"""What a skill may do, beyond its own code: everything goes through ``Context``."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, TypeVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from wlm.types import Question

if TYPE_CHECKING:
    from wlm.plugins.addresses import Guard
    from wlm.plugins.grants import Grants
    from wlm.plugins.http import Http
    from wlm.plugins.scheduling import SchedulePlan
    from wlm.plugins.summaries import Passage, Summary
    from wlm.store.owned import OwnedTables
    from wlm.store.secrets import Secrets
    from wlm.types import Schedule


Settings = TypeVar("Settings", bound=BaseModel)


class AskUser(Exception):
    """Raised by ``Context.ask``: the event waits for the user's answer. Not an error."""

    def __init__(self, question: Question) -> None:
        super().__init__(question.kind)
        self.question = question


class InDoubt(Exception):
    """Raised by ``Context.in_doubt``: whether the effect was had is not known. Not an error."""

    def __init__(self, reason: str) -> None:
        super().__init__("in doubt")
        self.reason = reason


class Ports(Protocol):
    """What the event engine lends a context; skills use the context's methods instead."""

    def emit(
        self, intent: str, slots: Mapping[str, Any], *, run_at: datetime | None, key: str
    ) -> str:
        """Accept a child event and return its id; the same key gives the same event."""
        ...

    def cancel(self, event_id: str) -> bool:
        """Cancel a child event that has not started; whether it was cancelled."""
        ...

    def schedule(self, plan: SchedulePlan) -> Schedule:
        """Make a schedule; one with the same key is replaced."""
        ...

    def unschedule(self, key: str) -> bool:
        """Remove a schedule of this skill; whether there was one."""
        ...

    def pause_schedule(self, key: str, *, on: bool) -> Schedule:
        """Pause a schedule of this skill, or go on with it."""
        ...

    def schedules(self) -> list[Schedule]:
        """The schedules of this skill, the next to come first."""
        ...

    def undo(self, intent: str, slots: Mapping[str, Any]) -> None:
        """Record the intent and slots that take back what this event does."""
        ...

    def lasts(self, until: datetime) -> None:
        """Record until when the reply of this run holds."""
        ...

    def resolve(self, kind: str, text: str) -> list[Any]:
        """Candidates for a person or place from the installed skills, best first."""
        ...

    def once(self, key: str, work: Callable[[], Any]) -> Any:
        """Run ``work`` and record its JSON result in one transaction, once per event and key."""
        ...

    def summarise(
        self, passages: Sequence[Passage], *, words: int, language: str, settings: BaseModel
    ) -> Summary:
        """The language model's summary, or why there is none."""
        ...

    def provider(self, name: str, *, own: bool) -> AbstractContextManager[None]:
        """Ask a provider inside, past its breaker and its limit."""
        ...


@dataclasses.dataclass(frozen=True)
class SharedAccount:
    """Another user's account, with which a skill works for the one who asks.

    ``of`` is what its owner is called. ``write``: whether it may be changed; else it is there to
    look at, and what would write through the context raises ``ShareReadOnly``.
    """

    id: str
    of: str
    write: bool


@dataclasses.dataclass(frozen=True)
class Context:
    """One run of one handler, for one user.

    ``user`` is whose data it works with, which is who asks, or, where ``account`` is there, the one
    who shares that with them: settings, secrets and rows are that user's then.
    ``now`` is aware and in the user's ``timezone``; use it, not the clock. ``settings`` is
    the skill's ``Settings``. ``memory`` is what the last turns of this conversation left
    (JSON; put there by ``Reply.data["remember"]``). ``event_id`` is the same on a retry.
    """

    user: str
    now: datetime
    timezone: ZoneInfo
    language: str
    settings: BaseModel
    db: OwnedTables
    ports: Ports
    data_dir: Path
    event_id: str = ""
    attempt: int = 1
    offline: bool = False
    memory: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    skill: str = ""
    account: SharedAccount | None = None
    """The account of another user that this works with; ``None``: of the one who asks."""
    guard: Guard | None = None
    """What settings of the user's own may lead to, at a gateway; skills use ``http`` and
    ``check_address``."""

    @property
    def may_write(self) -> bool:
        """Whether the account may be changed. A look that keeps something by the way, such as what
        it fetched, asks this first."""
        return self.account is None or self.account.write

    def settings_as(self, model: type[Settings]) -> Settings:
        """``settings`` as what they are, for code that is checked for types.

        Raises ``TypeError`` if they are not of ``model``: then it is another skill's context.
        """
        if not isinstance(self.settings, model):
            raise TypeError("the context holds another skill's settings")
        return self.settings

    @cached_property
    def http(self) -> Http:
        """HTTP with timeouts, limits and errors mapped to ``wlm.errors``."""
        from wlm.plugins.http import Http

        return Http(offline=self.offline, guard=self.guard)

    def provider(self, name: str, *, own: bool = False) -> AbstractContextManager[None]:
        """Ask one of the skill's providers inside: ``with ctx.provider("open-meteo"): …``.

        ``name`` tells the skill's providers apart; it is said in errors, so it holds nothing
        personal. ``own``: the user's own server or account, whose failures are nobody else's.
        Whose ``ProviderAway`` leaves the block again and again is left alone for a while, and the
        skill's other providers are not; and so many calls as the setting ``provider_limit`` says
        are inside at once (not counted for ``own``, which ``user_limit`` bounds). Raises
        ``ProviderPaused``, a ``ProviderAway``, at once where it must not be asked now. Not inside
        ``once`` or a transaction.
        """
        return self.ports.provider(name, own=own)

    def check_address(self, host: str, port: int) -> None:
        """Refuse an address that the user's settings may not lead to (at a gateway: what is not
        public). For a library that opens connections itself: call it before that with what is
        set, and once connected, before anything is said, with the peer's address, since a name
        may have come to mean another. Raises ``ProviderError``, or ``ProviderAway`` for a name
        without an address.
        """
        if self.guard is not None:
            self.guard.addresses(host, port)

    @cached_property
    def secrets(self) -> Secrets:
        """This user's secrets for this skill, in the keyring or a 0600 file."""
        from wlm.store.secrets import Secrets

        return Secrets(self.data_dir, owner=self.user, skill=self.skill)

    @cached_property
    def grants(self) -> Grants:
        """Accounts elsewhere that this user let WLM in to (`wlm connect`)."""
        from wlm.plugins.grants import Grants
        from wlm.plugins.http import Http

        # Unguarded: whom tokens are asked of is the host's setting, not the user's.
        return Grants(self.data_dir, self.user, Http(offline=self.offline))

    def ask(self, slot: str, question: str, candidates: Sequence[tuple[str, Any]] = ()) -> NoReturn:
        """Stop here and ask the user for ``slot``; the handler runs again with the answer.

        ``candidates`` are (label, JSON value) pairs to choose from. Nothing may have been
        written before this call.
        """
        raise AskUser(
            Question(
                "input",
                question,
                slot,
                [{"label": label, "value": value} for label, value in candidates],
            )
        )

    def in_doubt(self, reason: str) -> NoReturn:
        """Stop a ``send`` that was begun, where nobody can tell whether it was done.

        ``Skill.outcome`` is asked. Where that cannot tell, the event waits: the user is told
        ``reason`` (a sentence) and asked whether to send again.
        """
        raise InDoubt(reason)

    def resolve(self, kind: str, text: str) -> list[Any]:
        """Candidates for a ``person`` or ``place`` from the installed skills, best first."""
        return self.ports.resolve(kind, text)

    def lasts(self, until: datetime) -> None:
        """Say until when (aware) the reply holds, where that is less than the intent's
        ``cache_seconds``; the earliest counts. A moment that is past: it is not given again.
        """
        self.ports.lasts(until)

    def once(self, key: str, work: Callable[[], Any]) -> Any:
        """Do ``work`` exactly once for this event, whatever is killed or retried.

        ``work`` writes through ``ctx.db`` and returns a JSON value; both are committed
        together. On a repeat the recorded value is returned and nothing runs.
        """
        return self.ports.once(key, work)

    def summarise(self, passages: Sequence[Passage], *, words: int = 60) -> Summary:
        """What the passages come to, in the words of the language model, if one is set.

        For a skill that declares ``to_model``, where the user allows it: else, and where the model
        is away, too late or over its budget, the summary is empty and says ``why``, and the skill
        gives an extract of its own. Nothing is raised for that. It may take
        `llm_summary_seconds`; the same passages are asked about once a day. What comes back is
        text to show: let nothing be decided by it. Not inside ``once`` or a transaction.
        """
        return self.ports.summarise(
            passages, words=words, language=self.language, settings=self.settings
        )

    def emit(
        self,
        intent: str,
        slots: Mapping[str, Any],
        *,
        run_at: datetime | None = None,
        key: str = "",
    ) -> str:
        """Accept another event (a child of this one) and return its id.

        ``slots`` are in JSON form. ``run_at`` is aware; default: now. The same ``key``
        within one event gives the same child, so that a retry emits nothing twice.
        """
        return self.ports.emit(intent, slots, run_at=run_at, key=key or f"{intent}:{run_at}")

    def cancel(self, event_id: str) -> bool:
        """Cancel an event emitted before that has not started; whether it was cancelled."""
        return self.ports.cancel(event_id)

    def schedule(self, plan: SchedulePlan) -> Schedule:
        """Have something done again and again; a plan with the same key replaces the last.

        The schedule fires at the wall time of its zone, once for each occurrence, whatever is
        restarted. Raises ``BadRequest`` for a rule that is none.
        """
        return self.ports.schedule(plan)

    def unschedule(self, key: str) -> bool:
        """Remove a schedule that this skill made, by its key or id; whether there was one."""
        return self.ports.unschedule(key)

    def pause_schedule(self, key: str, *, on: bool = True) -> Schedule:
        """Let a schedule of this skill rest, by its key or id; not ``on``: go on with it.

        Raises ``NotFound``.
        """
        return self.ports.pause_schedule(key, on=on)

    def schedules(self) -> list[Schedule]:
        """The schedules that this skill made for the user, the next to come first."""
        return self.ports.schedules()

    def undo(self, intent: str, slots: Mapping[str, Any]) -> None:
        """Say how to take back what this handler does: ``intent`` with ``slots`` (JSON form).

        Call it beside the write, inside ``once``, so that both are kept or neither. For
        `wlm undo` and "undo that" the intent, one of this skill's, runs once within the
        user's time for it; it must refuse (``BadRequest``) if what it would take back was
        changed since. A handler that does not call this cannot be undone, and WLM says so.
        """
        self.ports.undo(intent, slots)
