"""One filling, step by step: typed values first, then names, then what is left as text."""

from __future__ import annotations

from functools import partial
from typing import Any

from wlm.pipeline.slots import choices, contacts
from wlm.pipeline.slots.align import Aligned, Run, align
from wlm.pipeline.slots.atoms import low, number
from wlm.pipeline.slots.calendar import Calendar
from wlm.pipeline.slots.function_words import (
    GENERIC,
    LEADS,
    PREPOSITIONS,
    RELATIONS,
    STOP,
    TIME_LEADS,
    TITLES,
)
from wlm.pipeline.slots.given_names import GIVEN_NAMES
from wlm.pipeline.slots.marks import OWNERS, Marks
from wlm.pipeline.slots.messages import sentence_after_name
from wlm.pipeline.slots.moments import When
from wlm.pipeline.slots.people import Name, known, names_at, owner_stem
from wlm.pipeline.slots.places import place_at, place_end, place_name
from wlm.pipeline.slots.plan import TIMED, leads_to
from wlm.pipeline.slots.texts import after_cue, cue_at, remainder, trim
from wlm.pipeline.slots.times import find_in
from wlm.pipeline.slots.when import TimeSlots, on_day, span_of_old, unmoved
from wlm.pipeline.slots.words import words
from wlm.plugins.slots import SlotSpec

_PERSON_CUES = frozenset({(word,) for word in ("with", "from", "to", "by", "for", "of", "about")})
_WITH = frozenset({("with",), ("from",)})
_OCCASIONS = words("appointment appointments office visit checkup")
_PAST_INTENTS = frozenset({"list", "search", "read", "headlines"})
_PAST_SKILLS = frozenset({"email", "news"})
_PAST_WORDS = frozenset({"did", "was", "were", "had", "happened", "ago", "missed"})
_TURNS, _WINDOW = 8, 24
_PIVOTS = frozenset({"to", "until", "till", "for"})


class Work(Marks):
    """The steps of one filling. ``slots``, ``spans`` and ``doubts`` are the result."""

    def run(self) -> None:
        """Fill what can be filled."""
        if not self.tokens:
            return
        sealed = self._seal()
        self._contacts()
        self._times()
        self._known_texts()
        found = self._aligned()
        self._choices()
        self._people()
        self._places()
        self._texts()
        if sealed is not None:
            slot, run = sealed
            self._put_text(slot, run)
        if found is not None and found.whole:
            self.complete = set(found.spans) <= set(self.slots) and (found.bare or bool(self.slots))
        order = [slot.name for slot in self.spec.slots]
        self.slots = {name: self.slots[name] for name in order if name in self.slots}

    # the body of what is sent

    def _seal(self) -> tuple[SlotSpec, Run] | None:
        """The message body: what follows its cue is not looked into for other slots."""
        slot = self.spec.slot(self.plan.seal) if self.plan.seal else None
        if slot is None:
            return None
        cues = self.plan.cues[slot.name]
        run = after_cue(self.tokens, cues, self.free, to_end=True)
        if run is not None and run.first >= 2:
            self._mark(run.first - 1, run.first, "-")
        else:
            person = self.plan.first("person")
            if self.spec.effect != "send" or person is None:
                return None
            run = sentence_after_name(self.tokens, partial(self._names_at, person), self._likely)
        if run is None:
            return None
        self._mark(run.first, run.last, "-")
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

    def _times(self) -> None:
        if not self.plan.of(*TIMED):
            self._numbers()
            return
        slots = TimeSlots(self.plan)
        cal = Calendar(self.utterance.now, past=self._past())
        limit = next((i for i, mark in enumerate(self.marks) if mark == "-"), len(self.tokens))
        tokens = self.tokens[:limit]
        pivot = self._pivot(cal, limit) if slots.old is not None else None
        tokens = unmoved(self.plan, tokens)
        if pivot is not None:
            self._moved(slots, cal, pivot, limit)
        else:
            for when in self._ranked(find_in(tokens, cal, hint=self._hint)):
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
            lead = low(self.tokens, when.first - 1) in TIME_LEADS
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
                and (self.tokens[first - 1].low in TIME_LEADS)
            ):
                first -= 1
            self._mark(first, run.last, "-")
            if low(self.tokens, run.last) == "'s":
                self._mark(run.last, run.last + 1, "-")

    def _pivot(self, cal: Calendar, limit: int) -> int | None:
        """Where "move my 3 pm to 4" turns from what it is to what it shall be."""
        turns = [i for i in range(1, limit - 1) if self.tokens[i].low in _PIVOTS][:_TURNS]
        for i in turns:
            before = self.tokens[max(0, i - _WINDOW) : i]
            if low(self.tokens, i) == "for" and not find_in(before, cal):
                continue
            right = find_in(self.tokens[i + 1 : min(limit, i + _WINDOW)], cal, hint=True)
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
                    base = on_day(cal, when)
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
        timed = [mark == "-" for mark in self.marks]
        for slot in self.plan.of("choice"):
            found = choices.choose(self.tokens, choices.table(slot), self.taken, timed)
            for item in found if slot.many else found[:1]:
                self._add(slot, item.value)
                self._take(slot.name, item.first, item.last)

    def _known_texts(self) -> None:
        """Known values of a text slot right after a word that leads to it ("from the BBC")."""
        for slot in self.plan.of("text"):
            if slot.name == self.plan.seal:
                continue
            cues = self.plan.cues[slot.name]
            for i in range(len(self.tokens) - 1):
                length = 0 if self.taken[i] else cue_at(self.tokens, i, cues)
                if not length:
                    continue
                first = self._past_articles(i + length)
                book = known(tuple(self.utterance.vocabulary.get(slot.name, ())))
                if last := book.part_at(self.tokens, first):
                    self._put_text(slot, Run(first, last))
                    self._mark(i, i + length, "-")
                    break

    # names

    def _aligned(self) -> Aligned | None:
        """What the best example says about names and texts."""
        found = align(self.plan, self.tokens, self.marks, self._name_end)
        if found is None:
            return None
        self.explained = found.whole
        for name, run in found.spans.items():
            slot = self.spec.slot(name)
            if slot is None or name in self.slots or name == self.plan.seal:
                continue
            if slot.kind == "person":
                names = self._names_at(slot, run.first)
                if names and (text := self._rather_text(names[0])) is not None:
                    if text.name not in self.slots:
                        self._put_text(text, Run(names[0].first, names[-1].last))
                    continue
                if not names:
                    continue
                if self._led_to(run.first) or self._likely(names[0]):
                    self._put_names(slot, names)
            elif slot.kind == "place":
                self._put_names(slot, [place_name(self.tokens, *run, self._book(slot))])
            elif slot.kind == "text":
                self._put_text(slot, self._without_names(self._with_verb(slot, run)))
        return found

    def _rather_text(self, name: Name) -> SlotSpec | None:
        """The slot for "schedule a haircut": after that word a title stands as well as a name."""
        order = [s for s in self.spec.slots if s.kind in ("text", "person")]
        bare = name.last == name.first + 1 and low(self.tokens, name.first) in RELATIONS
        if not order or order[0].kind != "text" or (self._likely(name) and not bare):
            return None
        i = name.first - 1
        while i >= 0 and low(self.tokens, i) in ("a", "an", "the", "my", "our"):
            i -= 1
        lead = low(self.tokens, i)
        stands = leads_to(self.plan, lead, order[0])
        return order[0] if stands else None

    def _led_to(self, i: int) -> bool:
        """Whether a word stands before ``i`` that can lead to a name; a time cannot, nor "a"."""
        return i > 0 and not self.marks[i - 1] and low(self.tokens, i - 1) not in ("a", "an")

    def _with_verb(self, slot: SlotSpec, run: Run) -> Run:
        """From the slot's own cue on, where the example had the first words of the value in it."""
        for back in (1, 2):
            i = run.first - 1 - back
            if (
                i >= 0
                and not any(self.taken[i : run.first])
                and (
                    (low(self.tokens, i),) in self.plan.cues[slot.name]
                    and low(self.tokens, i + 1) not in PREPOSITIONS
                )
            ):
                return Run(i + 1, run.last)
        return run

    def _without_names(self, run: Run) -> Run:
        """Without "with Anna" at its end: that belongs to the slot for people."""
        for slot in self.plan.of("person"):
            if slot.name in self.slots:
                continue
            cues = self.plan.cues[slot.name] | self.plan.left[slot.name] | _WITH
            for i in range(run.first, run.last - 1):
                if (low(self.tokens, i),) not in cues:
                    continue
                names = self._names_at(slot, self._past_articles(i + 1))
                if names and names[-1].last == run.last:
                    self._put_names(slot, names)
                    return Run(run.first, i)
        return run

    def _name_end(self, name: str, i: int) -> int:
        slot = self.spec.slot(name)
        if slot is None or slot.kind == "place":
            return place_end(self.tokens, i, self.taken)
        names = self._names_at(slot, i)
        return names[-1].last if names else i

    def _names_at(self, slot: SlotSpec, i: int) -> list[Name]:
        first = i - 1 if low(self.tokens, i - 1) in OWNERS and not self.marks[i - 1] else i
        return names_at(
            self.tokens, first, self.taken, self._book(slot), many=slot.many, cased=self.cased
        )

    def _put_names(self, slot: SlotSpec, names: list[Name]) -> None:
        for name in names if slot.many else names[:1]:
            self._add(slot, name.value)
            self._take(slot.name, name.first, name.last)

    def _people(self) -> None:
        for slot in self.plan.of("person"):
            if slot.name not in self.slots:
                self._put_names(slot, self._loose_names(slot))

    def _loose_names(self, slot: SlotSpec) -> list[Name]:
        """Names that no example placed: after a cue of their own, known ones, owners."""
        cues = self.plan.cues[slot.name] | self.plan.left[slot.name] | _PERSON_CUES
        for i in range(len(self.tokens)):
            length = 0 if self.marks[i] else cue_at(self.tokens, i, cues)
            if length and (names := self._names_at(slot, self._past_articles(i + length))):
                strong = self.tokens[i + length - 1].low == "with" or self._likely(names[0])
                if strong:
                    return names
        for i in range(len(self.tokens)):
            names = [] if self.marks[i] or self._plain(i) else self._names_at(slot, i)
            owner = bool(names) and slot.many and low(self.tokens, names[0].last) == "'s"
            if names and not owner and self._likely(names[0]) and i == names[0].first:
                return names
        return []

    def _past_articles(self, i: int) -> int:
        while low(self.tokens, i) in ("the", "a"):
            i += 1
        return i

    def _likely(self, name: Name) -> bool:
        """Whether something beside its place shows that it is a name."""
        tokens = self.tokens[name.first : name.last]
        if any(token.low in GIVEN_NAMES or token.low in TITLES for token in tokens):
            return True
        if owner_stem(self.tokens, name.first):
            return True
        if tokens[0].low in RELATIONS or tokens[-1].low in RELATIONS:
            return low(self.tokens, name.last) not in _OCCASIONS and not self._modifies(name)
        if self.cased and name.first > 0 and tokens[0].text[0].isupper():
            return True
        return any(name.value == known_name for known_name in self._known_people)

    def _modifies(self, name: Name) -> bool:
        """Such as the team in "team sync": a bare relation right before a noun."""
        if low(self.tokens, name.first) in OWNERS or name.last >= len(self.tokens):
            return False
        following = self.tokens[name.last]
        return following.shape == "word" and not self.marks[name.last] and following.low not in STOP

    def _places(self) -> None:
        for slot in self.plan.of("place"):
            if slot.name in self.slots:
                continue
            left = self.plan.cues[slot.name] | self.plan.left[slot.name]
            right = self.plan.right[slot.name]
            book = self._book(slot)
            name = place_at(self.tokens, self.taken, left, right, book, cased=self.cased)
            if name is not None:
                self._put_names(slot, [name])

    # text

    def _texts(self) -> None:
        slots = [slot for slot in self.plan.of("text") if slot.name != self.plan.seal]
        for slot in slots:
            if slot.name not in self.slots:
                run = after_cue(self.tokens, self.plan.cues[slot.name], self.free)
                if run is not None:
                    self._put_text(slot, run)
        primary = slots[0] if slots else None
        if primary is not None and primary.name not in self.slots and self._wants(primary):
            occasion = self._occasion()
            if occasion is not None:
                self._put_text(primary, occasion)
        if self.explained or primary is None or primary.name in self.slots:
            return
        if self._wants(primary):
            run = remainder(self.tokens, self.free, self.plan.carriers)
            if run is not None:
                self._put_text(primary, run)

    def _occasion(self) -> Run | None:
        """The words right before "with Anna": "lunch", "quick coffee"."""
        people = {slot.name for slot in self.plan.of("person")}
        for i, token in enumerate(self.tokens[:-1]):
            if token.low != "with" or self.marks[i + 1] not in people:
                continue
            first = i
            while first and not self.taken[first - 1] and self._occasional(first - 1):
                first -= 1
            return Run(first, i) if first < i else None
        return None

    def _occasional(self, i: int) -> bool:
        word = low(self.tokens, i)
        return word in ("call", "talk") or word not in LEADS

    def _wants(self, slot: SlotSpec) -> bool:
        """Whether what is left over can be this slot: its templates say so."""
        return any(f"{{{slot.name}}}" in template.items for template in self.plan.templates)

    def _put_text(self, slot: SlotSpec, run: Run) -> None:
        if slot.name != self.plan.seal:
            trimmed = trim(self.tokens, run, self.free)
            if trimmed is None or all(
                token.low in GENERIC for token in self.tokens[trimmed.first : trimmed.last]
            ):
                return
            run = trimmed
        value = self.text[self.tokens[run.first].start : self.tokens[run.last - 1].end]
        if value.casefold().removeprefix("the ") == "same time":  # what a move keeps is no name
            return
        self._add(slot, value)
        self._take(slot.name, run.first, run.last)

    def _add(self, slot: SlotSpec, value: Any) -> None:
        if not slot.many:
            self.slots[slot.name] = value
            return
        values = self.slots.setdefault(slot.name, [])
        if value not in values:
            values.append(value)
