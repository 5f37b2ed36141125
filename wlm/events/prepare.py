"""From an event's slots to a handler's arguments, or to the question that must come first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from wlm.errors import UsageError
from wlm.events import wording
from wlm.plugins import IntentSpec, Person, Place, SlotSpec
from wlm.types import Question

Resolve = Callable[[str, str], list[Any]]
_MOST_CANDIDATES = 5


class Prepared(NamedTuple):
    """What a handler gets (``values``) and what is stored of it (``slots``, JSON).

    With a ``question`` the handler must not run yet.
    """

    values: dict[str, Any]
    slots: dict[str, Any]
    question: Question | None = None


def prepare(spec: IntentSpec, slots: Mapping[str, Any], resolve: Resolve) -> Prepared:
    """Decode, ask for what is missing, look people and places up.

    Raises ``UsageError`` for a slot that the intent does not have or that does not fit.
    """
    if unknown := set(slots) - {slot.name for slot in spec.slots}:
        raise UsageError(f"{spec.name} has no slot {min(unknown)!r}.", hint=_hint(spec))
    stored = {name: value for name, value in slots.items() if value is not None}
    values = {slot.name: _decode(slot, stored) for slot in spec.slots}
    for slot in spec.slots:
        if slot.required and values[slot.name] in (None, "", []):
            return Prepared(values, stored, _missing(slot))
    for slot in spec.slots:
        if slot.kind not in ("person", "place") or not slot.extra.resolve:
            continue
        if values[slot.name] is None:
            continue
        values[slot.name], question = _resolved(slot, values[slot.name], resolve)
        if slot.name in stored:
            stored[slot.name] = slot.encode(values[slot.name])
        if question is not None:
            return Prepared(values, stored, question)
    return Prepared(values, stored)


def confirmation(
    spec: IntentSpec, values: Mapping[str, Any], zone: ZoneInfo, *, again: bool
) -> Question:
    """The question before an effect; its arguments are the event's slots."""
    return Question("confirmation", wording.confirmation(spec, values, zone, again=again))


def answered(question: Question | None, slots: Mapping[str, Any]) -> dict[str, Any]:
    """An answer with a candidate's label or number in place of its value."""
    if question is None or question.slot is None or question.slot not in slots:
        return dict(slots)
    chosen = _chosen(question.candidates, slots[question.slot])
    return {**slots, question.slot: chosen}


def _chosen(candidates: list[dict[str, Any]], answer: Any) -> Any:
    if isinstance(answer, bool) or not isinstance(answer, str | int):
        return answer
    said = str(answer).strip().casefold()
    for number, candidate in enumerate(candidates, 1):
        if said in (str(number), str(candidate["label"]).casefold()):
            return candidate["value"]
    return answer


def _decode(slot: SlotSpec, stored: Mapping[str, Any]) -> Any:
    return slot.decode(stored[slot.name]) if slot.name in stored else slot.default


def _missing(slot: SlotSpec) -> Question:
    choices = [{"label": choice, "value": choice} for choice in slot.choices]
    return Question("input", slot.question, slot.name, choices)


def _resolved(slot: SlotSpec, value: Any, resolve: Resolve) -> tuple[Any, Question | None]:
    """The value with names replaced by who or what they stand for, as far as that is clear."""
    items = list(value) if isinstance(value, list) else [value]
    question = None
    for position, item in enumerate(items):
        if not _is_name_only(item):
            continue
        candidates = resolve(slot.kind, item.name)[:_MOST_CANDIDATES]
        if len(candidates) == 1:
            items[position] = candidates[0]
        elif candidates and question is None:
            question = _ambiguous(slot, items, position, candidates)
    return (items if isinstance(value, list) else items[0]), question


def _is_name_only(item: Person | Place) -> bool:
    if isinstance(item, Person):
        return item.id is None and not item.email and not item.phone
    return item.latitude is None


def _ambiguous(slot: SlotSpec, items: list[Any], position: int, found: list[Any]) -> Question:
    """Asks for one; a candidate's value is the whole slot with that one put in."""

    def whole(candidate: Any) -> Any:
        changed = [*items[:position], candidate, *items[position + 1 :]]
        return slot.encode(changed if slot.many else candidate)

    candidates = [{"label": wording.label(one), "value": whole(one)} for one in found]
    return Question("input", wording.which(slot.kind, items[position].name), slot.name, candidates)


def _hint(spec: IntentSpec) -> str:
    names = ", ".join(slot.name for slot in spec.slots)
    return f"Its slots are: {names}." if names else "It has no slots."
