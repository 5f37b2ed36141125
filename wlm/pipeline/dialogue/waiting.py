"""What a second sentence means while something waits: an answer, a yes, a no, or neither."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from wlm.errors import UsageError
from wlm.pipeline.dialogue import cues
from wlm.pipeline.dialogue.followups import corrected
from wlm.pipeline.patterns import pattern
from wlm.pipeline.route.interface import Decision, Utterance
from wlm.types import Event, State

if TYPE_CHECKING:
    from wlm.events.engine import Engine
    from wlm.pipeline.slots import SlotFiller
    from wlm.plugins import IntentSpec
    from wlm.plugins.manager import Registry

# Above this the words are taken as a request of their own, not as an answer. Anything may be
# a title or a message, so there it takes more.
_NEW_REQUEST = 0.6
_NEW_REQUEST_NOT_TEXT = 0.8
_ORDINALS = (
    ("first", "one", "1"),
    ("second", "two", "2"),
    ("third", "three", "3"),
    ("fourth", "four", "4"),
    ("fifth", "five", "5"),
)
_BODY = pattern(
    r"^(?:(?:no|yes|yeah|wait|actually|sorry|ok(?:ay)?|but|rather|oh)[\s,]+)*"
    r"(?:(?:please\s+)?(?:say|write|tell (?:him|her|them))(?: instead)?(?: that)?|"
    r"(?:it|the (?:message|mail|email|text|body)) should (?:say|read)(?: that)?|"
    r"make it (?:say|read)(?: that)?|the (?:message|text|body) is|"
    r"(?:change|set) the (?:message|text|body|mail|email) to(?: say)?)\s+(?P<body>\S.*)$",
    re.IGNORECASE,
)
_MORE = pattern(
    r"^(?:and|also|plus)(?: also)?(?: to)?\s+(?P<name>.+)$|^(?:add|include)\s+(?P<other>.+)$", re.I
)

_TOO = pattern(
    r"^(?:(?:and|also|plus)\s+)?(?:also\s+)?(?:to\s+)?(?P<name>\S+(?:\s+\S+){0,3}?)\s+"
    r"(?:too|as well)[.!]?$",
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
        if cues.drops(utterance.text):
            return self._engine.cancel(self._owner, waiting.id)
        if cues.asks_again(utterance.text):
            return waiting
        if waiting.state is State.WAITING_CONFIRMATION:
            return self._confirmation(waiting, utterance, decision)
        return self._answer(waiting, utterance, decision)

    def asked_again(self, waiting: Event) -> Event:
        """The same event, with its question put once more, for words that nobody understood."""
        question = waiting.question
        if question is None:
            return waiting
        hint = " Please say yes or no." if question.kind == "confirmation" else ""
        again = dataclasses.replace(question, text=f"I did not get that. {question.text}{hint}")
        return dataclasses.replace(waiting, question=again)

    def _confirmation(
        self, waiting: Event, utterance: Utterance, decision: Decision
    ) -> Event | None:
        if (amended := self._amended(waiting, utterance, decision)) is not None:
            return amended
        match self._filler.yes_no(utterance.text):
            case True:
                return self._engine.run(self._engine.confirm(self._owner, waiting.id).id)
            case False:
                return self._engine.cancel(self._owner, waiting.id)
        return None

    def _amended(self, waiting: Event, utterance: Utterance, decision: Decision) -> Event | None:
        """The event with other arguments, where the words correct some; it asks again."""
        spec = self._registry.intent(waiting.route.intent)
        changes = self._changes(spec, waiting, utterance, decision)
        if not changes:
            return None
        try:
            event = self._engine.amend(self._owner, waiting.id, changes)
        except UsageError:
            return None  # it was begun before: only a yes or a no will do
        return self._engine.run(event.id)

    def _changes(
        self, spec: IntentSpec, waiting: Event, utterance: Utterance, decision: Decision
    ) -> dict[str, Any] | None:
        said = waiting.route.slots
        body = next((s for s in spec.slots if s.kind == "text" and s.required), None)
        if body is not None and (told := _BODY.match(utterance.text.strip())):
            return {body.name: told["body"].strip()}
        # Before the router's word: it takes "and Maria too" for a change of a contact.
        if (too := _TOO.match(utterance.text.strip())) is not None:
            added = self._added(spec, said, too["name"], utterance)
            if added is not None:
                return added
        if _is_new_request(decision, waiting):
            return None
        if (more := _MORE.match(utterance.text.strip())) is not None:
            added = self._added(spec, said, more["name"] or more["other"], utterance)
            if added is not None:
                return added
        found = cues.correction(utterance.text)
        if found is not None:
            if self._filler.yes_no(found.right) is not None:
                return None
            return corrected(self._filler, spec, found, utterance, said)
        if self._filler.yes_no(utterance.text) is not None:
            return None
        read = self._filler.fragment(spec, cues.tail_cut(utterance.text), utterance, said)
        return read.changes if read is not None and read.sure else None

    def _added(
        self, spec: IntentSpec, said: dict[str, Any], name: str, utterance: Utterance
    ) -> dict[str, Any] | None:
        """One more recipient."""
        slot = next((s for s in spec.slots if s.kind == "person" and s.many), None)
        if slot is None or not said.get(slot.name):
            return None
        names = self._filler.answer(slot, name, utterance)
        return {slot.name: [*said[slot.name], *names]} if names else None

    def _answer(self, waiting: Event, utterance: Utterance, decision: Decision) -> Event | None:
        question = waiting.question
        if question is None or question.slot is None:
            return None
        value = choose(question.candidates, utterance.text)
        if value is None:
            spec = self._registry.intent(waiting.route.intent).slot(question.slot)
            text = spec is not None and spec.kind == "text"
            if _is_new_request(decision, waiting, text=text):
                return None
            if (corrected_ := self._corrected(waiting, utterance)) is not None:
                return corrected_
            if (timed := self._timed(waiting, question.slot, utterance)) is not None:
                return self._engine.run(self._engine.amend(self._owner, waiting.id, timed).id)
            value = self._value(waiting, question.slot, utterance)
        if value is None:
            if self._filler.yes_no(utterance.text) is False:
                return self._engine.cancel(self._owner, waiting.id)
            return None
        event = self._engine.answer(self._owner, waiting.id, {question.slot: value})
        return self._engine.run(event.id)

    def _corrected(self, waiting: Event, utterance: Utterance) -> Event | None:
        """ "no, with Bob" instead of an answer: what was said before is put right."""
        found = cues.correction(utterance.text)
        if found is None or waiting.question is None:
            return None
        spec = self._registry.intent(waiting.route.intent)
        slot = spec.slot(waiting.question.slot or "")
        if slot is not None and slot.kind == "text":
            return None  # anything may be a title or a message
        part = utterance._replace(text=found.right)
        changes = corrected(self._filler, spec, found, part, waiting.route.slots)
        if not changes:
            return None
        return self._engine.run(self._engine.amend(self._owner, waiting.id, changes).id)

    def _timed(self, waiting: Event, slot: str, utterance: Utterance) -> dict[str, Any] | None:
        """A time for an answer, on the day that was said before if only a clock time is."""
        spec = self._registry.intent(waiting.route.intent)
        wanted = spec.slot(slot)
        if wanted is None or wanted.kind not in ("time", "time_range"):
            return None
        read = self._filler.fragment(spec, utterance.text, utterance, waiting.route.slots)
        return read.changes if read is not None and read.changes.get(slot) else None

    def _value(self, waiting: Event, slot: str, utterance: Utterance) -> Any | None:
        spec = self._registry.intent(waiting.route.intent).slot(slot)
        return None if spec is None else self._filler.answer(spec, utterance.text, utterance)


def _is_new_request(decision: Decision, waiting: Event, *, text: bool = False) -> bool:
    least = _NEW_REQUEST_NOT_TEXT if text else _NEW_REQUEST
    return any(
        choice.confidence >= least and choice.intent != waiting.route.intent
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
