"""Ranges by name: "this weekend", "the next three days", "rest of the week", "this winter"."""

from __future__ import annotations

from datetime import date

from wlm.pipeline.slots.atoms import Day, Found, Length, Point, Span, Tokens, low, number, skip
from wlm.pipeline.slots.calendar import Calendar, make_date, period, shift
from wlm.pipeline.slots.days import day_at, month_at, quantity_at
from wlm.pipeline.slots.durations import length_at
from wlm.pipeline.slots.words import (
    COMING,
    LAST,
    NEXT,
    PARTS,
    SEASONS,
    THIS,
    UNIT_SECONDS,
    UNITS,
    words,
)

_PERIODS = frozenset({"week", "weekend", "month", "quarter", "year", "decade"})
_REST = frozenset({"rest", "remainder"})
_EDGES = {
    "beginning": "start",
    "start": "start",
    "middle": "middle",
    "mid": "middle",
    "end": "end",
    "early": "start",
    "late": "late",
    "first": "first",
}
_LOOKED_AT = words("does is 's about on in for of during over show see me check how what open")
"""Before "my week" they ask about it; after another verb it is what something is done to."""
_NOW = (("right", "now"), ("just", "now"), ("at", "the", "moment"), ("currently",), ("now",))


def range_at(tokens: Tokens, i: int, cal: Calendar) -> Found:
    """The range at ``i``."""
    rules = (_rest, _edge, _counted, _after_next, _named, _mine, _season, _month, _year, _later)
    for rule in (*rules, _now):
        if found := rule(tokens, i, cal):
            return found
    return None


def _of(first: date, end: date, cal: Calendar, unit: str) -> Span:
    return Span(cal.at(first), cal.at(end), unit)


def _lead(tokens: Tokens, i: int) -> tuple[int, int] | None:
    """(index after, step) of "this", "the next", "last" …; the article is passed."""
    j = i + 1 if low(tokens, i) in ("the", "my", "our") else i
    word = low(tokens, j)
    if word in THIS:
        return j + 1, 0
    if word in NEXT or word in COMING:
        j += 1
        return (j + 1 if low(tokens, j) in COMING else j), 1
    return (j + 1, -1) if word in LAST else None


def _named(tokens: Tokens, i: int, cal: Calendar) -> Found:
    """Such as "this week", "next month", "the weekend", "next week's"."""
    if lead := _lead(tokens, i):
        j, step = lead
        unit = UNITS.get(low(tokens, j), "")
        if unit == "day" or unit not in _PERIODS:
            return None
        if low(tokens, j).endswith("s"):
            return None
        if unit == "weekend" and low(tokens, j - 1) in COMING:
            step = 0 if cal.today.weekday() < 5 else 1
        if low(tokens, j - 1) == "past" and unit != "weekend":
            return j + 1, Span(cal.at(shift(cal.today, unit, -1)), cal.now, unit)
        return j + 1, _period(cal, unit, step)
    article = low(tokens, i) == "the"
    j = i + 1 if article else i
    word = low(tokens, j)
    if word in ("weekend", "weekends"):
        step = -1 if cal.past and cal.today.weekday() < 5 else 0
        return (j + 1, _period(cal, "weekend", step)) if word == "weekend" else None
    if article and UNITS.get(word) in ("week", "month", "year") and not word.endswith("s"):
        led = low(tokens, i - 1) in ("for", "of", "in", "during", "over", "throughout", "within")
        if led and low(tokens, j + 1) not in ("of", "after", "before", "beginning"):
            return j + 1, _period(cal, word, 0)
        if low(tokens, j + 1) in ("of", "beginning", "starting"):
            found = day_at(tokens, skip(tokens, j + 2, frozenset({"on"})), cal)
            if found and isinstance(found[1], Day):
                return found[0], _of(*period(found[1].date, word), cal, word)
    return None


def _mine(tokens: Tokens, i: int, cal: Calendar) -> Found:
    """Such as "my week" in "what does my week look like"."""
    unit = low(tokens, i + 1)
    if low(tokens, i) not in ("my", "our") or low(tokens, i - 1) not in _LOOKED_AT:
        return None
    if unit == "day":
        return i + 2, Span(*cal.days(cal.today), "day")
    return (i + 2, _period(cal, unit, 0)) if unit in ("week", "weekend", "month") else None


def _period(cal: Calendar, unit: str, step: int) -> Span:
    base = period(cal.today, unit)[0]
    if unit == "weekend":
        base = shift(period(cal.today, "week")[0], "week", step)
    else:
        base = shift(base, unit, step)
    return _of(*period(base, unit), cal, unit)


def _counted(tokens: Tokens, i: int, cal: Calendar) -> Found:
    """Such as "the next three days", "last 24 hours", "past hour", "the last couple of weeks"."""
    lead = _lead(tokens, i)
    if lead is None or lead[1] == 0 or (low(tokens, i), low(tokens, i + 1)) == ("last", "minute"):
        return None
    j, step = lead
    span = length_at(tokens, j)
    if span and isinstance(span[1], Length) and span[1].unit in UNIT_SECONDS:
        moment = cal.after(step * int(span[1].length.total_seconds()))
        return span[0], Span(min(cal.now, moment), max(cal.now, moment), span[1].unit)
    quantity = quantity_at(tokens, j)
    word = low(tokens, j)
    if quantity is None:
        unit = UNITS.get(word, "")
        if unit not in UNIT_SECONDS or low(tokens, j - 1) in ("following", "previous"):
            return None
        quantity = (j, 1)
    k, count = quantity
    if low(tokens, k) == "and" and low(tokens, k + 1) == "a":
        return None
    unit = UNITS.get(low(tokens, k), "")
    if not unit:
        return None
    if unit in UNIT_SECONDS:
        moment = cal.after(int(step * count * UNIT_SECONDS[unit]))
        return k + 1, Span(min(cal.now, moment), max(cal.now, moment), unit)
    if unit == "weekend":
        return None
    if count == 1 and unit != "day":
        return k + 1, _period(cal, unit, step)
    moment = cal.at(shift(cal.today, unit, int(step * count)))
    return k + 1, Span(min(cal.now, moment), max(cal.now, moment), unit)


def _rest(tokens: Tokens, i: int, cal: Calendar) -> Found:
    j = i + 1 if low(tokens, i) == "the" else i
    if low(tokens, j) not in _REST or low(tokens, j + 1) != "of":
        return None
    return _until_end(tokens, skip(tokens, j + 2, {"the", "this", "my"}), cal)


def _until_end(tokens: Tokens, j: int, cal: Calendar) -> Found:
    """From now to the end of the period at ``j``."""
    word = low(tokens, j)
    if word == "today":
        word = "day"
    if word in ("day", "week", "weekend", "month", "quarter", "year"):
        end = cal.at(period(cal.today, word)[1])
        start = cal.at(period(cal.today, word)[0]) if word == "weekend" else cal.now
        return j + 1, Span(max(start, cal.now), end, "rest")
    if word in PARTS:
        end = cal.at(cal.today, PARTS[word][1])
        return (j + 1, Span(cal.now, end, "rest")) if end > cal.now else None
    if (month := month_at(tokens, j)) is not None:
        span = _month_span(cal, month, None)
        return j + 1, Span(max(cal.now, span.start), span.end, "rest")
    return None


def _edge(tokens: Tokens, i: int, cal: Calendar) -> Found:
    """Such as "end of the month", "early next week", "mid March", "first week of March"."""
    j = i + 1 if low(tokens, i) == "the" else i
    edge = _EDGES.get(low(tokens, j))
    last = low(tokens, j) == "last" or number(tokens, j, ordinal=True) is not None
    if low(tokens, j + 1) == "week" and last and low(tokens, j + 2) in ("of", "in"):
        return _week_of(tokens, j, cal)
    if edge is None or edge == "first":
        return None
    of = low(tokens, j + 1) == "of"
    if not of and low(tokens, j) in ("beginning", "start", "middle", "end"):
        return None
    k = j + 2 if of else j + 1
    if low(tokens, k) == "-":
        k += 1
    whole = _whole(tokens, k, cal)
    if whole is None:
        return None
    end, first, after, unit = whole
    if unit == "day" and low(tokens, end) in PARTS:  # "late tomorrow afternoon" is a part
        return None
    return end, _part_of(cal, edge, first, after, unit)


def _whole(tokens: Tokens, k: int, cal: Calendar) -> tuple[int, date, date, str] | None:
    """(end, first day, day after, unit) of the period at ``k``."""
    word = low(tokens, k)
    if word == "today" or (word in ("the", "this") and low(tokens, k + 1) == "day"):
        return (k + 1 if word == "today" else k + 2), cal.today, shift(cal.today, "day", 1), "day"
    if word == "tomorrow":
        return k + 1, shift(cal.today, "day", 1), shift(cal.today, "day", 2), "day"
    if word == "day":
        return k + 1, cal.today, shift(cal.today, "day", 1), "day"
    if word == "the" and UNITS.get(low(tokens, k + 1)) in _PERIODS:
        unit = UNITS[low(tokens, k + 1)]
        return (k + 2, *period(cal.today, unit), unit)
    if word in ("week", "month", "year", "quarter"):
        return (k + 1, *period(cal.today, word), word)
    found = _named(tokens, k, cal) or _month(tokens, k, cal) or _year(tokens, k, cal, loose=True)
    if found and isinstance(found[1], Span):
        return found[0], found[1].start.date(), found[1].end.date(), found[1].unit
    return None


def _part_of(cal: Calendar, edge: str, first: date, after: date, unit: str) -> Span:
    """The start, middle or end of a period; its end is its last day (of a week: from Friday)."""
    length = (after - first).days
    if unit == "day":
        hours = {"start": (6, 9), "middle": (11, 14)}.get(edge, (17, 24))
        return Span(cal.at(first, hours[0]), cal.at(first, hours[1]), "part")
    if unit == "week":
        days = {"start": (0, 2), "middle": (2, 3), "late": (3, 5)}.get(edge, (4, 7))
    elif edge == "end":
        days = (length - 1, length)
    elif unit == "month":
        days = {"start": (0, 10), "middle": (10, 20)}.get(edge, (20, length))
    else:
        third = length // 3
        days = {"start": (0, third), "middle": (third, 2 * third)}.get(edge, (2 * third, length))
    return _of(shift(first, "day", days[0]), shift(first, "day", days[1]), cal, "part")


def _week_of(tokens: Tokens, j: int, cal: Calendar) -> Found:
    """Such as "first week of March"."""
    whole = _whole(tokens, j + 3, cal)
    if whole is None or whole[3] not in ("month", "year", "quarter"):
        return None
    end, first, after, _unit = whole
    if low(tokens, j) == "last":
        return end, _of(shift(after, "day", -7), after, cal, "part")
    start = shift(first, "week", (tokens[j].value or 1) - 1)
    return end, _of(start, min(shift(start, "week", 1), after), cal, "part")


def _after_next(tokens: Tokens, i: int, cal: Calendar) -> Found:
    """Such as "the week after next", "the weekend after next", "the month before last"."""
    j = i + 1 if low(tokens, i) == "the" else i
    unit = low(tokens, j)
    if unit not in ("week", "weekend", "month", "year"):
        return None
    pair = low(tokens, j + 1), low(tokens, j + 2)
    steps = {("after", "next"): 2, ("before", "last"): -2}
    return (j + 3, _period(cal, unit, steps[pair])) if pair in steps else None


def _season(tokens: Tokens, i: int, cal: Calendar) -> Found:
    lead = _lead(tokens, i)
    j, step = lead if lead else (i + 1 if low(tokens, i) == "the" else i, None)
    month = SEASONS.get(low(tokens, j))
    if month is None:
        return None
    if step is None and low(tokens, i - 1) not in ("in", "during", "over", "until", "since", "by"):
        return None
    at = j + 2 if low(tokens, j + 1) == "of" else j + 1
    year = number(tokens, at)
    if year is not None and 1900 <= year <= 2199:
        return at + 1, _season_span(cal, month, year)
    this = next(
        year
        for year in (cal.today.year - 1, cal.today.year, cal.today.year + 1)
        if _season_span(cal, month, year).end > cal.now
    )
    running = _season_span(cal, month, this).start <= cal.now
    if step == 1 and (running or this == cal.today.year):
        this += 1
    elif step == -1 or (step is None and cal.past and not running):
        this -= 1
    return j + 1, _season_span(cal, month, this)


def _season_span(cal: Calendar, month: int, year: int) -> Span:
    first = date(min(max(year, 1900), 2198), month, 1)
    return _of(first, shift(first, "month", 3), cal, "season")


def _month(tokens: Tokens, i: int, cal: Calendar) -> Found:
    """Such as "March", "in March 2027", "next March", "this August"."""
    lead = _lead(tokens, i)
    j, step = lead if lead else (i, None)
    month = month_at(tokens, j)
    if month is None:
        return None
    k = j + 2 if low(tokens, j + 1) in ("of", ",") else j + 1
    year = number(tokens, k, ordinal=False)
    if year is not None and 1900 <= year <= 2199:
        return k + 1, _month_span(cal, month, year)
    second = number(tokens, k + 1, ordinal=False)
    if year == 20 and second is not None and 10 <= second <= 99:
        return k + 2, _month_span(cal, month, 2000 + second)
    if low(tokens, k) in ("this", "next", "last") and low(tokens, k + 1) == "year":
        shift_by = {"this": 0, "next": 1, "last": -1}[low(tokens, k)]
        return k + 2, _month_span(cal, month, cal.today.year + shift_by)
    past = cal.past or step == -1
    said = cal.today.year
    if past and month > cal.today.month - (1 if step == -1 else 0):
        said -= 1
    if not past and month < cal.today.month + (1 if step == 1 else 0):
        said += 1
    return j + 1, _month_span(cal, month, said)


def _month_span(cal: Calendar, month: int, year: int | None) -> Span:
    if year is None:
        year = cal.today.year + (1 if month < cal.today.month else 0)
    first = date(year, month, 1)
    return _of(first, shift(first, "month", 1), cal, "month")


def _year(tokens: Tokens, i: int, cal: Calendar, *, loose: bool = False) -> Found:
    """A bare year after "in" or "of"."""
    if not loose and low(tokens, i - 1) not in ("in", "of", "during", "since", "until", "from"):
        return None
    value, end = number(tokens, i, ordinal=False), i + 1
    rest = number(tokens, i + 1, ordinal=False)
    if value == 20 and rest is not None and 10 <= rest <= 99:
        value, end = 2000 + rest, i + 2
    if value is None or not 1950 <= value <= 2150 or low(tokens, end) in UNITS:
        return None
    first = make_date(value, 1, 1)
    return (end, _of(first, shift(first, "year", 1), cal, "year")) if first else None


def _later(tokens: Tokens, i: int, cal: Calendar) -> Found:
    """Such as "later today", "later this week", "earlier today", "earlier this month"."""
    word = low(tokens, i)
    if word not in ("later", "earlier"):
        return None
    if low(tokens, i + 1) == "today":
        end, span = i + 2, Span(*cal.days(cal.today), "day")
    else:
        found = _named(tokens, i + 1, cal)
        if not found or low(tokens, i + 1) not in THIS or not isinstance(found[1], Span):
            return None
        end, span = found[0], found[1]
    if word == "later":
        return end, Span(cal.now, span.end, "rest")
    return end, Span(span.start, cal.now, "rest")


def _now(tokens: Tokens, i: int, cal: Calendar) -> Found:
    for said in _NOW:
        if tuple(token.low for token in tokens[i : i + len(said)]) == said:
            end = i + len(said)
            if said == ("now",) and (i == 0 or low(tokens, i - 1) in ("and", "from", "by")):
                return None
            return end, Point(cal.now, now=True)
    return None
