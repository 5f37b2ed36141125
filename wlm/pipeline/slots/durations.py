"""Stretches of time: "half an hour", "an hour and a half", "45 minutes", "1h30"."""

from __future__ import annotations

from datetime import timedelta

from wlm.pipeline.slots.atoms import Found, Length, Point, Tokens, low, number
from wlm.pipeline.slots.calendar import Calendar
from wlm.pipeline.slots.days import quantity_at
from wlm.pipeline.slots.words import UNIT_SECONDS, UNITS

_SECONDS = UNIT_SECONDS | {"day": 86_400, "week": 604_800, "fortnight": 1_209_600}
_LONGEST = 10 * 366 * 86_400


def length_at(tokens: Tokens, i: int) -> Found:
    """The length of time at ``i``."""
    first = _one(tokens, i)
    if first is None:
        return None
    end, seconds, unit = first
    while True:
        j = end + 1 if low(tokens, end) in ("and", ",") else end
        more = _one(tokens, j) if j < len(tokens) else None
        if more is None or _SECONDS[more[2]] >= _SECONDS[unit]:
            break
        end, seconds, unit = more[0], seconds + more[1], more[2]
    if seconds <= 0 or seconds > _LONGEST:
        return None
    return end, Length(timedelta(seconds=seconds), first[2])


def _one(tokens: Tokens, i: int) -> tuple[int, float, str] | None:
    """(end, seconds, unit) of one quantity with its unit."""
    fraction = _fraction(tokens, i)
    if fraction is not None:
        return fraction
    quantity = quantity_at(tokens, i)
    if quantity is None:
        return None
    j, count = quantity
    if low(tokens, j) in ("-", "full", "whole", "more", "extra", "free", "spare", "open"):
        j += 1
    unit = UNITS.get(low(tokens, j), "")
    if unit not in _SECONDS or (
        low(tokens, j) == "h" and j == i + 1 and not tokens[i].low.isdigit()
    ):
        return None
    end = j + 1
    if [low(tokens, end + k) for k in range(3)] == ["and", "a", "half"]:
        end, count = end + 3, count + 0.5
    elif [low(tokens, end + k) for k in range(3)] == ["and", "a", "quarter"]:
        end, count = end + 3, count + 0.25
    elif unit == "hour" and (extra := number(tokens, end, ordinal=False)) is not None:
        short = low(tokens, j) == "h" and 0 < extra < 60 and low(tokens, end + 1) not in UNITS
        if short:  # "1h30"
            return end + 1, count * 3600 + extra * 60, unit
    if low(tokens, end) == "-" and low(tokens, end + 1) == "long":
        end += 2
    elif low(tokens, end) == "long":
        end += 1
    return end, count * _SECONDS[unit], unit


def _fraction(tokens: Tokens, i: int) -> tuple[int, float, str] | None:
    """Such as "half an hour", "a half hour", "(a) quarter of an hour"."""
    j = i + 1 if low(tokens, i) == "a" else i
    share = {"half": 0.5, "quarter": 0.25}.get(low(tokens, j))
    if share is None and number(tokens, i) == 3 and low(tokens, i + 1) == "quarters":
        share, j = 0.75, i + 1
    if share is None:
        return None
    k = j + 1
    for word in ("of", "a", "an", "-"):
        if low(tokens, k) == word:
            k += 1
            if word == "of" and low(tokens, k) == "an":
                k += 1
    unit = UNITS.get(low(tokens, k), "")
    if unit not in ("hour", "day", "minute") or low(tokens, k).endswith("s"):
        return None
    return k + 1, share * _SECONDS[unit], unit


def offset_at(tokens: Tokens, i: int, cal: Calendar) -> Found:
    """Such as "in ten minutes", "two hours from now", "half an hour ago": an exact moment."""
    led = low(tokens, i) in ("in", "within")
    j = i + 1 if led else i
    if led and low(tokens, j) in ("about", "around", "exactly", "just", "another"):
        j += 1
    found = length_at(tokens, j)
    if found is None or not isinstance(found[1], Length):
        return None
    end, length = found[0], found[1]
    seconds = int(length.length.total_seconds())
    clock = length.unit in UNIT_SECONDS
    if not clock and seconds % 86_400 == 0:
        return None
    if low(tokens, end) == "from" and low(tokens, end + 1) == "now":
        return end + 2, Point(cal.after(seconds))
    if low(tokens, end) in ("ago", "earlier") and low(tokens, end - 1) != "long":
        return end + 1, Point(cal.after(-seconds))
    if low(tokens, end) == "'" or low(tokens, end) == "'s":
        end += 1
    if low(tokens, end) == "time":
        return end + 1, Point(cal.after(seconds))
    return (end, Point(cal.after(seconds))) if led else None
