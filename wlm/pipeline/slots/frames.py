"""Frames: which atoms belong together, and what joins them ("from … to", "except in")."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Literal

from wlm.pipeline.slots.atoms import (
    Atom,
    Clock,
    Day,
    Length,
    Part,
    Point,
    Repeat,
    Span,
    Tokens,
    Value,
    low,
    number,
)
from wlm.pipeline.slots.calendar import Calendar, period
from wlm.pipeline.slots.words import RANGE_TO, words

Mode = Literal["", "at", "by", "until", "since", "after", "before", "from"]
_MODES: dict[str, Mode] = {
    "by": "by",
    "until": "until",
    "till": "until",
    "til": "until",
    "since": "since",
    "after": "after",
    "before": "before",
    "from": "from",
    "starting": "from",
    "at": "at",
    "on": "at",
    "in": "at",
    "for": "at",
    "around": "at",
    "about": "at",
    "this": "at",
    "during": "at",
    "over": "at",
}
_JOINTS = words(
    "at on in of the , for around about this from by to till until through thru and - – — "
    "starting beginning between local 's sometime anytime any time during exactly sharp then "
    "also only"
)
_EXCEPT = frozenset(["except", "excluding", "excepting", "without", "skipping", "not"])
_ENDING = frozenset(["until", "till", "til", "through", "ending", "thru"])


@dataclasses.dataclass(slots=True)
class Frame:
    """The atoms of one expression. ``*_to`` are the far ends of ranges."""

    day: Day | None = None
    day_to: Day | None = None
    clock: Clock | None = None
    clock_to: Clock | None = None
    part: Part | None = None
    part_to: Part | None = None
    span: Span | None = None
    span_to: Span | None = None
    point: Point | None = None
    length: Length | None = None
    repeat: Repeat | None = None
    until: Day | Span | None = None
    count: int = 0
    excluded: list[Day | Span | Repeat] = dataclasses.field(default_factory=list)
    mode: Mode = ""
    pieces: list[tuple[int, int]] = dataclasses.field(default_factory=list)
    _between: bool = False
    _far: bool = False
    _except: bool = False

    @property
    def empty(self) -> bool:
        """Nothing but perhaps a length was placed."""
        return not any(
            (self.day, self.clock, self.part, self.span, self.point, self.repeat, self.day_to)
        )


def compose(tokens: Tokens, atoms: list[Atom], cal: Calendar) -> list[Frame]:
    """The frames, in order. An atom that fits no open place starts a new one."""
    frames: list[Frame] = []
    frame: Frame | None = None
    last = 0
    for atom in atoms:
        gap = [token.low for token in tokens[last : atom.first]] if frame else []
        if frame is None or not _place(frame, atom, gap, tokens, cal):
            frame = Frame(mode=_mode(tokens, atom.first))
            frame._between = low(tokens, atom.first - 1) == "between"
            frames.append(frame)
            _place(frame, atom, [], tokens, cal)
        elif frame.mode in ("", "at") and not isinstance(atom.value, Length):
            mode = _mode(tokens, atom.first)
            if mode and not frame._far and mode != "from":
                frame.mode = mode
        frame.pieces.append((atom.first, atom.last))
        last = atom.last
        _count(frame, tokens, last)
    return frames


def _mode(tokens: Tokens, first: int) -> Mode:
    word = low(tokens, first - 1)
    if word == "the":
        word = low(tokens, first - 2)
    return _MODES.get(word, "")


def _count(frame: Frame, tokens: Tokens, i: int) -> None:
    """Such as "five times" after a recurrence."""
    if frame.repeat is None or frame.count:
        return
    j = i + 1 if low(tokens, i) in (",", "for") else i
    value = number(tokens, j, ordinal=False)
    if value and value < 1000 and low(tokens, j + 1) == "times":
        frame.count = value
        frame.pieces.append((j, j + 2))


def _place(frame: Frame, atom: Atom, gap: list[str], tokens: Tokens, cal: Calendar) -> bool:
    """Put the atom into its place, if that is free and the words between allow it."""
    joined = all(word in _JOINTS for word in gap)
    if frame.repeat is not None and _bound(frame, atom.value, gap, tokens, atom):
        return True
    joint = gap[-1] if gap else ""
    if joint == "the" and len(gap) > 1:
        joint = gap[-2]
    frame._between = frame._between or "between" in gap
    to = joint in RANGE_TO and (joint != "and" or frame._between) and joined
    if to and _far(frame, atom.value):
        return True
    if not joined and isinstance(atom.value, Point):
        return False
    return _near(frame, atom.value, joint, cal)


def _bound(frame: Frame, value: Value, gap: list[str], tokens: Tokens, atom: Atom) -> bool:
    """Ends and exceptions of a recurrence."""
    if any(word in _EXCEPT for word in gap):
        frame._except = True
    if frame._except and isinstance(value, (Day, Span, Repeat)):
        frame.excluded.append(value)
        return True
    if gap and gap[-1] in _ENDING and isinstance(value, (Day, Span)):
        frame.until = value
        return True
    if len(gap) > 1 and gap[-1] == "the" and gap[-2] in _ENDING and isinstance(value, (Day, Span)):
        frame.until = value
        return True
    if isinstance(value, Span) and "for" in gap[-2:] and frame.until is None:
        frame.until = value
        return True
    return False


def _far(frame: Frame, value: Value) -> bool:
    """The far end of a range."""
    match value:
        case Clock() if frame.clock is not None and frame.clock_to is None:
            frame.clock_to = value
        case Day() if frame.day is not None and frame.day_to is None:
            frame.day_to = value
        case Day() if frame.span is not None and frame.span_to is None:
            frame.day_to = value
        case Span() if frame.span is not None and frame.span_to is None:
            frame.span_to = value
        case Part() if frame.part is not None and frame.part_to is None:
            frame.part_to = value
        case Point() if frame.point is not None and frame.span is None:
            frame.span = Span(frame.point.moment, max(value.moment, frame.point.moment), "hour")
        case _:
            return False
    frame._far = True
    return True


def _near(frame: Frame, value: Value, joint: str, cal: Calendar) -> bool:
    if frame._far and frame.day_to is not None and isinstance(value, Clock) and frame.clock:
        if frame.clock_to is None:
            frame.clock_to = value
            return True
        return False
    match value:
        case Length() if frame.length is None:
            frame.length = value
        case _ if frame.point is not None:
            return False
        case Point() if frame.empty:
            frame.point = value
        case Clock() if frame.clock is None:
            frame.clock = value
        case Part() if frame.part is None or frame.part.name == value.name:
            frame.part = frame.part or value
        case Repeat() if frame.repeat is None and frame.span is None:
            frame.repeat = value
        case Day():
            return _near_day(frame, value, joint, cal)
        case Span():
            return _near_span(frame, value, cal)
        case _:
            return False
    return True


def _near_day(frame: Frame, day: Day, joint: str, cal: Calendar) -> bool:
    if frame.span is not None:
        if frame.span.unit != "week" or not day.weekday or frame.span_to is not None:
            return False
        frame.day, frame.span = _in_week(frame.span, day), None
        return True
    if frame.day is None:
        frame.day = day
        return True
    if frame.day.date == day.date:
        return True
    if (
        joint == "and"
        and frame.day_to is None
        and frame.clock is None
        and (day.date - frame.day.date).days % 7 == 1
        and (day.weekday or (day.date - frame.day.date).days == 1)
    ):
        frame.day_to = Day(frame.day.date + timedelta(days=1))
        return True
    return False


def _near_span(frame: Frame, span: Span, cal: Calendar) -> bool:
    if frame.span is not None:
        return False
    if frame.day is None:
        frame.span = span
        return True
    if span.unit == "week" and frame.day.weekday and (not frame.day_to or frame.day_to.weekday):
        frame.day = _in_week(span, frame.day)
        frame.day_to = _in_week(span, frame.day_to) if frame.day_to else None
        return True
    return False


def _in_week(span: Span, day: Day) -> Day:
    """The weekday inside that week: "next week … on Tuesday"."""
    monday = period(span.start.date(), "week")[0]
    return Day(monday + timedelta(days=day.date.weekday()), weekday=True)
