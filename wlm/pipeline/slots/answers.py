"""A bare reply to a question for one slot."""

from __future__ import annotations

import re
from typing import Any

from wlm.pipeline.patterns import pattern
from wlm.pipeline.route.interface import Utterance
from wlm.pipeline.slots import choices, contacts
from wlm.pipeline.slots.calendar import Calendar
from wlm.pipeline.slots.function_words import POLITE
from wlm.pipeline.slots.moments import When
from wlm.pipeline.slots.people import capitalise, known, names_at
from wlm.pipeline.slots.times import find_in
from wlm.pipeline.slots.tokens import Token, tokenise
from wlm.pipeline.slots.when import range_value, recurrence_value
from wlm.pipeline.slots.words import words
from wlm.plugins.slots import SlotSpec
from wlm.types import iso_duration

_LEAD = pattern(
    r"^(?:(?:um+|uh+|er+|well|oh|okay|ok|please|just)[\s,]+)*"
    r"(?:(?:it'?s|it is|it should be|that'?s|that is|call it|name it|make it|let'?s say|say|"
    r"the (?:title|name|subject|topic|place|address|answer) is|tell (?:him|her|them)|"
    r"i (?:want|mean|meant|said)|i'?d like|about|to|in|at|for|with)\s+)?(?:that\s+)?",
    re.IGNORECASE,
)
_TAIL = pattern(r"[\s,]+(?:please|thanks|thank you)[\s.!]*$|[\s.!?]+$", re.IGNORECASE)
_AROUND = words(
    "i i'd i'll it it's its that's that is meant mean said say the a an to with for from of one "
    "person name named called should be want like about yes no at send both all"
)
_BODY_LEAD = pattern(
    r"^(?:(?:tell|write|say)(?: (?:him|her|them))?|it should say|say)\s+(?:that\s+)?", re.IGNORECASE
)


def answer(slot: SlotSpec, text: str, utterance: Utterance) -> Any | None:
    """The slot's value in JSON form, or ``None`` if the reply does not hold one."""
    tokens = tokenise(text)
    if not tokens:
        return None
    match slot.kind:
        case "time" | "time_range" | "duration" | "recurrence":
            value = _timed(slot, tokens, utterance)
        case "email":
            value = next((piece.value for piece in contacts.emails(text)), None)
        case "phone":
            value = next((piece.value for piece in contacts.phones(text, digits=3)), None)
        case "number":
            value = next((t.value for t in tokens if t.value is not None), None)
        case "choice":
            found = choices.choose(tokens, choices.table(slot), [False] * len(tokens))
            if slot.many:
                return list(dict.fromkeys(item.value for item in found)) or None
            value = found[0].value if found else None
        case "person":
            return _people(slot, text, tokens, utterance)
        case "place":
            value = _plain(text)
            value = capitalise(value) if value and value == value.lower() else value
        case "text":
            body = _BODY_LEAD.sub("", text.strip()) if slot.required else text
            value = body.strip() if body != text and body else _plain(text)
    if value is None or value == "":
        return None
    return [value] if slot.many else value


def _plain(text: str) -> str:
    """The reply without what merely leads to it: "it's called lunch, please" gives "lunch"."""
    plain = _TAIL.sub("", _LEAD.sub("", text.strip(), count=1)).strip(" ,.!?\"'")
    plain = re.sub(r"^(?:called|titled|named)\s+", "", plain, flags=re.IGNORECASE)
    return plain or text.strip()


def _timed(slot: SlotSpec, tokens: list[Token], utterance: Utterance) -> Any | None:
    hint = slot.kind in ("time", "time_range")
    for when in find_in(tokens, Calendar(utterance.now), hint=hint):
        value = _time_value(slot, when)
        if value is not None:
            return value
    return None


def _time_value(slot: SlotSpec, when: When) -> Any | None:
    match slot.kind:
        case "time" if when.start is not None and when.clock:
            return when.start.isoformat()
        case "time_range" if when.start is not None and when.end is not None:
            return range_value(when.start, when.end)
        case "duration" if when.length is not None:
            return iso_duration(when.length)
        case "recurrence" if when.rrule:
            return recurrence_value(when)
    return None


def _people(slot: SlotSpec, text: str, tokens: list[Token], utterance: Utterance) -> Any | None:
    if addresses := [piece.value for piece in contacts.emails(text)]:
        return addresses if slot.many else addresses[0]
    vocabulary = utterance.vocabulary
    book = known(
        tuple(n for key in (slot.name, "person", "people") for n in vocabulary.get(key, ()))
    )
    cased = text != text.lower()
    free = [False] * len(tokens)
    for i, token in enumerate(tokens):
        if token.low in POLITE or token.low in _AROUND or token.shape == "other":
            continue
        names = names_at(tokens, i, free, book, many=slot.many, cased=cased)
        if names:
            values = [name.value for name in names]
            return values if slot.many else values[0]
        return None  # a sentence that holds a name is no answer to "Who?"
    return None
