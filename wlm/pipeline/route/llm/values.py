"""Slot values that a model offers: checked against the slot's type and the words said."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from wlm.errors import UsageError
from wlm.plugins.skill import IntentSpec
from wlm.plugins.slots import Kind, SlotSpec

_OURS_FIRST: frozenset[Kind] = frozenset({"time", "time_range", "duration", "recurrence"})
"""Kinds in which models err more than the slot filler: its value stands where it has one."""
_SAID: frozenset[Kind] = frozenset({"text", "place", "person", "email", "phone"})
"""Kinds whose value must be made of words that were said."""
_LONGEST = 2000
_WORD = re.compile(r"\w+")


def merge(
    spec: IntentSpec, filled: Mapping[str, Any], offered: Mapping[str, Any], text: str
) -> dict[str, Any]:
    """The filler's slots with what the model adds or corrects; the rest is dropped.

    A value counts only if it has the slot's type, and a name, address or text only if its
    words were said in ``text``: a model must not make up whom a message goes to.
    """
    slots = dict(filled)
    for slot in spec.slots:
        if slot.name not in offered or (slot.kind in _OURS_FIRST and slot.name in slots):
            continue
        value = _checked(slot, offered[slot.name], text)
        if value is not None:
            slots[slot.name] = value
    return slots


def _checked(slot: SlotSpec, value: Any, text: str) -> Any | None:
    if value in (None, "", [], {}) or len(str(value)) > _LONGEST:
        return None
    if slot.kind in _SAID and not _was_said(value, text):
        return None
    try:
        return slot.encode(slot.decode(value))
    except (UsageError, OverflowError):
        return None


def _was_said(value: Any, text: str) -> bool:
    items = value if isinstance(value, list) else [value]
    if not all(isinstance(item, str) for item in items):
        return False
    said = set(_WORD.findall(text.casefold()))
    spoken = said | {word.removesuffix("s") for word in said}
    return all(word in spoken for item in items for word in _WORD.findall(item.casefold()))
