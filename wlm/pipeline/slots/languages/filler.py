"""Fill slots in a language that has tables but no grammar of its own.

Times go through English (``tables.times``), addresses and numbers are known by their form.
Both are taken out of the text, and out of the declared phrases; what is left of the text is
matched with what is left of the phrases, and where none fits as a whole, with the words
around a slot.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from wlm.pipeline.route.interface import Utterance
from wlm.pipeline.route.normalise import tables as plain_tables
from wlm.pipeline.slots import contacts
from wlm.pipeline.slots.answers import answer as english_answer
from wlm.pipeline.slots.calendar import Calendar
from wlm.pipeline.slots.fill import Filled, SlotFiller
from wlm.pipeline.slots.fragment import Fragment
from wlm.pipeline.slots.languages.tables import Language, Piece, times, yes_no
from wlm.pipeline.slots.moments import When
from wlm.pipeline.slots.plan import TIMED, make_plan
from wlm.pipeline.slots.times import find_in
from wlm.pipeline.slots.tokens import tokenise
from wlm.pipeline.slots.when import TimeSlots, span_of_old
from wlm.plugins.skill import IntentSpec, Phrases
from wlm.plugins.slots import SlotSpec

_FORMED = TIMED | {"email", "phone"}
_MARK = re.compile(r"\{(\w+)\}")
_WORD = re.compile(r"[^\s,.!?;:¿¡\"“”]+")
_ACCENTS = str.maketrans("áéíóúüñ", "aeiouun")


class _Template(NamedTuple):
    """A phrase without times and addresses: its pattern and how much of it is literal."""

    pattern: re.Pattern[str]
    literal: int
    slots: tuple[str, ...]


class _Cue(NamedTuple):
    """The words before a slot in some phrase."""

    slot: str
    words: tuple[str, ...]


class TranslatedFiller(SlotFiller):
    """The face of ``SlotFiller`` for another language; never raises for any text."""

    def __init__(self, intents: Mapping[str, IntentSpec], tables: Language) -> None:
        super().__init__(intents, tables.code)
        self._tables = tables
        self._made: dict[str, tuple[list[_Template], list[_Cue]]] = {}

    def fill(self, spec: IntentSpec, text: str, utterance: Utterance) -> Filled:
        """The slots of ``spec`` that ``text`` holds; only what was said, nothing invented."""
        text = text[:2000]
        pieces = times(text, self._tables)
        slots = self._timed(spec, pieces, utterance)
        taken = [(piece.start, piece.end) for piece in pieces]
        for slot in spec.slots:
            if slot.kind in ("email", "phone"):
                found = contacts.emails(text) if slot.kind == "email" else contacts.phones(text)
                if found:
                    slots[slot.name] = found[0].value
                    taken.append((found[0].start, found[0].end))
        slots |= self._addressed(spec, text, taken, slots)
        rest = self._without(text, taken)
        slots |= self._chosen(spec, rest, text)
        for name, said in self._spans(spec, rest).items():
            slot_spec = spec.slot(name)
            value = self._value(slot_spec, said) if slot_spec else None
            if value and name not in slots:
                slots[name] = value
        return Filled(slots)

    def follow_up(self, spec: IntentSpec, text: str, utterance: Utterance) -> Filled | None:
        """Never: there are no follow-up phrases in other languages yet."""
        return None

    def fragment(
        self, spec: IntentSpec, text: str, utterance: Utterance, said: Mapping[str, Any]
    ) -> Fragment | None:
        """Never: parts of sentences are read in English alone."""
        return None

    def answer(self, slot: SlotSpec, text: str, utterance: Utterance) -> Any | None:
        """The value of a bare reply to a question, in JSON form."""
        if slot.kind in TIMED:
            english = " ".join(piece.english for piece in times(text, self._tables))
            return english_answer(slot, english, utterance) if english else None
        if slot.kind in ("text", "person", "place"):
            if slot.kind == "person" and (found := contacts.emails(text)):
                return [found[0].value] if slot.many else found[0].value
            words = _WORD.findall(text)
            while words and words[0].casefold() in self._tables.cues | self._tables.leads:
                words.pop(0)
            said = text.strip() if slot.kind == "text" else " ".join(words)
            return self._value(slot, said)
        return english_answer(slot, text, utterance)

    def yes_no(self, text: str) -> bool | None:
        """True for a confirmation, False for a refusal, ``None`` if it is neither."""
        return yes_no(text, self._tables)

    def _timed(self, spec: IntentSpec, pieces: list[Piece], utterance: Utterance) -> dict[str, Any]:
        calendar = Calendar(utterance.now)
        whens = [
            when
            for piece in pieces
            for when in find_in(tokenise(piece.english), calendar, hint=True)
        ]
        places = TimeSlots(make_plan(spec, self._tables.code))
        slots: dict[str, Any] = {}
        if places.old is not None and len(whens) > 1 and (old := span_of_old(whens[0])):
            slots[places.old.name] = old
            whens = whens[1:]
        for when in whens:
            for slot, value in places.values(when):
                slots.setdefault(slot.name, value)
        return slots | self._whole_days(spec, slots, whens)

    def _addressed(
        self,
        spec: IntentSpec,
        text: str,
        taken: list[tuple[int, int]],
        slots: Mapping[str, Any],
    ) -> dict[str, Any]:
        """Addresses that stand for people, where no slot takes an address as such."""
        person = next((slot for slot in spec.slots if slot.kind == "person"), None)
        found = contacts.emails(text)
        if person is None or not found or "email" in slots:
            return {}
        taken.extend((piece.start, piece.end) for piece in found)
        values = [piece.value for piece in found]
        return {person.name: values if person.many else values[0]}

    def _whole_days(
        self, spec: IntentSpec, slots: Mapping[str, Any], whens: list[When]
    ) -> dict[str, Any]:
        """A slot for a range takes what was said of a clock where there is no other."""
        free = [s for s in spec.slots if s.kind == "time_range" and s.name not in slots]
        if slots or not free or not whens or whens[0].start is None or whens[0].end is None:
            return {}
        value = {"start": whens[0].start.isoformat(), "end": whens[0].end.isoformat()}
        return {free[-1].name: value}

    def _chosen(self, spec: IntentSpec, rest: str, text: str) -> dict[str, Any]:
        """Choices by this language's words for them; the longest word that was said.

        Several words may hold part of a time ("ab nächster Woche"): those are looked for in all
        of the text, single ones in the ``rest``.
        """
        low, whole = rest.casefold(), text.casefold()
        chosen: dict[str, Any] = {}
        for slot, choices in self._phrases(spec).words.items():
            said = [
                (len(word), choice)
                for choice, words in choices.items()
                for word in words
                if re.search(
                    rf"(?<!\w){re.escape(word.casefold())}(?!\w)", whole if " " in word else low
                )
            ]
            if said:
                chosen[slot] = max(said)[1]
        return chosen

    def _without(self, text: str, taken: list[tuple[int, int]]) -> str:
        """The text without what was read by its form, and without what led to that."""
        for start, end in sorted(taken, reverse=True):
            before = text[:start].rstrip()
            word = before.rpartition(" ")[2]
            if word.casefold() in self._tables.leads:
                before = before[: len(before) - len(word)]
            text = f"{before} {text[end:]}"
        return " ".join(_WORD.findall(text))

    def _spans(self, spec: IntentSpec, rest: str) -> dict[str, str]:
        """The words of each slot, by the phrase that fits best, or by the words before it."""
        if spec.name not in self._made:
            self._made[spec.name] = self._make(spec)
        templates, cues = self._made[spec.name]
        rest = self._bare(rest)
        folded = _fold(rest)
        best: tuple[int, re.Match[str]] | None = None
        for template in templates:
            match = template.pattern.fullmatch(folded)
            if match and (best is None or template.literal > best[0]):
                best = template.literal, match
        if best is not None:
            return {name: rest[slice(*best[1].span(name))] for name in best[1].groupdict()}
        return self._by_cues(rest, folded, cues)

    def _by_cues(self, rest: str, folded: str, cues: list[_Cue]) -> dict[str, str]:
        words, plain = rest.split(), folded.split()
        starts: dict[int, str] = {}
        for cue in cues:
            size = len(cue.words)
            for at in range(len(plain) - size):
                if tuple(plain[at : at + size]) == cue.words:
                    starts.setdefault(at + size, cue.slot)
        found: dict[str, str] = {}
        order = sorted(starts)
        for at, start in enumerate(order):
            stop = order[at + 1] - 1 if at + 1 < len(order) else len(words)
            if stop > start and starts[start] not in found:
                found[starts[start]] = " ".join(words[start:stop])
        return found

    def _make(self, spec: IntentSpec) -> tuple[list[_Template], list[_Cue]]:
        templates: dict[str, _Template] = {}
        cues: dict[_Cue, None] = {}
        for example in self._phrases(spec).examples:
            items = list(self._items(spec, example))
            names = tuple(item[1:-1] for item in items if item.startswith("{"))
            if len(set(names)) != len(names):
                continue
            pattern = " ".join(self._item(item) for item in items)
            literal = sum(len(item) for item in items if not item.startswith("{"))
            templates[pattern] = _Template(re.compile(pattern), literal, names)
            for at, item in enumerate(items):
                before = tuple(_fold(word) for word in items[max(0, at - 2) : at])
                if item.startswith("{") and len(before) == 2 and "{" not in "".join(before):
                    cues[_Cue(item[1:-1], before)] = None
                if item.startswith("{") and before and before[-1] in self._tables.cues:
                    cues[_Cue(item[1:-1], before[-1:])] = None
        ordered = sorted(cues, key=lambda cue: -len(cue.words))
        return list(templates.values()), ordered

    def _items(self, spec: IntentSpec, example: str) -> Iterator[str]:
        """Words and marks of a phrase without those that are read by their form."""
        kept: list[str] = []
        for word in _WORD.findall(example):
            mark = _MARK.fullmatch(word)
            slot = spec.slot(mark[1]) if mark else None
            if slot is not None and slot.kind in _FORMED:
                if kept and kept[-1].casefold() in self._tables.leads:
                    kept.pop()
                continue
            kept.append(word)
        return iter(kept)

    def _item(self, item: str) -> str:
        if item.startswith("{"):
            return rf"(?P<{item[1:-1]}>\S.*?)"
        if _fold(item) in self._tables.same:
            return f"(?:{'|'.join(map(re.escape, sorted(self._tables.same)))})"
        word = re.escape(_fold(item))
        if self._tables.code == "de" and len(word) > 3:  # "schick" and "schicke" are one
            return rf"{word[:-1]}e?" if word.endswith("e") else rf"{word}e?"
        return word

    def _bare(self, text: str) -> str:
        """Without politeness on both ends."""
        table = plain_tables(self._tables.code)
        words = text.split()
        while words and (cut := _prefix(words, table.opening, table.longest)):
            words = words[cut:]
        words = [*words[:1], *_without_dative(words[1:], self._tables.datives)]
        while words and (cut := _prefix(words[::-1], _reversed(table.closing), table.longest)):
            words = words[:-cut]
        return " ".join(words)

    def _value(self, slot: SlotSpec | None, said: str) -> Any | None:
        said = said.strip(" ,.!?")
        if slot is None or slot.kind not in ("text", "person", "place") or not said:
            return None
        if slot.kind == "text" and slot.name == "title":
            said = self._without_article(said)
        if slot.kind != "person":
            return said or None
        if not slot.many:
            return said
        joins = "|".join(sorted(self._tables.joins))
        names = re.split(rf"\s+(?:{joins})\s+|,\s*", said)
        return [name for name in names if name] or None

    def _without_article(self, said: str) -> str:
        first, _, rest = said.partition(" ")
        return rest if rest and first.casefold() in self._tables.articles else said

    def _phrases(self, spec: IntentSpec) -> Phrases:
        return spec.phrases.get(self._tables.code) or spec.phrases.get("en") or Phrases()


def _fold(text: str) -> str:
    """Lower case without accents; as long as the text."""
    low = text.lower()
    return (low if len(low) == len(text) else text).translate(_ACCENTS)


def _prefix(words: list[str], phrases: frozenset[tuple[str, ...]], longest: int) -> int:
    for size in range(min(longest, len(words) - 1), 0, -1):
        if tuple(word.casefold() for word in words[:size]) in phrases:
            return size
    return 0


def _without_dative(words: list[str], datives: frozenset[str]) -> list[str]:
    """Without "for me" and the like right after the verb."""
    while len(words) > 1 and words[0].casefold() in datives:
        words = words[1:]
    return words


def _reversed(phrases: frozenset[tuple[str, ...]]) -> frozenset[tuple[str, ...]]:
    return frozenset(phrase[::-1] for phrase in phrases)
