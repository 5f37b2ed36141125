"""A part of a sentence that stands for values alone: "and on Saturday?", "no, Thursday", "Bob".

It changes slots of a request that was made before. What the new words leave open is kept:
a day alone keeps the clock time, a clock time alone keeps the day.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from wlm.pipeline.route.interface import Utterance
from wlm.pipeline.slots.align import Run
from wlm.pipeline.slots.calendar import Calendar
from wlm.pipeline.slots.frames import Frame
from wlm.pipeline.slots.function_words import (
    AUXILIARIES,
    CONJUNCTIONS,
    DETERMINERS,
    POLITE,
    PREPOSITIONS,
    PRONOUNS,
)
from wlm.pipeline.slots.given_names import GIVEN_NAMES
from wlm.pipeline.slots.moments import When
from wlm.pipeline.slots.people import capitalise
from wlm.pipeline.slots.plan import Plan
from wlm.pipeline.slots.recurrences import CODES
from wlm.pipeline.slots.texts import _COMMANDS
from wlm.pipeline.slots.times import find_frames
from wlm.pipeline.slots.when import TimeSlots
from wlm.pipeline.slots.words import words
from wlm.pipeline.slots.work import Work
from wlm.plugins.slots import SlotSpec

_MOST = 12
_NAME_MOST = 5
_OWNERS = frozenset({"my", "our", "his", "her", "their", "its", "'s"})
_PASSED = POLITE | DETERMINERS | words("'s instead too as well rather though only , . ! ? and")
_NOT_VALUES = (AUXILIARIES | PRONOUNS | CONJUNCTIONS | _COMMANDS) - words(
    "set list book plan call meeting meetings event events"
)


class Fragment(NamedTuple):
    """Changes to slots in JSON form (``None`` takes one away).

    ``sure``: the words could hardly mean another slot: a time, a known name, a named choice,
    or a word of its own that leads to it.
    """

    changes: dict[str, Any]
    sure: bool
    timed: bool


def fragment(
    plan: Plan, text: str, utterance: Utterance, said: Mapping[str, Any]
) -> Fragment | None:
    """What ``text`` changes in a request with the slots ``said``; ``None`` if it is more."""
    part = _Part(plan, text, utterance, said)
    return part.read()


class _Part(Work):
    """The reading of one fragment."""

    def __init__(
        self, plan: Plan, text: str, utterance: Utterance, said: Mapping[str, Any]
    ) -> None:
        super().__init__(plan, text, utterance, hint=True)
        self._said = said
        self._changes: dict[str, Any] = {}
        self._timed = False

    def read(self) -> Fragment | None:
        if not self.tokens or len(self.tokens) > _MOST:
            return None
        self._contacts()
        self._read_time()
        self._choices()
        self._changes |= self.slots
        sure = bool(self._changes)
        rest = self._rest()
        if rest is None:
            return None
        if rest.last > rest.first:
            placed = self._place_rest(rest)
            if placed is None:
                return None
            slot, value, certain = placed
            self._changes[slot.name] = [value] if slot.many else value
            sure = sure or certain
        if not self._changes:
            return None
        return Fragment(self._changes, sure, self._timed)

    # times

    def _read_time(self) -> None:
        cal = Calendar(self.utterance.now, past=self._past())
        found = find_frames(self.tokens, cal, hint=True)
        slots = TimeSlots(self.plan)
        for when, frame in found[:1]:
            changes = self._time_changes(slots, when, frame, cal)
            if changes:
                self._changes |= changes
                self._timed = True
                self._mark_time(when, 0)

    def _time_changes(
        self, slots: TimeSlots, when: When, frame: Frame, cal: Calendar
    ) -> dict[str, Any]:
        start = _start_of(slots, self._said)
        repeat = self._said.get(slots.repeat.name) if slots.repeat else None
        if isinstance(repeat, dict) and not when.rrule and slots.repeat is not None:
            changed = _repeat_with(repeat, when, frame, cal)
            return {slots.repeat.name: changed} if changed else {}
        clock_alone = frame.clock is not None and not (frame.day or frame.span or frame.point)
        if clock_alone and start is not None:
            there = start.astimezone(cal.now.tzinfo)
            base = cal if there.date() == cal.today else Calendar(cal.at(there.date(), 0, 0))
            again = find_frames(self.tokens, base, hint=True)
            when = again[0][0] if again else when
        day_alone = frame.day is not None and not (frame.clock or frame.part or frame.day_to)
        had = slots.time is not None and self._said.get(slots.time.name)
        if day_alone and had and start is not None and when.start is not None and slots.time:
            there = start.astimezone(cal.now.tzinfo)
            moved = cal.at(when.start.date(), there.hour, there.minute)
            return {slots.time.name: moved.isoformat()}
        values = slots.values(when)
        changes: dict[str, Any] = {slot.name: value for slot, value in values}
        if when.start is not None and values:
            for slot in (slots.time, slots.range):
                if slot is not None and slot.name in self._said:
                    changes.setdefault(slot.name, None)
        return changes

    # what is left: a name, a place, a text

    def _rest(self) -> Run | None:
        """The one stretch that no time or choice took; ``None`` if there are several."""
        left = [
            i
            for i, token in enumerate(self.tokens)
            if not self.marks[i] and token.low not in _PASSED and token.low not in _OWNERS
        ]
        while left and self.tokens[left[-1]].low in PREPOSITIONS:
            left.pop()
        if not left:
            return Run(0, 0)
        run = Run(left[0], left[-1] + 1)
        inner = self.tokens[run.first : run.last]
        if any(self.marks[i] for i in range(*run)) or len(inner) > _NAME_MOST + 1:
            return None
        if any(token.low in _NOT_VALUES for token in inner):
            return None
        return run

    def _place_rest(self, rest: Run) -> tuple[SlotSpec, Any, bool] | None:
        """The slot that the words are a value of, the value, and whether that is sure."""
        first = rest.first
        cue: tuple[str, ...] = ()
        while first < rest.last and self.tokens[first].low in PREPOSITIONS:
            cue = (self.tokens[first].low,)
            first += 1
        first = self._past_articles(first)
        if first >= rest.last:
            return None
        open_slots = self.plan.of("person", "place", "text")
        if not open_slots:
            return None
        for slot in open_slots:
            if (name := self._known(slot, first, rest.last)) is not None:
                return slot, name, True
        if self.tokens[first].low in GIVEN_NAMES and (who := self.plan.first("person")):
            return who, self._text(first, rest.last, name=True), True
        led = [s for s in open_slots if cue and cue in self.plan.cues[s.name]]
        led = led or [s for s in open_slots if cue and cue in self.plan.left[s.name]]
        led = led or [s for s in open_slots if cue == ("in",) and s.kind == "place"]
        for slot in led:
            return slot, self._text(first, rest.last, name=slot.kind != "text"), True
        spoken = [s for s in open_slots if s.name in self._said and s.name != self.plan.seal]
        plain = [s for s in open_slots if s.name != self.plan.seal]
        for slot in (*spoken, *plain):
            if slot.kind == "person" and any(t.low in _NOT_NAMES for t in self.tokens[first:]):
                continue
            return slot, self._text(first, rest.last, name=slot.kind != "text"), False
        return None

    def _known(self, slot: SlotSpec, first: int, last: int) -> str | None:
        book = self._book(slot)
        for start in (first, first - 1):  # "The Guardian" is known with its article
            if start >= 0 and (name := book.at(self.tokens, start)) and name.last == last:
                return name.value
        if slot.kind == "text":
            said = self._text(first, last, name=False).casefold()
            for known_name in book.names:
                if known_name.casefold().removeprefix("the ") == said:
                    return known_name
        return None

    def _text(self, first: int, last: int, *, name: bool) -> str:
        text = self.text[self.tokens[first].start : self.tokens[last - 1].end]
        return capitalise(text) if name and text == text.lower() else text


_NOT_NAMES = words("meeting meetings event events weather news mail mails email emails call")


def _start_of(slots: TimeSlots, said: Mapping[str, Any]) -> datetime | None:
    """When the request was for, as it was said."""
    if slots.time is not None and isinstance(value := said.get(slots.time.name), str):
        return datetime.fromisoformat(value)
    if slots.range is not None and isinstance(value := said.get(slots.range.name), dict):
        return datetime.fromisoformat(value["start"])
    return None


def _repeat_with(
    repeat: dict[str, Any], when: When, frame: Frame, cal: Calendar
) -> dict[str, Any] | None:
    """The recurrence on another weekday, or at another clock time."""
    start = datetime.fromisoformat(repeat["start"]) if repeat.get("start") else None
    if when.start is None:
        return None
    rule = dict(part.split("=", 1) for part in str(repeat["rrule"]).split(";"))
    if frame.day is not None and frame.day.weekday and "BYDAY" in rule:
        rule["BYDAY"] = CODES[frame.day.date.weekday()]
        text = ";".join(f"{key}={value}" for key, value in rule.items())
        clock = when.start if when.clock else start
        if clock is not None:
            clock = clock.astimezone(cal.now.tzinfo)
            start = cal.at(frame.day.date, clock.hour, clock.minute)
            start = start if start > cal.now else start + timedelta(days=7)
        return {**repeat, "rrule": text, "start": start.isoformat() if start else None}
    if frame.clock is not None and frame.day is None:
        day = start.astimezone(cal.now.tzinfo).date() if start else when.start.date()
        moved = cal.at(day, when.start.hour, when.start.minute)
        return {**repeat, "start": moved.isoformat()}
    return None
