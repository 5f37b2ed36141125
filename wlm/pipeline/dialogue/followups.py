"""Utterances that are nothing without the one before: "move it to 11", "and on Saturday?".

What has a full reading of its own is never taken as one. What is, becomes a request in
full: an intent with slots, and what "it" stands for in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from wlm.pipeline.dialogue import cues
from wlm.pipeline.dialogue.recall import Recall
from wlm.pipeline.route.interface import Choice, Decision, Router, Utterance
from wlm.plugins.slots import SlotSpec
from wlm.types import Event, Route, State

if TYPE_CHECKING:
    from wlm.pipeline.slots import SlotFiller
    from wlm.plugins import IntentSpec
    from wlm.plugins.manager import Registry

ROUTER = "conversation"
"""The router's name in a route that was read from the conversation."""
_OWN = 0.8
"""From this probability on the words are a request in full."""
_FRAGMENT = 3
"""Words that may be a value of the last request even where they could be one of their own."""
_SURE, _LIKELY = 0.95, 0.85
_TIMED = frozenset({"time", "time_range"})


class Reading(NamedTuple):
    """What an utterance asks for in its conversation.

    ``refers``: by route, what its words point at. ``replaces``: the event to take back first.
    ``why``: how it was read, for `wlm why`.
    """

    routes: tuple[Route, ...]
    refers: tuple[Mapping[str, Any], ...]
    why: str
    replaces: str | None = None
    texts: tuple[str, ...] = ()


class FollowUps(NamedTuple):
    """Reads utterances of one conversation."""

    registry: Registry
    filler: SlotFiller
    router: Router
    recall: Recall

    def read(self, utterance: Utterance, decision: Decision) -> Reading | None:
        """The reading that only the conversation gives; ``None`` if there is none."""
        if self.recall.last is None:
            return None
        return (
            self._phrase(utterance, decision, newest=True)
            or self._correction(utterance, decision)
            or self._ellipsis(utterance, decision)
            or self._one(utterance, decision)
            or self._several(utterance)
        )

    def _one(self, utterance: Utterance, decision: Decision) -> Reading | None:
        """One request about what was spoken of."""
        if (reading := self._pointed(utterance)) is not None:
            return reading
        if _acts(decision) >= _OWN:
            return None
        return (
            self._phrase(utterance, decision)
            or self._it(utterance)
            or self._him(utterance, decision)
            or self._bare(utterance, decision)
        )

    # follow-up phrases that skills declare

    def _phrase(
        self, utterance: Utterance, decision: Decision | None = None, *, newest: bool = False
    ) -> Reading | None:
        """A follow-up phrase of a skill spoken to; ``newest``: of the last one alone."""
        own = ""
        if decision is not None and _acts(decision) >= _OWN:
            if len(decision.choices) != 1:
                return None
            own = decision.choices[0].intent  # a phrase explains every word: it knows better
        text = cues.tail_cut(utterance.text)
        asked = self.recall.last is not None and self.recall.last.effect == "read"
        for skill in self.recall.skills()[: 1 if newest else None]:
            for spec in self.registry.intents.values():
                if (
                    spec.skill != skill
                    or (own and spec.name != own)
                    or (asked and spec.effect != "read" and cues.bare_values(text))
                ):
                    continue
                filled = self.filler.follow_up(spec, text, utterance)
                if filled is not None:
                    slots = self._with_person(spec, self.complete(spec, filled, text))
                    return self._of(spec, slots, "phrase", text)
        return None

    # "it", "the second one"

    def _it(self, utterance: Utterance) -> Reading | None:
        thing = self.recall.it()
        text = thing and cues.with_noun(utterance.text, thing.noun)
        if thing is None or text is None:
            return None
        return self._said_in_full(utterance, text, thing.skill, {thing.noun: thing.value})

    def _him(self, utterance: Utterance, decision: Decision) -> Reading | None:
        """ "email him that …", where the router knows it only with a name in it."""
        at, person = cues.person_at(utterance.text), self.recall.person()
        if at is None or person is None or decision.outcome == "act":
            return None
        text = utterance.text
        named = f"{text[: at[0]]}{_name(person)}{text[at[1] :]}"
        told = self.router.decide(utterance._replace(text=named))
        if told.outcome != "act" or len(told.choices) != 1:
            return None
        spec = self.registry.intent(told.choices[0].intent)
        slots = self.complete(spec, self.filler.fill(spec, text, utterance), text)
        return self._of(spec, slots, "pronoun", text)

    def _pointed(self, utterance: Utterance) -> Reading | None:
        listed = self.recall.choices()
        if listed is None:
            return None
        noun, items, skill = listed
        found = cues.picked(utterance.text, noun)
        if found is None or not -len(items) <= found[1] < len(items):
            return None
        text, index = found
        return self._said_in_full(utterance, text, skill, {noun: items[index]})

    def _said_in_full(
        self, utterance: Utterance, text: str, skill: str, refers: dict[str, Any]
    ) -> Reading | None:
        full = utterance._replace(text=text)
        decision = self.router.decide(full)
        if len(decision.choices) != 1 or not _of_skill(decision, skill):
            return None
        spec = self.registry.intent(decision.choices[0].intent)
        slots = self.complete(spec, self.filler.fill(spec, text, full), text)
        return self._of(spec, slots, "pronoun", text, refers=refers)

    # "and on Saturday?", "what about Berlin"

    def _ellipsis(self, utterance: Utterance, decision: Decision) -> Reading | None:
        found = cues.ellipsis(utterance.text)
        if found is None:
            return None
        part = utterance._replace(text=found.rest)
        own = _acts(decision) if decision.choices else 0.0
        own = max(own, _acts(self.router.decide(part)))
        if not found.asks and (said := self._phrase(part)) is not None:
            return said
        for act in self.recall.asked():
            spec = self.recall.spec(act)
            if spec.effect == "send" or (found.asks and spec.effect != "read"):
                continue
            read = self.filler.fragment(spec, found.rest, utterance, act.route.slots)
            short = read is not None and read.sure and len(found.rest.split()) <= _FRAGMENT
            if read is None or (own >= _OWN and not (read.timed or short)):
                break
            if spec.effect == "write" and not read.timed:
                break
            changed = self._pronouns(spec, read.changes)
            return self._again(act, changed, "ellipsis", sure=read.sure)
        return None

    def _bare(self, utterance: Utterance, decision: Decision) -> Reading | None:
        """A time or a known name alone, after a question."""
        act = self.recall.last
        if act is None or decision.outcome == "act":
            return None
        spec = self.recall.spec(act)
        if spec.effect != "read":
            return None
        read = self.filler.fragment(spec, utterance.text, utterance, act.route.slots)
        if read is None or not read.sure:
            return None
        return self._again(act, read.changes, "fragment", sure=True)

    # "no, Thursday"

    def _correction(self, utterance: Utterance, decision: Decision) -> Reading | None:
        found, act = cues.correction(utterance.text), self.recall.last
        if found is None or act is None or act.state is State.CANCELLED:
            return None
        part = utterance._replace(text=found.right)
        if not found.wrong and (said := self._phrase(part)) is not None:
            return said
        own = _acts(decision)
        if len(found.right.split()) > _FRAGMENT:
            own = max(own, _acts(self.router.decide(part)))
        if own >= _OWN and not found.wrong:
            return None
        changes = corrected(self.filler, self.recall.spec(act), found, part, act.route.slots)
        if changes is None:
            return None
        reading = self._again(act, changes, "correction", sure=True)
        wrote = act.effect != "read" and act.state is State.SUCCEEDED
        return reading._replace(replaces=act.id) if wrote else reading

    # "move it to 3 and invite Tom"

    def _several(self, utterance: Utterance) -> Reading | None:
        for left, right in cues.halves(utterance.text):
            parts = [self._part(utterance, text) for text in (left, right)]
            if None not in parts and any(part and part.why != "route" for part in parts):
                known = [part for part in parts if part]
                return Reading(
                    tuple(route for part in known for route in part.routes),
                    tuple(refers for part in known for refers in part.refers),
                    " and ".join(part.why for part in known),
                    texts=(left, right),
                )
        return None

    def _part(self, utterance: Utterance, text: str) -> Reading | None:
        part = utterance._replace(text=text)
        decision = self.router.decide(part)
        if (reading := self._one(part, decision)) is not None:
            return reading
        if _acts(decision) < _OWN or len(decision.choices) != 1:
            return None
        spec = self.registry.intent(decision.choices[0].intent)
        slots = self.complete(spec, self.filler.fill(spec, text, part), text)
        return self._of(spec, slots, "route", text)

    # routes

    def complete(self, spec: IntentSpec, filled: Any, text: str) -> dict[str, Any]:
        """The filled slots, with whom "her", where "there" and when "then" is."""
        slots = self._pronouns(spec, dict(filled.slots))
        self._of_thing(spec, slots)
        spans = [span for spans in filled.spans.values() for span in spans]
        person = next((s for s in spec.slots if s.kind == "person"), None)
        place = next((s for s in spec.slots if s.kind == "place"), None)
        at = cues.person_at(text)
        outside = at is not None and not any(a <= at[0] < b for a, b in spans)
        if person and outside and not slots.get(person.name):
            _set(slots, person, self.recall.person())
        if place and not slots.get(place.name) and cues.says_there(text):
            _set(slots, place, self.recall.place())
        if cues.says_then(text) and not any(
            s.kind in _TIMED and s.name in slots for s in spec.slots
        ):
            for slot in spec.slots:
                if slot.kind in _TIMED and slot.name != "old":
                    _set(slots, slot, self.recall.time(slot.kind))
        return slots

    def _of_thing(self, spec: IntentSpec, slots: dict[str, Any]) -> None:
        """What the thing spoken of says about slots of an intent that acts on it."""
        thing = self.recall.it()
        if thing is None or thing.skill != spec.skill or spec.effect == "read":
            return
        told = thing.value.get("slots") if isinstance(thing.value, dict) else None
        for name, value in (told if isinstance(told, dict) else {}).items():
            slot = spec.slot(name)
            if slot is not None and not slots.get(name):
                _set(slots, slot, value)

    def _with_person(self, spec: IntentSpec, slots: dict[str, Any]) -> dict[str, Any]:
        """The slots, and whom was spoken of where the intent cannot do without a person."""
        who = next((slot for slot in spec.slots if slot.kind == "person"), None)
        if who is not None and who.required and not slots.get(who.name):
            _set(slots, who, self.recall.person())
        return slots

    def _pronouns(self, spec: IntentSpec, slots: dict[str, Any]) -> dict[str, Any]:
        for slot in spec.slots:
            value = slots.get(slot.name)
            names = value if isinstance(value, list) else [value]
            if slot.kind != "person" or not any(_is_pronoun(name) for name in names):
                continue
            person = self.recall.person()
            if person is not None:
                meant = [person if _is_pronoun(name) else name for name in names]
                slots[slot.name] = meant if slot.many else meant[0]
        return slots

    def _again(self, act: Event, changes: dict[str, Any], why: str, *, sure: bool) -> Reading:
        merged = {**act.route.slots, **changes}
        slots = {name: value for name, value in merged.items() if value is not None}
        spec = self.recall.spec(act)
        route = Route(spec.skill, spec.name, slots, _SURE if sure else _LIKELY, ROUTER)
        return Reading((route,), ({},), why, texts=(act.route.intent,))

    def _of(
        self,
        spec: IntentSpec,
        slots: dict[str, Any],
        why: str,
        text: str,
        *,
        refers: dict[str, Any] | None = None,
    ) -> Reading:
        if refers is None:
            thing = self.recall.it()
            refers = {thing.noun: thing.value} if thing and thing.skill == spec.skill else {}
        route = Route(spec.skill, spec.name, slots, _SURE, ROUTER)
        return Reading((route,), (refers,), why, texts=(text,))


def corrected(
    filler: SlotFiller,
    spec: IntentSpec,
    found: cues.Correction,
    utterance: Utterance,
    said: Mapping[str, Any],
) -> dict[str, Any] | None:
    """The slots that a correction changes; of several people, the one named as wrong."""
    read = filler.fragment(spec, found.right, utterance, said)
    if read is None:
        return None
    changes = dict(read.changes)
    for slot in spec.slots:
        before, after = said.get(slot.name), changes.get(slot.name)
        if slot.kind == "person" and slot.many and found.wrong and before and after:
            wrong = found.wrong.casefold()
            kept = [name for name in before if wrong not in _name(name).casefold()]
            if len(kept) < len(before):
                changes[slot.name] = [*kept, *after]
    return changes


def as_decision(reading: Reading, decision: Decision) -> Decision:
    """The decision as it stands once the conversation was looked at."""
    choices = tuple(
        Choice(route.intent, route.confidence, text)
        for route, text in zip(reading.routes, reading.texts, strict=False)
    )
    explanation = {**decision.explanation, "conversation": reading.why}
    return decision._replace(outcome="act", choices=choices, router=ROUTER, explanation=explanation)


def _acts(decision: Decision) -> float:
    """How sure the router is that the words are a request of their own."""
    if decision.outcome != "act":
        return 0.0
    return max((choice.confidence for choice in decision.choices), default=0.0)


def _of_skill(decision: Decision, skill: str) -> bool:
    return all(choice.intent.partition(".")[0] == skill for choice in decision.choices)


def _set(slots: dict[str, Any], slot: SlotSpec, value: Any | None) -> None:
    if value is not None:
        slots[slot.name] = [value] if slot.many and not isinstance(value, list) else value


def _is_pronoun(value: Any) -> bool:
    return isinstance(value, str) and cues.person_at(value) == (0, len(value))


def _name(person: Any) -> str:
    return str(person.get("name", "")) if isinstance(person, dict) else str(person)
