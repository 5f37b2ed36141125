"""What an intent's declaration says about finding its slots: templates, cues, carrier words."""

from __future__ import annotations

import re
from typing import NamedTuple

from wlm.pipeline.slots.function_words import DETERMINERS, PREPOSITIONS
from wlm.pipeline.slots.tokens import tokenise
from wlm.pipeline.slots.words import words
from wlm.plugins.skill import IntentSpec
from wlm.plugins.slots import Kind, SlotSpec

TIMED: frozenset[Kind] = frozenset({"time", "time_range", "duration", "recurrence"})
TYPED: frozenset[Kind] = TIMED | {"email", "phone", "number"}
_MARK = re.compile(r"\{(\w+)\}")
_TIME_PREPOSITIONS = words("at on in for by from until till since before after")

Item = str
"""A literal word in lower case, or a slot mark as ``{name}``."""


class Template(NamedTuple):
    """An example without its typed slots: what is left to match words against."""

    items: tuple[Item, ...]
    literals: frozenset[str]


class Plan(NamedTuple):
    """An intent, prepared. Cues are word sequences right before (after) a slot's value."""

    spec: IntentSpec
    templates: tuple[Template, ...]
    left: dict[str, frozenset[tuple[str, ...]]]
    right: dict[str, frozenset[tuple[str, ...]]]
    carriers: frozenset[str]
    seal: str

    def of(self, *kinds: Kind) -> list[SlotSpec]:
        """The slots of those kinds, in the order of declaration."""
        return [slot for slot in self.spec.slots if slot.kind in kinds]

    def first(self, kind: Kind) -> SlotSpec | None:
        """The first slot of that kind."""
        return next(iter(self.of(kind)), None)


def make_plan(spec: IntentSpec, language: str) -> Plan:
    """Read the intent's examples in that language (English where it has none)."""
    phrases = spec.phrases.get(language) or spec.phrases.get("en")
    examples = phrases.examples if phrases else ()
    kinds = {slot.name: slot.kind for slot in spec.slots}
    left: dict[str, set[tuple[str, ...]]] = {slot.name: set() for slot in spec.slots}
    right: dict[str, set[tuple[str, ...]]] = {slot.name: set() for slot in spec.slots}
    carriers: set[str] = set()
    templates: dict[tuple[Item, ...], Template] = {}
    for example in examples:
        items = _items(example)
        _learn(items, left, right)
        carriers.update(_lead(items))
        plain = _untimed(items, kinds)
        if any(item.startswith("{") for item in plain):
            literals = frozenset(item for item in plain if not item.startswith("{"))
            templates[plain] = Template(plain, literals)
    for slot in spec.slots:
        left[slot.name] |= {tuple(cue.lower().split()) for cue in slot.extra.cues}
    return Plan(
        spec=spec,
        templates=tuple(templates.values()),
        left={name: frozenset(cues) for name, cues in left.items()},
        right={name: frozenset(cues) for name, cues in right.items()},
        carriers=frozenset(carriers),
        seal=_seal(spec, templates),
    )


def _items(example: str) -> tuple[Item, ...]:
    items: list[Item] = []
    for index, piece in enumerate(_MARK.split(example)):
        if index % 2:
            items.append(f"{{{piece}}}")
        else:
            items += [token.low for token in tokenise(piece) if token.shape != "other"]
    return tuple(items)


def _learn(
    items: tuple[Item, ...],
    left: dict[str, set[tuple[str, ...]]],
    right: dict[str, set[tuple[str, ...]]],
) -> None:
    """The literal words on both sides of each mark."""
    for i, item in enumerate(items):
        if not item.startswith("{"):
            continue
        name = item[1:-1]
        before = items[max(0, i - 2) : i]
        if before and not before[-1].startswith("{"):
            cue = before[-1:] if before[0].startswith("{") else before
            # "to my {people}" teaches "to", not "my"
            while cue and cue[-1] in DETERMINERS:
                cue = cue[:-1]
            if cue:
                left[name].add(tuple(cue[-1:]) if cue[-1] in PREPOSITIONS else tuple(cue))
        if i + 1 < len(items) and not items[i + 1].startswith("{"):
            right[name].add((items[i + 1],))


def _lead(items: tuple[Item, ...]) -> list[str]:
    """The literal words before the first mark, or all if there is none."""
    words = []
    for item in items:
        if item.startswith("{"):
            break
        words.append(item)
    return words


def _untimed(items: tuple[Item, ...], kinds: dict[str, Kind]) -> tuple[Item, ...]:
    """Without time marks and the prepositions that lead to them."""
    out: list[Item] = []
    for item in items:
        if item.startswith("{") and kinds[item[1:-1]] in TIMED:
            while out and out[-1] in _TIME_PREPOSITIONS:
                out.pop()
            continue
        out.append(item)
    return tuple(out)


def _seal(spec: IntentSpec, templates: dict[tuple[Item, ...], Template]) -> str:
    """The text slot that takes all that follows its cue: the body of what is sent."""
    if spec.effect != "send":
        return ""
    last = {items[-1][1:-1] for items in templates if items[-1].startswith("{")}
    texts = [slot for slot in spec.slots if slot.kind == "text" and slot.name in last]
    required = [slot for slot in texts if slot.required]
    return (required or texts)[0].name if texts else ""
