"""What a second sentence means while something waits: an answer, a yes, a no, or neither."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from wlm.pipeline.route.interface import Decision, Utterance
from wlm.types import Event, State

if TYPE_CHECKING:
    from wlm.events.engine import Engine
    from wlm.pipeline.slots import SlotFiller
    from wlm.plugins.manager import Registry

# Above this the words are taken as a request of their own, not as an answer.
_NEW_REQUEST = 0.8
_ORDINALS = (
    ("first", "one", "1"),
    ("second", "two", "2"),
    ("third", "three", "3"),
    ("fourth", "four", "4"),
    ("fifth", "five", "5"),
)
_DROP = re.compile(
    r"^\W*(never ?mind|forget (it|that|about it)|cancel( that| it)?|stop|leave it|drop it)\W*$",
    re.I,
)


class Dialogue:
    """Continues events that wait for the user."""

    def __init__(self, engine: Engine, registry: Registry, filler: SlotFiller, owner: str) -> None:
        self._engine = engine
        self._registry = registry
        self._filler = filler
        self._owner = owner

    def take(self, waiting: Event, utterance: Utterance, decision: Decision) -> Event | None:
        """The event as it stands after the user's words; ``None`` if they are not about it."""
        if _DROP.match(utterance.text):
            return self._engine.cancel(self._owner, waiting.id)
        if waiting.state is State.WAITING_CONFIRMATION:
            return self._confirmation(waiting, utterance.text)
        return self._answer(waiting, utterance, decision)

    def _confirmation(self, waiting: Event, text: str) -> Event | None:
        match self._filler.yes_no(text):
            case True:
                return self._engine.run(self._engine.confirm(self._owner, waiting.id).id)
            case False:
                return self._engine.cancel(self._owner, waiting.id)
        return None

    def _answer(self, waiting: Event, utterance: Utterance, decision: Decision) -> Event | None:
        question = waiting.question
        if question is None or question.slot is None:
            return None
        value = choose(question.candidates, utterance.text)
        if value is None:
            if _is_new_request(decision, waiting):
                return None
            value = self._value(waiting, question.slot, utterance)
        if value is None:
            if not question.candidates and self._filler.yes_no(utterance.text) is False:
                return self._engine.cancel(self._owner, waiting.id)
            return None
        event = self._engine.answer(self._owner, waiting.id, {question.slot: value})
        return self._engine.run(event.id)

    def _value(self, waiting: Event, slot: str, utterance: Utterance) -> Any | None:
        spec = self._registry.intent(waiting.route.intent).slot(slot)
        return None if spec is None else self._filler.answer(spec, utterance.text, utterance)


def _is_new_request(decision: Decision, waiting: Event) -> bool:
    return any(
        choice.confidence >= _NEW_REQUEST and choice.intent != waiting.route.intent
        for choice in decision.choices
    )


def choose(candidates: Sequence[dict[str, Any]], text: str) -> Any | None:
    """The candidate that ``text`` means: by number, by its label, or by a part only it has."""
    said = re.sub(r"[^\w\s]", " ", text.casefold()).split()
    if not said or not candidates:
        return None
    if "last" in said and len(candidates) > 1:
        return candidates[-1]["value"]
    for words, candidate in zip(_ORDINALS, candidates, strict=False):
        if said[-1] in words or (len(said) > 1 and said[-1] == "one" and said[-2] in words):
            return candidate["value"]
    labels = [set(re.findall(r"\w+", str(c["label"]).casefold())) for c in candidates]
    scores = [len(label & set(said)) for label in labels]
    best = max(scores)
    if best and scores.count(best) == 1:
        return candidates[scores.index(best)]["value"]
    return None
