"""Test a skill as the event engine runs it, without the engine and without pytest.

    def test_forecast(tmp_path):
        skill = Weather()
        ctx = context(skill, tmp_path)
        reply = run(skill, "forecast", ctx, place="Paris")
        assert "Paris" in reply.speech

The database is a real SQLite file with the skill's tables. Each ``run`` is a new event of
one conversation, and what a reply remembers is in ``ctx.memory`` of the next. ``retry``
runs the last event again. ``asked`` is for a handler that should ask the user back,
``proposed`` for what a yes is to.
``recorded(ctx)`` shows what the skill emitted.
"""

from __future__ import annotations

import json
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from wlm.errors import NotFound, ProviderPaused, UsageError
from wlm.plugins.context import AskUser, Context
from wlm.plugins.scheduling import SchedulePlan
from wlm.plugins.skill import IntentSpec, Proposal, Skill
from wlm.plugins.slots import Person, Place, SlotSpec
from wlm.plugins.summaries import Passage, Summary, allowed
from wlm.store.engine import Store
from wlm.store.owned import OwnedTables
from wlm.types import Question, Reply, Schedule, jsonable, new_id

NOW = datetime(2026, 11, 22, 9, 0)  # noqa: DTZ001 - read in the zone that the test gives
"""The wall clock of a test that gives no ``now``: a Sunday morning."""


class Emitted(NamedTuple):
    """A child event that a skill emitted; ``slots`` in JSON form."""

    id: str
    intent: str
    slots: dict[str, Any]
    run_at: datetime | None
    key: str


class RecordingPorts:
    """What the event engine lends a context, recorded instead of run.

    ``emitted``, ``cancelled``, ``undos`` and ``planned`` (by key) hold what the skill asked
    for, ``until`` how long it said that its reply holds, ``asked`` which providers it asked.
    Providers whose names are put into ``paused`` must not be asked. ``candidates`` maps what is
    said to the people or places that stand for it; for other names the skill is asked.
    ``summary`` is what a language model says of what it is given (``summed``): a text, or a
    function of the passages; empty: no model is set.
    """

    def __init__(
        self,
        store: Store,
        candidates: Mapping[str, Sequence[Any]],
        own: Callable[..., list[Any]],
        skill: Skill,
    ) -> None:
        self.store = store
        self.emitted: list[Emitted] = []
        self.cancelled: list[str] = []
        self.planned: dict[str, tuple[SchedulePlan, Schedule]] = {}
        self.undos: list[tuple[str, dict[str, Any]]] = []
        self.until: datetime | None = None
        self.asked: list[str] = []
        self.paused: set[str] = set()
        self.event_id = new_id()
        self.attempt = 1
        self.summed: list[list[Passage]] = []
        self.summary: str | Callable[[Sequence[Passage]], Summary] = ""
        self._skill = skill
        self._candidates = {said.casefold(): list(values) for said, values in candidates.items()}
        self._own = own
        self._done: dict[tuple[str, str], str] = {}

    def emit(
        self, intent: str, slots: Mapping[str, Any], *, run_at: datetime | None, key: str
    ) -> str:
        """Record a child event; the same key within one event gives the same child."""
        if run_at is not None and run_at.tzinfo is None:
            raise TypeError("run_at needs a zone")
        if (known := self._done.get((self.event_id, f"emit {key}"))) is not None:
            return known
        child = Emitted(new_id(), intent, json.loads(json.dumps(dict(slots))), run_at, key)
        self.emitted.append(child)
        self._done[self.event_id, f"emit {key}"] = child.id
        return child.id

    def cancel(self, event_id: str) -> bool:
        """Cancel a child that was emitted here and is not cancelled yet."""
        if event_id in self.cancelled or event_id not in {child.id for child in self.emitted}:
            return False
        self.cancelled.append(event_id)
        return True

    def schedule(self, plan: SchedulePlan) -> Schedule:
        """Record a schedule; the same key replaces."""
        zone = plan.zone
        made = Schedule(
            new_id(),
            "local",
            plan.title,
            "active",
            plan.repeat.rrule,
            plan.start.astimezone(zone),
            zone.key,
            [step.on(plan.start, 0, zone) for step in plan.steps],
        )
        self.planned[plan.key or made.id] = (plan, made)
        return made

    def unschedule(self, key: str) -> bool:
        """Take a schedule off the record, by key or id."""
        keys = [k for k, (_, made) in self.planned.items() if key in (k, made.id)]
        for k in keys:
            del self.planned[k]
        return bool(keys)

    def pause_schedule(self, key: str, *, on: bool) -> Schedule:
        """Pause a schedule on record, or go on with it."""
        for name, (plan, made) in self.planned.items():
            if key in (name, made.id):
                made = replace(made, state="paused" if on else "active")
                self.planned[name] = (plan, made)
                return made
        raise NotFound("There is no such schedule.")

    def schedules(self) -> list[Schedule]:
        """The schedules on record."""
        return [made for _, made in self.planned.values()]

    def undo(self, intent: str, slots: Mapping[str, Any]) -> None:
        """Record how the last event is taken back."""
        self.undos.append((intent, json.loads(json.dumps(jsonable(slots)))))

    def lasts(self, until: datetime) -> None:
        """Record until when the reply holds; the earliest counts."""
        self.until = until if self.until is None else min(self.until, until)

    def resolve(self, kind: str, text: str) -> list[Any]:
        """The candidates that the test gave for ``text``, else those of the skill itself."""
        known = self._candidates.get(text.casefold())
        if known is None:
            return self._own(kind, text)
        cls = Person if kind == "person" else Place
        return [value for value in known if isinstance(value, cls)]

    def once(self, key: str, work: Callable[[], Any]) -> Any:
        """Run ``work`` in one transaction and keep its JSON result for this event and key."""
        known = self._done.get((self.event_id, key))
        if known is None:
            with self.store.write():
                known = json.dumps(work())
            self._done[self.event_id, key] = known
        return json.loads(known)

    def summarise(
        self, passages: Sequence[Passage], *, words: int, language: str, settings: BaseModel
    ) -> Summary:
        """What ``summary`` says, if the skill declares it and the settings allow it."""
        if not allowed(self._skill, settings):
            return Summary(why="not_allowed")
        if not self.summary:
            return Summary(why="unset")
        self.summed.append(list(passages))
        if isinstance(self.summary, str):
            return Summary(self.summary, model="a test's")
        return self.summary(passages)

    @contextmanager
    def provider(self, name: str, *, own: bool) -> Iterator[None]:
        """Record that a provider is asked; one that is ``paused`` raises ``ProviderPaused``."""
        if name in self.paused:
            raise ProviderPaused(f"{name} is left alone; it was not asked.", retry_after=10.0)
        self.asked.append(name)
        yield


def context(
    skill: Skill,
    tmp_path: Path,
    *,
    now: datetime | None = None,
    timezone: str = "Europe/Berlin",
    user: str = "local",
    settings: BaseModel | Mapping[str, Any] | None = None,
    memory: Mapping[str, Any] | None = None,
    candidates: Mapping[str, Sequence[Any]] | None = None,
    language: str = "en",
    offline: bool = True,
    database_url: str = "",
) -> Context:
    """A context for ``skill`` with a real database in ``tmp_path``.

    Contexts of the same folder share the database, so a second ``user`` can be tried.
    ``now`` without a zone is read in ``timezone``. ``settings`` may be the raw values.
    ``candidates`` maps a name as said to what it stands for (``Person`` or ``Place``).
    ``database_url`` takes the place of the SQLite file.
    """
    zone = ZoneInfo(timezone)
    store = Store(database_url or f"sqlite:///{tmp_path / 'wlm.db'}")
    if skill.tables is not None:
        with store.write() as connection:
            skill.tables.create_all(connection)
    if not isinstance(settings, BaseModel):
        settings = skill.Settings.model_validate(dict(settings or {}))
    moment = now or NOW

    def own(kind: str, text: str) -> list[Any]:
        return skill.resolve(ctx, kind, text)

    ports = RecordingPorts(store, candidates or {}, own, skill)
    ctx = Context(
        user=user,
        now=moment.astimezone(zone) if moment.tzinfo else moment.replace(tzinfo=zone),
        timezone=zone,
        language=language,
        settings=settings,
        db=OwnedTables(store, user),
        ports=ports,
        data_dir=tmp_path,
        event_id=ports.event_id,
        offline=offline,
        memory=dict(memory or {}),
        skill=skill.name,
    )
    weakref.finalize(ports, store.close)
    return ctx


def recorded(ctx: Context) -> RecordingPorts:
    """The ports of a test context, with what the skill emitted and cancelled."""
    if not isinstance(ctx.ports, RecordingPorts):
        raise TypeError("not a context of wlm.plugins.testing")
    return ctx.ports


def run(skill: Skill, intent: str, ctx: Context, **slots: Any) -> Reply:
    """Run one intent as a new event and return its reply.

    ``intent`` may be ``"forecast"`` or ``"weather.forecast"``. Slots may be given as the
    handler takes them or in JSON form. As in the engine, people and places are resolved
    first, and a slot that is missing or ambiguous raises ``AskUser``. Confirmation is
    taken as given. Raises ``TypeError`` if the handler returns no proper reply.
    """
    ports = recorded(ctx)
    ports.event_id, ports.attempt = new_id(), 1
    return _run(skill, intent, ctx, slots)


def retry(skill: Skill, intent: str, ctx: Context, **slots: Any) -> Reply:
    """Run the event of the last ``run`` again, as after a crash or a retryable error."""
    recorded(ctx).attempt += 1
    return _run(skill, intent, ctx, slots)


def asked(skill: Skill, intent: str, ctx: Context, **slots: Any) -> Question:
    """The question that the intent asks back. Raises ``AssertionError`` if it asks nothing."""
    try:
        reply = run(skill, intent, ctx, **slots)
    except AskUser as stop:
        return stop.question
    raise AssertionError(f"expected a question, got the reply {reply.speech!r}")


def proposed(skill: Skill, intent: str, ctx: Context, **slots: Any) -> Proposal:
    """What the user is asked to say yes to. Raises ``AssertionError`` if the skill says nothing."""
    spec, this, values = _event(skill, intent, ctx, slots)
    told = skill.proposal(this, spec.method, values)
    if told is None:
        raise AssertionError(f"{spec.name} leaves the question to its `confirm`")
    return told


def _event(
    skill: Skill, intent: str, ctx: Context, slots: Mapping[str, Any]
) -> tuple[IntentSpec, Context, dict[str, Any]]:
    ports = recorded(ctx)
    spec = _spec(skill, intent)
    this = replace(ctx, event_id=ports.event_id, attempt=ports.attempt)
    given = _values(spec, this, slots)
    left = {slot.name: slot.default for slot in spec.slots if not slot.required}
    return spec, this, {**left, **given}


def _run(skill: Skill, intent: str, ctx: Context, slots: Mapping[str, Any]) -> Reply:
    spec, this, values = _event(skill, intent, ctx, slots)
    reply = getattr(skill, spec.method)(this, **values)
    if not isinstance(reply, Reply):
        raise TypeError(f"{spec.name} returned {type(reply).__name__}, not a Reply")
    json.dumps(reply.data)  # data is for programs: plain JSON, as it will be stored
    remembered = reply.data.get("remember")
    if remembered and isinstance(ctx.memory, dict):
        ctx.memory.update(remembered)
    return reply


def _spec(skill: Skill, intent: str) -> IntentSpec:
    specs = skill.intents()
    name = intent if "." in intent else f"{skill.name}.{intent}"
    if name not in specs:
        raise UsageError(f"The skill has no intent {name!r}.", hint=f"It has {', '.join(specs)}.")
    return specs[name]


def _values(spec: IntentSpec, ctx: Context, slots: Mapping[str, Any]) -> dict[str, Any]:
    if unknown := set(slots) - {slot.name for slot in spec.slots}:
        raise UsageError(f"{spec.name} has no slot {min(unknown)!r}.")
    values: dict[str, Any] = {}
    for slot in spec.slots:
        value = slot.decode(jsonable(slots.get(slot.name)))
        if value is None:
            if slot.required:
                ctx.ask(slot.name, slot.question)
            continue
        if slot.kind in ("person", "place") and slot.extra.resolve:
            many = value if slot.many else [value]
            found = [_resolved(slot, item, ctx) for item in many]
            value = found if slot.many else found[0]
        values[slot.name] = value
    return values


def _resolved(slot: SlotSpec, value: Person | Place, ctx: Context) -> Any:
    known = value.id if isinstance(value, Person) else value.latitude
    if known is not None:
        return value
    found = ctx.resolve(slot.kind, value.name)
    if len(found) > 1:
        ctx.ask(slot.name, slot.question, [(each.name, slot.encode(each)) for each in found])
    return found[0] if found else value
