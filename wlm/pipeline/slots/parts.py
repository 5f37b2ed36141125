"""Parts of the day: "this morning", "late afternoon", "last night", "tonight"."""

from __future__ import annotations

from wlm.pipeline.slots.atoms import Day, Found, Part, Span, Tokens, low, number
from wlm.pipeline.slots.calendar import Calendar, shift
from wlm.pipeline.slots.words import (
    LAST,
    MONTHS,
    PART_EARLY,
    PART_LATE,
    PARTS,
    SPECIAL_CLOCKS,
    THIS,
    WEEKDAYS,
    words,
)

_BEFORE = words(
    "in the this last at by for during until till since before after on every each over early "
    "late today tomorrow yesterday tomorrow's later and or to 's"
)
_AFTER = words(
    "at in on for with to and or please from between until till by around about before after is of"
)
_NAMED = frozenset({"news", "show", "edition", "post", "standard", "standup", "call", "paper"})


def part_at(tokens: Tokens, i: int, cal: Calendar) -> Found:
    """The part of the day at ``i``."""
    word = low(tokens, i)
    if word == "first" and low(tokens, i + 1) == "thing":
        j = i + 2
        if low(tokens, j) in ("tomorrow", "on", "next", "") or low(tokens, j) in WEEKDAYS:
            return j, Part(*PART_EARLY["morning"], "morning")
        while low(tokens, j) in ("in", "the"):
            j += 1
        return (
            (j + 1, Part(*PART_EARLY["morning"], "morning"))
            if low(tokens, j) == "morning"
            else None
        )
    if word in ("tonight", "tonite"):
        return i + 1, Part(*PARTS["tonight"], "night", this=True)
    if word in LAST and low(tokens, i + 1) in ("night", "evening"):
        day = shift(cal.today, "day", -1)
        end = cal.at(day, 30 if low(tokens, i + 1) == "night" else 22)
        return i + 2, Span(cal.at(day, 18), end, "night")
    j, table = i, PARTS
    this = word in THIS
    if this or (word == "the" and low(tokens, i + 1) in PARTS):
        j += 1
    if low(tokens, j) in ("early", "late"):
        table = PART_EARLY if low(tokens, j) == "early" else PART_LATE
        j += 2 if low(tokens, j + 1) == "-" else 1
        if low(tokens, j) == "in" and low(tokens, j + 1) in ("the", "this"):
            j += 2
    name = low(tokens, j).removesuffix("s") if low(tokens, j) in PARTS else low(tokens, j)
    if name not in table or low(tokens, i - 1) == "good" or low(tokens, j + 1) in _NAMED:
        return None
    if j == i and not _placed(tokens, i):
        return None
    if j == i and low(tokens, i - 2) in ("early", "late") and name in PART_EARLY:
        table = PART_EARLY if low(tokens, i - 2) == "early" else PART_LATE
    return j + 1, Part(*table[name], name, this=this)


def _placed(tokens: Tokens, i: int) -> bool:
    """Whether a bare "morning" or "night" means the time and not a thing ("quiz night")."""
    before = low(tokens, i - 1)
    if before in _BEFORE or before in WEEKDAYS or before in MONTHS or before in SPECIAL_CLOCKS:
        return True
    if number(tokens, i - 1) is not None or before in ("am", "pm", "o'clock"):
        return True
    if low(tokens, i).startswith("night"):
        return False
    after = low(tokens, i + 1)
    return not after or after in _AFTER or tokens[i + 1].shape == "other"


def day_part(day: Day | None, part: Part, cal: Calendar) -> Span:
    """The part as a range, on ``day`` or the nearest fitting one."""
    date = day.date if day else cal.today
    if day is None and not part.this:
        if cal.past and cal.at(date, part.start) > cal.now:
            date = shift(date, "day", -1)
        elif not cal.past and cal.at(date, part.start) < cal.now and cal.now.hour >= part.start + 2:
            date = shift(date, "day", 1)
    return Span(cal.at(date, part.start), cal.at(date, part.end), "part")
