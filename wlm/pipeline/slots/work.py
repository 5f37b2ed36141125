"""One filling, step by step: typed values first, then names, then what is left as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wlm.pipeline.route.interface import Utterance
from wlm.pipeline.slots import choices, contacts
from wlm.pipeline.slots.atoms import low, number
from wlm.pipeline.slots.calendar import Calendar
from wlm.pipeline.slots.function_words import POLITE, STOP
from wlm.pipeline.slots.moments import When
from wlm.pipeline.slots.people import Known, Name, capitalise, known, name_at, names_at
from wlm.pipeline.slots.places import place_at
from wlm.pipeline.slots.plan import TIMED, Plan
from wlm.pipeline.slots.texts import (
    Run,
    after_cue,
    cue_at,
    match_templates,
    remainder,
    trim,
)
from wlm.pipeline.slots.times import find_in
from wlm.pipeline.slots.tokens import tokenise
from wlm.pipeline.slots.when import TimeSlots, span_of_old
from wlm.pipeline.slots.words import words
from wlm.plugins.slots import SlotSpec

_PERSON_CUES = frozenset({("with",), ("from",), ("to",), ("by",), ("for",)})
_TIME_LEADS = words(
    "at on in for by from until till since after before around about of the starting between "
    "this , to and over during"
)
_PAST_INTENTS = frozenset({"list", "search", "read", "headlines"})
_PAST_SKILLS = frozenset({"email", "news"})
_PAST_WORDS = frozenset({"did", "was", "were", "had", "happened", "ago", "missed"})
_PIVOTS = frozenset({"to", "until", "till", "for"})


class Work:
    """The state of one filling. ``slots``, ``spans`` and ``doubts`` are the result."""

    def __init__(self, plan: Plan, text: str, utterance: Utterance) -> None:
        self.plan, self.spec = plan, plan.spec
        self.text, self.utterance = text, utterance
        self.tokens = tokenise(text)
        self.slots: dict[str, Any] = {}
        self.spans: dict[str, list[tuple[int, int]]] = {}
        self.doubts: dict[str, str] = {}
        self.marks = [""] * len(self.tokens)
        self.cased = _is_cased(text)

    def run(self) -> None:
        """Fill what can be filled."""
        if not self.tokens:
            return
        sealed = self._seal()
        self._contacts()
        self._times()
        self._choices()
        self._people()
        self._places()
        self._texts()
        if sealed is not None:
            slot, run = sealed
            self._put_text(slot, run)

    # marks

    @property
    def taken(self) -> list[bool]:
        """By token, whether it was given to a slot."""
        return [bool(mark) for mark in self.marks]

    @property
    def free(self) -> list[bool]:
        """By token, whether it is still to be had."""
        return [not mark for mark in self.marks]

    def _mark(self, first: int, last: int, mark: str) -> None:
        for i in range(first, last):
            self.marks[i] = mark

    def _take(self, name: str, first: int, last: int, mark: str | None = None) -> None:
        self._mark(first, last, mark or name)
        span = (self.tokens[first].start, self.tokens[last - 1].end)
        self.spans.setdefault(name, []).append(span)

    # the body of what is sent

    def _seal(self) -> tuple[SlotSpec, Run] | None:
        """The message body: what follows its cue is not looked into for other slots."""
        slot = self.spec.slot(self.plan.seal) if self.plan.seal else None
        if slot is None:
            return None
        cues = frozenset(cue for cue in self.plan.left[slot.name] if cue[-1] not in ("to", "with"))
        cues |= {cue for cue in self.plan.left[slot.name] if len(cue) > 1}
        run = after_cue(self.tokens, cues, self.free, to_end=True)
        if run is None or run.first < 2:
            return None
        self._mark(run.first, run.last, "-")
        self._mark(run.first - 1, run.first, "-")
        return slot, run

    # typed values

    def _contacts(self) -> None:
        person = next((s for s in self.plan.of("person") if s.many), None)
        email, phone = self.plan.first("email"), self.plan.first("phone")
        if email or person:
            for piece in contacts.emails(self.text):
                run = self._tokens_of(piece.start, piece.end)
                if run is None or any(self.taken[run.first : run.last]):
                    continue
                target = email or person
                assert target is not None
                self._add(target, piece.value)
                self._take(target.name, *run)
        if phone:
            for piece in contacts.phones(self.text, digits=3 if self.spec.effect != "read" else 5):
                run = self._tokens_of(piece.start, piece.end)
                if (
                    run
                    and not any(self.taken[run.first : run.last])
                    and phone.name not in self.slots
                ):
                    self.slots[phone.name] = piece.value
                    self._take(phone.name, *run)

    def _tokens_of(self, start: int, end: int) -> Run | None:
        inside = [i for i, t in enumerate(self.tokens) if t.start < end and t.end > start]
        return Run(inside[0], inside[-1] + 1) if inside else None

    def _times(self) -> None:
        if not self.plan.of(*TIMED):
            self._numbers()
            return
        slots = TimeSlots(self.plan)
        cal = Calendar(self.utterance.now, past=self._past())
        limit = next((i for i, mark in enumerate(self.marks) if mark == "-"), len(self.tokens))
        tokens = self.tokens[:limit]
        pivot = self._pivot(cal, limit) if slots.old is not None else None
        if pivot is not None:
            self._moved(slots, cal, pivot, limit)
        else:
            for when in self._ranked(find_in(tokens, cal)):
                self._time(slots, when, 0)
        self._numbers()

    def _past(self) -> bool:
        if self.spec.skill in _PAST_SKILLS:
            return True
        words = {token.low for token in self.tokens[:6]}
        return self.spec.effect == "read" and bool(words & _PAST_WORDS)

    def _ranked(self, found: list[When]) -> list[When]:
        """The fuller and better placed expressions first; a slot keeps its first value."""

        def rank(when: When) -> tuple[int, int]:
            edge = when.last >= len(self.tokens) - 1 or when.first <= 1
            lead = low(self.tokens, when.first - 1) in _TIME_LEADS
            return -(2 * len(when.spans) + edge + lead), when.first

        return sorted(found, key=rank)

    def _time(self, slots: TimeSlots, when: When, offset: int) -> None:
        values = slots.values(when)
        placed = [(slot, value) for slot, value in values if slot.name not in self.slots]
        if not placed or (values and values[-1][0].name in self.slots and when.start is not None):
            return
        for slot, value in placed:
            self.slots[slot.name] = value
            self.spans[slot.name] = list(when.spans)
        self._mark_time(when, offset)

    def _mark_time(self, when: When, offset: int) -> None:
        """Take the pieces, the words between them, and the prepositions that lead to them."""
        for start, end in when.spans:
            run = self._tokens_of(start, end)
            if run is None:
                continue
            first = run.first
            while (
                first > 0
                and not self.marks[first - 1]
                and (self.tokens[first - 1].low in _TIME_LEADS)
            ):
                first -= 1
            self._mark(first, run.last, "-")
            if low(self.tokens, run.last) == "'s":
                self._mark(run.last, run.last + 1, "-")

    def _pivot(self, cal: Calendar, limit: int) -> int | None:
        """Where "move my 3 pm to 4" turns from what it is to what it shall be."""
        for i in range(limit - 1):
            if self.tokens[i].low not in _PIVOTS or i == 0:
                continue
            if low(self.tokens, i) == "for" and not find_in(self.tokens[:i], cal):
                continue
            right = find_in(self.tokens[i + 1 : limit], cal, hint=True)
            if any(when.start is not None and when.first <= 1 for when in right):
                return i
        return None

    def _moved(self, slots: TimeSlots, cal: Calendar, pivot: int, limit: int) -> None:
        left = [when for when in find_in(self.tokens[:pivot], cal) if when.start is not None]
        base = cal
        for when in self._ranked(left)[:1]:
            value = span_of_old(when)
            if value is not None and slots.old is not None:
                self.slots[slots.old.name] = value
                self.spans[slots.old.name] = list(when.spans)
                self._mark_time(when, 0)
                if when.start is not None and when.start > cal.now:
                    base = _on_day(cal, when)
        for when in find_in(self.tokens[pivot + 1 : limit], base, hint=True):
            self._time(slots, when, pivot + 1)

    def _numbers(self) -> None:
        for slot in self.plan.of("number"):
            for i, token in enumerate(self.tokens):
                if token.value is not None and not self.marks[i] and not token.ordinal:
                    self.slots[slot.name] = number(self.tokens, i)
                    self._take(slot.name, i, i + 1)
                    break

    def _choices(self) -> None:
        for slot in self.plan.of("choice"):
            found = choices.choose(self.tokens, choices.table(slot), self.taken)
            for item in found if slot.many else found[:1]:
                self._add(slot, item.value)
                self._take(slot.name, item.first, item.last)

    # names

    def _people(self) -> None:
        for slot in self.plan.of("person"):
            names = self._names(slot)
            for name in names if slot.many else names[:1]:
                self._add(slot, name.value)
                self._take(slot.name, name.first, name.last)

    def _names(self, slot: SlotSpec) -> list[Name]:
        book = known(self._vocabulary(slot, "person", "people"))
        taken = self.taken
        cues = self.plan.left[slot.name]
        found: list[Name] = []
        for i in range(len(self.tokens)):
            if taken[i] or (found and i < found[-1].last):
                continue
            length = cue_at(self.tokens, i, cues)
            if not length:
                continue
            at = i + length
            while low(self.tokens, at) in ("the", "a"):
                at += 1
            names = names_at(self.tokens, at, taken, book, many=slot.many, cased=self.cased)
            found += names
            if names and not slot.many:
                return names
        return found or self._other_names(slot, book, taken)

    def _other_names(self, slot: SlotSpec, book: Known, taken: Sequence[bool]) -> list[Name]:
        """Names without a cue: known ones, owners ("Tom's number"), ones before a right cue."""
        for i in range(len(self.tokens)):
            if not taken[i] and (name := book.at(self.tokens, i)) is not None:
                return names_at(self.tokens, i, taken, book, many=slot.many, cased=self.cased)
        rights = self.plan.right[slot.name]
        for i in range(len(self.tokens)):
            if taken[i]:
                continue
            name = name_at(self.tokens, i, taken, book, cased=self.cased)
            if name is None:
                continue
            after = low(self.tokens, name.last)
            capital = self.cased and i > 0 and self.tokens[i].text[0].isupper()
            if after == "'s" or (after,) in rights or capital:
                return [name]
        return []

    def _vocabulary(self, slot: SlotSpec, *kinds: str) -> tuple[str, ...]:
        vocabulary = self.utterance.vocabulary
        keys = dict.fromkeys((slot.name, slot.kind, *kinds))
        return tuple(name for key in keys for name in vocabulary.get(key, ()))

    def _places(self) -> None:
        for slot in self.plan.of("place"):
            book = known(self._vocabulary(slot, "place", "places"))
            name = place_at(
                self.tokens,
                self.taken,
                self.plan.left[slot.name],
                self.plan.right[slot.name],
                book,
                cased=self.cased,
            )
            if name is not None:
                self._add(slot, name.value)
                self._take(slot.name, name.first, name.last)

    # text

    def _texts(self) -> None:
        slots = [slot for slot in self.plan.of("text") if slot.name != self.plan.seal]
        marks = ["-" if self._passes(i) else mark for i, mark in enumerate(self.marks)]
        matched = match_templates(self.plan, self.tokens, marks) or {}
        for slot in slots:
            if slot.name in matched:
                self._put_text(slot, matched[slot.name])
        for slot in slots:
            if slot.name not in self.slots:
                run = after_cue(self.tokens, self.plan.left[slot.name], self.free)
                if run is not None:
                    self._put_text(slot, run)
        primary = slots[0] if slots else None
        if primary is not None and primary.name not in self.slots and self._wants(primary):
            run = remainder(self.tokens, self.free, self.plan.carriers)
            if run is not None:
                self._put_text(primary, run)

    def _wants(self, slot: SlotSpec) -> bool:
        """Whether what is left over can be this slot: its templates say so."""
        return any(f"{{{slot.name}}}" in template.items for template in self.plan.templates)

    def _passes(self, i: int) -> bool:
        token = self.tokens[i]
        return token.shape == "other" or (
            not self.marks[i] and token.low in POLITE and token.low not in ("can", "will")
        )

    def _put_text(self, slot: SlotSpec, run: Run) -> None:
        if slot.name != self.plan.seal:
            trimmed = trim(self.tokens, run, self.free)
            if trimmed is None:
                return
            run = trimmed
        value = self.text[self.tokens[run.first].start : self.tokens[run.last - 1].end]
        self._add(slot, value)
        self._take(slot.name, run.first, run.last)

    def _add(self, slot: SlotSpec, value: Any) -> None:
        if not slot.many:
            self.slots[slot.name] = value
            return
        values = self.slots.setdefault(slot.name, [])
        if value not in values:
            values.append(value)


def _on_day(cal: Calendar, when: When) -> Calendar:
    """A calendar whose today is the day of ``when``, for "to 4" without a day."""
    assert when.start is not None
    start = when.start
    return Calendar(cal.at(start.date(), 0, 0) if start.date() != cal.today else cal.now)


def _is_cased(text: str) -> bool:
    """Whether capitals mean something: there are some, but not only at the start."""
    letters = [c for c in text[1:] if c.isalpha()]
    words = text.split()
    inner = any(
        word[0].isupper() and word not in ("I", "I'm", "I'd", "I'll", "I've", "PM", "AM")
        for word in words[1:]
        if word
    )
    return inner and any(c.islower() for c in letters)


__all__ = ["STOP", "Work", "capitalise"]
