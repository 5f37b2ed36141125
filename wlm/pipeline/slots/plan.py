"""What an intent's declaration says about finding its slots: templates, cues, carrier words."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from typing import NamedTuple

from wlm.pipeline.slots.canon import PASSED, canonical
from wlm.pipeline.slots.function_words import DETERMINERS, PREPOSITIONS
from wlm.pipeline.slots.words import words
from wlm.plugins.skill import IntentSpec
from wlm.plugins.slots import Kind, SlotSpec

TIMED: frozenset[Kind] = frozenset({"time", "time_range", "duration", "recurrence"})
_WORD = re.compile(r"\{\w+\}|['’]s\b|[^\W_]+(?:['’](?!s\b)[^\W_]+)*")
_TIME_PREPOSITIONS = words("at on in for by from until till since before after to and")

Item = str
"""A literal word in canonical form, or a slot mark as ``{name}``."""
Cues = frozenset[tuple[str, ...]]
"""Word sequences, in lower case, right before or after a slot's value."""


class Template(NamedTuple):
    """An example without its times: what is left to match words against.

    ``bare``: it had no mark at all, so nothing needs to be filled for it to be said in full.
    """

    items: tuple[Item, ...]
    literals: frozenset[str]
    bare: bool = False


class Plan(NamedTuple):
    """An intent, prepared.

    ``cues`` are those declared for a slot; ``left`` and ``right`` those learned from the
    examples. ``carriers`` are the words that lead to a value. ``seal`` names the text slot
    that takes all that follows its cue (the body of what is sent), or is empty.
    """

    spec: IntentSpec
    templates: tuple[Template, ...]
    cues: dict[str, Cues]
    left: dict[str, Cues]
    right: dict[str, Cues]
    carriers: frozenset[str]
    seal: str

    def of(self, *kinds: Kind) -> list[SlotSpec]:
        """The slots of those kinds, in the order of declaration."""
        return [slot for slot in self.spec.slots if slot.kind in kinds]

    def first(self, kind: Kind) -> SlotSpec | None:
        """The first slot of that kind."""
        return next(iter(self.of(kind)), None)


def make_plan(spec: IntentSpec, language: str, *, followups: bool = False) -> Plan:
    """Read the intent's examples in that language (English where it has none).

    ``followups``: read what is said of something spoken of before instead.
    """
    phrases = spec.phrases.get(language) or spec.phrases.get("en")
    examples = (phrases.followups if followups else phrases.examples) if phrases else ()
    kinds = {slot.name: slot.kind for slot in spec.slots}
    left: dict[str, Counter[tuple[str, ...]]] = defaultdict(Counter)
    right: dict[str, Counter[tuple[str, ...]]] = defaultdict(Counter)
    carriers: set[str] = set()
    templates: dict[tuple[Item, ...], Template] = {}
    for example in examples:
        items = _items(example)
        marked = "{" in example
        if marked:
            _learn(items, left, right)
        carriers.update(_lead(items))
        plain = _untimed(items, kinds)
        if plain:
            literals = frozenset(item for item in plain if item[0] != "{")
            bare = not marked or (plain in templates and templates[plain].bare)
            templates[plain] = Template(plain, literals, bare)
    return Plan(
        spec=spec,
        templates=tuple(templates.values()),
        cues={
            slot.name: frozenset(tuple(cue.lower().split()) for cue in slot.extra.cues)
            for slot in spec.slots
        },
        left=_own(left),
        right=_own(right),
        carriers=frozenset(carriers),
        seal=_seal(spec, templates),
    )


def _items(example: str) -> list[Item]:
    return _WORD.findall(example.lower().replace("’", "'"))


def _learn(
    items: list[Item],
    left: dict[str, Counter[tuple[str, ...]]],
    right: dict[str, Counter[tuple[str, ...]]],
) -> None:
    """The literal words on both sides of each mark."""
    for i, item in enumerate(items):
        if item[0] != "{":
            continue
        name = item[1:-1]
        before = list(items[max(0, i - 3) : i])
        while before and before[-1] in DETERMINERS:  # "to my {people}" teaches "to", not "my"
            before.pop()
        if before and not before[-1].startswith("{"):
            if before[-1] in PREPOSITIONS or len(before) == 1 or before[-2].startswith("{"):
                left[name][(before[-1],)] += 1
            else:
                left[name][tuple(before[-2:])] += 1
        if i + 1 < len(items) and not items[i + 1].startswith("{"):
            right[name][(items[i + 1],)] += 1


def _own(counts: dict[str, Counter[tuple[str, ...]]]) -> dict[str, Cues]:
    """By slot, the cues that stand mostly before (after) that slot and no other."""
    total: Counter[tuple[str, ...]] = Counter()
    for counter in counts.values():
        total.update(counter)
    own = {
        name: frozenset(cue for cue, count in counter.items() if 3 * count > 2 * total[cue])
        for name, counter in counts.items()
    }
    return defaultdict(frozenset, own)


def _lead(items: list[Item]) -> list[str]:
    """The literal words before the first mark, or all if there is none."""
    lead = []
    for item in items:
        if item[0] == "{":
            break
        lead.append(item)
    return lead


def _untimed(items: list[Item], kinds: dict[str, Kind]) -> tuple[Item, ...]:
    """In canonical form, without time marks and the prepositions that lead to them."""
    out: list[Item] = []
    before = ""
    for item in items:
        if item[0] == "{":
            if kinds[item[1:-1]] in TIMED:
                while out and out[-1] in _TIME_PREPOSITIONS:
                    out.pop()
            else:
                out.append(item)
        elif item not in PASSED:
            out.append(canonical(item, before))
        before = item
    return tuple(out)


def _seal(spec: IntentSpec, templates: dict[tuple[Item, ...], Template]) -> str:
    """The text slot that takes all that follows its cue."""
    if spec.effect != "send":
        return next((slot.name for slot in spec.slots if slot.extra.whole), "")
    last = {items[-1][1:-1] for items in templates if items[-1].startswith("{")}
    texts = [slot for slot in spec.slots if slot.kind == "text" and slot.name in last]
    required = [slot for slot in texts if slot.required]
    return (required or texts)[0].name if texts else ""


def leads_to(plan: Plan, word: str, slot: SlotSpec) -> bool:
    """Whether some example has the slot's mark right after that word."""
    pairs = {pair for t in plan.templates for pair in zip(t.items, t.items[1:], strict=False)}
    return (word, f"{{{slot.name}}}") in pairs
