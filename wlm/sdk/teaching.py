"""Learn from a mistake (`wlm wrong`), and look back with another router (`wlm replay`)."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from wlm.errors import UsageError

if TYPE_CHECKING:
    from wlm.pipeline.route.interface import Decision, Router
    from wlm.sdk.assistant import Assistant
    from wlm.store.turns import StoredTurn

NONE = "none"
_PAGE = 500
_NOT_ROUTED = {"user", "schedules", "talk"}
"""Decisions that no router made: a yes to "Did you mean …?", a schedule, a follow-up."""


class Teaching(NamedTuple):
    """What was learnt: that ``text`` means ``intent``, where it went before, and ``kept``.

    ``kept``: how many of the user's corrections hold now; ``broken`` are those that do not.
    """

    text: str
    before: list[str]
    intent: str
    kept: int
    broken: list[str]


class Moved(NamedTuple):
    """A turn that would go elsewhere now; no intent: it would not be acted on."""

    turn: str
    text: str
    then: list[str]
    now: list[str]


class Drift(NamedTuple):
    """How many turns were looked at, and those that moved."""

    turns: int
    moved: list[Moved]


def teach(assistant: Assistant, turn: StoredTurn, should: str) -> Teaching:
    """Remember what ``turn`` was meant to be, and try all corrections again."""
    from wlm.pipeline.route.features import phrase_key
    from wlm.store.corrections import Corrections

    known = [name for name, spec in assistant.registry.intents.items() if _sayable(spec)]
    if should != NONE and should not in known:
        raise UsageError(
            f"{should!r} is no intent of the installed skills.",
            hint=f"One of {', '.join(known)}, or none.",
        )
    if not turn.text.strip():
        raise UsageError("Nothing was said in that turn.")
    corrections = Corrections(assistant.store)
    language = assistant.settings.config.language
    before = _intents(turn.decision)
    key = phrase_key(turn.text, language)
    corrections.add(assistant.owner, key, turn.text, should, turn.id)
    _cancel_waiting(assistant, turn)
    mine = corrections.all(assistant.owner)
    broken = []
    for each in mine:
        found = [route.intent for route in assistant.pipeline.understand(each.text).routes]
        if found != ([] if each.intent == NONE else [each.intent]):
            broken.append(each.text)
    return Teaching(turn.text, before, should, len(mine) - len(broken), broken)


def _cancel_waiting(assistant: Assistant, turn: StoredTurn) -> None:
    """What was not meant shall not wait for an answer."""
    from wlm.types import WAITING_STATES

    for action in turn.turn.actions:
        if assistant.event(action.event.id).state in WAITING_STATES:
            assistant.cancel(action.event.id)


def replay(assistant: Assistant, since: datetime, name: str | None) -> Drift:
    """Decide every routed turn since then again; nothing runs and nothing is stored."""
    from wlm.pipeline.route.features import phrase_key
    from wlm.pipeline.route.interface import Utterance
    from wlm.store.corrections import Corrections

    router = _router(assistant, name)
    language = assistant.settings.config.language
    taught = {
        phrase_key(each.text, language): [] if each.intent == NONE else [each.intent]
        for each in Corrections(assistant.store).all(assistant.owner)
    }
    moved: list[Moved] = []
    seen = 0
    before: str | None = None
    while page := assistant.turns.list(assistant.owner, since=since, before=before, limit=_PAGE):
        before = page[-1].id
        for turn in page:
            if not turn.text or turn.decision.get("router") in _NOT_ROUTED:
                continue
            seen += 1
            then, now = _intents(turn.decision), taught.get(phrase_key(turn.text, language))
            if now is None:
                now = _decided(router.decide(Utterance(turn.text, turn.created_at, language)))
            if then != now:
                moved.append(Moved(turn.id, turn.text, then, now))
    return Drift(seen, moved)


def _router(assistant: Assistant, name: str | None) -> Router:
    """The router of that name, made as the settings would have it."""
    from wlm.config import load
    from wlm.pipeline.understand import Understander

    settings = assistant.settings
    if name is not None and name != settings.config.router:
        settings = load({**assistant.flags, "router": name})
    made = Understander(assistant.registry, settings, assistant.store, assistant.clock)
    return made.router


def _intents(decision: dict[str, object]) -> list[str]:
    choices = decision.get("choices")
    return [choice["intent"] for choice in choices] if isinstance(choices, list) else []


def _decided(decision: Decision) -> list[str]:
    return [choice.intent for choice in decision.choices]


def _sayable(spec: object) -> bool:
    return any(phrases.examples for phrases in getattr(spec, "phrases", {}).values())
