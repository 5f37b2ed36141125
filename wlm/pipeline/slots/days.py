"""Calendar days: "tomorrow", "next Friday", "the 23rd of April", "first Monday in March"."""

from __future__ import annotations

from datetime import date, timedelta

from wlm.pipeline.slots.atoms import Day, Found, Tokens, low, number, skip
from wlm.pipeline.slots.calendar import (
    Calendar,
    clamp,
    make_date,
    nth_weekday,
    period,
    shift,
)
from wlm.pipeline.slots.holidays import holiday_at
from wlm.pipeline.slots.words import (
    COMING,
    COUNTS,
    LAST,
    MONTHS,
    MONTHS_UNSURE,
    NEXT,
    ORDINALS,
    RANGE_TO,
    THIS,
    UNITS,
    WEEKDAYS,
    WEEKDAYS_UNSURE,
    words,
)

_RELATIVE = {
    "today": 0,
    "tonight": 0,
    "tomorrow": 1,
    "tomorow": 1,
    "tommorow": 1,
    "tommorrow": 1,
    "tmrw": 1,
    "tmr": 1,
    "yesterday": -1,
    "overmorrow": 2,
}
_MONTH_CUES = words(
    "in of this next last from to until till through since during for by every each early mid "
    "late before after between and -"
)
_WEEKDAY_CUES = words("on this next last every each by until since before after and")
_THE_OF = frozenset({"the", "of", ","})
_LAST_DAY = 31


def day_at(tokens: Tokens, i: int, cal: Calendar) -> Found:
    """The day at ``i``."""
    for rule in (
        _iso,
        _numeric,
        _first_of_range,
        _offset_from_day,
        _relative,
        _nth_weekday,
        _month_day,
        _weekday,
    ):
        if found := rule(tokens, i, cal):
            return found
    return _ordinal(tokens, i, cal) or holiday_at(tokens, i, cal)


def _relative(tokens: Tokens, i: int, cal: Calendar) -> Found:
    word = low(tokens, i)
    if word in _RELATIVE and word != "tonight":
        day, end = shift(cal.today, "day", _RELATIVE[word]), i + 1
        if low(tokens, end) == "week" and word in ("today", "tomorrow"):
            return end + 1, Day(shift(day, "week", 1), relative=True)
        return end, Day(day, relative=True)
    j = i + 1 if word == "the" else i
    if low(tokens, j) == "day" and low(tokens, j + 1) in ("after", "before"):
        sign = 1 if low(tokens, j + 1) == "after" else -1
        if (anchor := _anchor(tokens, j + 2, cal)) is not None:
            return anchor[0], Day(shift(anchor[1], "day", sign), relative=True)
        if word == "the" and low(tokens, j + 2) in ("", ",", ".", "?", "at", "in"):
            return j + 2, Day(shift(cal.today, "day", sign), relative=True)
    if low(tokens, j) in ("next", "following") and low(tokens, j + 1) == "day":
        return j + 2, Day(shift(cal.today, "day", 1), relative=True)
    if low(tokens, j) == "previous" and low(tokens, j + 1) == "day":
        return j + 2, Day(shift(cal.today, "day", -1), relative=True)
    return None


def _anchor(tokens: Tokens, i: int, cal: Calendar) -> tuple[int, date] | None:
    """A day that another is counted from: "two days after *Christmas*"."""
    word = low(tokens, i)
    if word in ("now", "today") or (word == "this" and low(tokens, i + 1) == "day"):
        return (i + 2 if word == "this" else i + 1), cal.today
    if word in _RELATIVE:
        return i + 1, shift(cal.today, "day", _RELATIVE[word])
    for rule in (_month_day, _weekday, _ordinal, holiday_at, _nth_weekday):
        found = rule(tokens, i, cal)
        if found and isinstance(found[1], Day):
            return found[0], found[1].date
    return None


def quantity_at(tokens: Tokens, i: int) -> tuple[int, float] | None:
    """(end, count) of "three", "a couple of", "2.5", "a", "half a" before a unit."""
    word = low(tokens, i)
    if word in ("a", "an") and low(tokens, i + 1) in ("couple", "few", "dozen"):
        i += 1
        word = low(tokens, i)
    if word in ("couple", "few", "several", "dozen"):
        end = i + 2 if low(tokens, i + 1) == "of" else i + 1
        return end, COUNTS[word]
    value = number(tokens, i, ordinal=False)
    if value is not None:
        if low(tokens, i + 1) in (".", "point"):
            fraction = number(tokens, i + 2, ordinal=False)
            if fraction is not None and fraction < 100:
                return i + 3, value + fraction / (10 if fraction < 10 else 100)
        if [low(tokens, i + k) for k in (1, 2, 3)] == ["and", "a", "half"]:
            return i + 4, value + 0.5
        return i + 1, value
    return (i + 1, 1) if word in ("a", "an") else None


def _offset_from_day(tokens: Tokens, i: int, cal: Calendar) -> Found:
    """Such as "in three days", "a week from Tuesday", "two weeks ago"."""
    j = i + 1 if low(tokens, i) in ("in", "within") else i
    quantity = quantity_at(tokens, j)
    if quantity is None:
        return None
    k, count = quantity
    if low(tokens, k) in ("'s", "more", "whole", "full"):
        k += 1
    unit = UNITS.get(low(tokens, k), "")
    if unit not in ("day", "week", "fortnight", "month", "quarter", "year"):
        return None
    if low(tokens, k) in ("night", "nights"):
        return None
    whole, k = int(count), k + 1
    if low(tokens, k) == "'":
        k += 1
    if low(tokens, k) == "time" or low(tokens, k) + low(tokens, k + 1) == "'stime":
        return k + (1 if low(tokens, k) == "time" else 2), _moved(cal, unit, whole)
    joint = low(tokens, k)
    if joint in ("ago", "back", "earlier"):
        return k + 1, _moved(cal, unit, -whole)
    if joint in ("later", "hence") or (joint == "out" and j > i):
        return k + 1, _moved(cal, unit, whole)
    if joint in ("from", "after", "before", "on"):
        anchor = _anchor(tokens, k + 1, cal)
        if anchor is None or (joint == "on" and unit not in ("week", "fortnight")):
            return None
        sign = -1 if joint == "before" else 1
        return anchor[0], Day(shift(anchor[1], unit, sign * whole), relative=True)
    if j > i and low(tokens, i) == "in":
        return k, _moved(cal, unit, whole)
    return None


def _moved(cal: Calendar, unit: str, count: int) -> Day:
    return Day(shift(cal.today, unit, count), relative=True)


def _weekday(tokens: Tokens, i: int, cal: Calendar) -> Found:
    """Such as "Friday", "this Friday", "next Friday", "last Friday", "Friday week"."""
    j = i + 1 if low(tokens, i) == "the" else i
    lead = low(tokens, j)
    led = lead in THIS or lead in NEXT or lead in LAST or lead in COMING
    if led:
        j += 1
    word = low(tokens, j)
    weekday = WEEKDAYS.get(word)
    beside = low(tokens, j + 1) in ("after", "before")
    if weekday is None or (j > i and not led and not beside):
        return None
    if word in WEEKDAYS_UNSURE and not (
        led
        or low(tokens, j - 1) in _WEEKDAY_CUES
        or tokens[j].text[0].isupper()
        or low(tokens, j + 1) in ("at", "morning", "afternoon", "evening", "night")
    ):
        return None
    end = j + 1
    if beside and not led and (found := _beside(tokens, end, weekday, cal)):
        return found
    ahead = (weekday - cal.today.weekday()) % 7
    if lead in NEXT:
        monday = period(cal.today, "week")[1]
        return end, Day(monday + timedelta(days=weekday), weekday=True)
    if lead in LAST:
        return end, Day(shift(cal.today, "day", ahead - 7), weekday=True)
    if lead in COMING:
        return end, Day(shift(cal.today, "day", ahead or 7), weekday=True)
    if low(tokens, end) in ("week", "fortnight"):
        days = 7 if low(tokens, end) == "week" else 14
        return end + 1, Day(shift(cal.today, "day", ahead + days), weekday=True)
    later = quantity_at(tokens, end + 1) if low(tokens, end) == "in" else None
    if later and UNITS.get(low(tokens, later[0]), "") == "week":  # "Wednesday in two weeks"
        monday = shift(period(cal.today, "week")[0], "week", int(later[1]))
        return later[0] + 1, Day(monday + timedelta(days=weekday), weekday=True)
    k = skip(tokens, end, {"of", "the"})
    if low(tokens, k) == "after" and low(tokens, k + 1) == "next":
        monday = period(cal.today, "week")[1]
        return k + 2, Day(monday + timedelta(days=weekday), weekday=True)
    if low(tokens, k + 1) == "week" and (step := _step(low(tokens, k))) is not None:
        monday = shift(period(cal.today, "week")[0], "week", step)
        return k + 2, Day(monday + timedelta(days=weekday), weekday=True)
    date_said = skip(tokens, end, _THE_OF)
    following = _month_day(tokens, date_said, cal) or (
        _ordinal(tokens, end, cal) if low(tokens, end) == "the" else None
    )
    if following:  # "Monday the 23rd of November": the date decides
        return following
    if cal.past and lead not in THIS:
        return end, Day(shift(cal.today, "day", ahead - 7 if ahead else 0), "week", weekday=True)
    return end, Day(shift(cal.today, "day", ahead), "week", weekday=True)


def _beside(tokens: Tokens, i: int, weekday: int, cal: Calendar) -> Found:
    """Such as "the Monday after Christmas": the nearest one on that side of the day."""
    anchor = holiday_at(tokens, i + 1, cal) or _month_day(tokens, i + 1, cal)
    if anchor is None or not isinstance(anchor[1], Day):
        return None
    day = anchor[1].date
    if low(tokens, i) == "after":
        return anchor[0], Day(shift(day, "day", (weekday - day.weekday() - 1) % 7 + 1))
    return anchor[0], Day(shift(day, "day", -((day.weekday() - weekday - 1) % 7 + 1)))


def _step(word: str) -> int | None:
    """-1, 0 or 1 for last, this and next."""
    if word in THIS:
        return 0
    if word in NEXT or word in COMING:
        return 1
    return -1 if word in LAST else None


def month_at(tokens: Tokens, i: int) -> int | None:
    """The month named at ``i``, if the word means one there."""
    word = low(tokens, i)
    month = MONTHS.get(word)
    if month is None or word not in MONTHS_UNSURE:
        return month
    before, after = low(tokens, i - 1), low(tokens, i + 1)
    near = number(tokens, i + 1) is not None or number(tokens, i - 1) is not None
    if near or (before in _MONTH_CUES and word not in ("jan", "mar", "dec")):
        return month
    if after == "the" and number(tokens, i + 2, ordinal=True) is not None:
        return month
    return (
        month
        if i > 0 and word not in ("may", "april", "june") and (tokens[i].text[0].isupper())
        else None
    )


def _year_after(tokens: Tokens, i: int) -> tuple[int, int | None]:
    """(end, year) after a day and month; year is ``None`` if none was said."""
    j = i + 1 if low(tokens, i) in (",", "of", "in") else i
    value = number(tokens, j, ordinal=False)
    if value is None:
        return i, None
    if 1900 <= value <= 2199:
        return j + 1, value
    rest = number(tokens, j + 1, ordinal=False)
    if value in (19, 20, 21) and rest is not None and 10 <= rest <= 99:
        return j + 2, value * 100 + rest
    if value in (19, 20) and low(tokens, j + 1) in ("oh", "o"):
        rest = number(tokens, j + 2, ordinal=False)
        if rest is not None and rest < 10:
            return j + 3, value * 100 + rest
    return i, None


def _month_day(tokens: Tokens, i: int, cal: Calendar) -> Found:
    j = i + 1 if low(tokens, i) == "the" else i
    day = number(tokens, j)
    if day is not None and 1 <= day <= _LAST_DAY:  # "(the) 23rd (day) (of) April"
        k = j + 2 if low(tokens, j + 1) == "day" else j + 1
        k = k + 1 if low(tokens, k) == "of" else k
        month = MONTHS.get(low(tokens, k))
        if low(tokens, k) == "may" and k == j + 1 and not tokens[j].ordinal and j == i:
            month = None if low(tokens, k + 1) in ("be", "have", "not") else month
        if month is not None:
            return _dated(tokens, k + 1, cal, month, day)
        step = _step(low(tokens, k))
        if k > j + 1 and low(tokens, k) in ("the", "this", "next", "last"):
            if low(tokens, k) == "the":
                step = 0 if low(tokens, k + 1) == "month" else None
            if step is not None and low(tokens, k + 1) == "month":
                first = shift(cal.today.replace(day=1), "month", step)
                said = make_date(first.year, first.month, day)
                return (k + 2, Day(said)) if said else None
        return None
    month = MONTHS.get(low(tokens, i))
    if month is None:
        return None
    k = i + 2 if low(tokens, i + 1) in ("the", ".") else i + 1
    day = number(tokens, k)
    if day is None or not 1 <= day <= _LAST_DAY:
        return None
    if low(tokens, k + 1) in ("am", "pm", "o'clock"):  # "in March 2 pm": the number is a clock
        return None
    if not tokens[k].ordinal and low(tokens, k + 1) in UNITS:
        return None
    return _dated(tokens, k + 1, cal, month, day)


def _first_of_range(tokens: Tokens, i: int, cal: Calendar) -> Found:
    """The first day of "5 to 9 January"."""
    day = number(tokens, i)
    if day is None or not 1 <= day <= _LAST_DAY or low(tokens, i + 1) not in RANGE_TO:
        return None
    j = skip(tokens, i + 2, {"the"})
    last = _month_day(tokens, j, cal) if number(tokens, j) is not None else None
    if last is None or not isinstance(last[1], Day) or last[1].bump == "month":
        return None
    said = make_date(last[1].date.year, last[1].date.month, day)
    return (i + 1, Day(said, last[1].bump)) if said and said < last[1].date else None


def _dated(tokens: Tokens, end: int, cal: Calendar, month: int, day: int) -> Found:
    end, year = _year_after(tokens, end)
    if year is not None:
        said = make_date(year, month, day)
        return (end, Day(said)) if said else None
    for step in range(5):  # five years hold a leap day
        said = make_date(cal.today.year + (-step if cal.past else step), month, day)
        if said and (said <= cal.today if cal.past else said >= cal.today):
            return end, Day(said, "year")
    return None


def _ordinal(tokens: Tokens, i: int, cal: Calendar) -> Found:
    """Such as "the 23rd", "on the seventh": of this month, or of the next (past: the last) one."""
    j = i + 1 if low(tokens, i) == "the" else i
    day = number(tokens, j, ordinal=True)
    if day is None or not 1 <= day <= _LAST_DAY or not (j > i or low(tokens, i - 1) == "on"):
        return None
    after = low(tokens, j + 1)
    plain = (
        not after
        or tokens[j + 1].shape == "other"
        or after
        in ("at", "from", "in", "for", "with", "to", "and", "until", "till", "please", "by")
        or after in ("morning", "afternoon", "evening", "through", "or", "is", "if")
        or number(tokens, j + 1) is not None
    )
    if not plain or (tokens[j].low in ORDINALS and day < 4 and low(tokens, i - 1) != "on"):
        return None
    first = cal.today.replace(day=1)
    for step in range(4):
        month = shift(first, "month", -step if cal.past else step)
        said = make_date(month.year, month.month, day)
        if said and (said <= cal.today if cal.past else said >= cal.today):
            return j + 1, Day(said, "month")
    return None


def _nth_weekday(tokens: Tokens, i: int, cal: Calendar) -> Found:
    """Such as "(the) first Monday in March", "last Friday of the month"."""
    j = i + 1 if low(tokens, i) == "the" else i
    nth = -1 if low(tokens, j) == "last" else number(tokens, j, ordinal=True)
    weekday = WEEKDAYS.get(low(tokens, j + 1))
    is_day = nth is not None and low(tokens, j + 1) == "day"
    if nth is None or nth > 5 or (weekday is None and not is_day):
        return None
    if low(tokens, j + 2) not in ("in", "of"):
        return None
    k = skip(tokens, j + 3, {"the"})
    months: list[date] = []
    if (month := MONTHS.get(low(tokens, k))) is not None:
        end, year = _year_after(tokens, k + 1)
        years = [year] if year else [cal.today.year + (-1 if cal.past else 1) * n for n in (0, 1)]
        months = [date(y, month, 1) for y in years if make_date(y, month, 1)]
    elif low(tokens, k) == "month":
        end, months = k + 1, [cal.today.replace(day=1)]
    elif (step := _step(low(tokens, k))) is not None and low(tokens, k + 1) == "month":
        end, months = k + 2, [shift(cal.today.replace(day=1), "month", step)]
    elif is_day and low(tokens, k) == "year":
        end, months = k + 1, [date(cal.today.year, 12 if nth < 0 else 1, 1)]
    else:
        return None
    for first in months:
        said = _nth_of(first, weekday, nth)
        if said and (len(months) == 1 or (said <= cal.today) == cal.past or said == cal.today):
            return end, Day(said)
    return None


def _nth_of(first: date, weekday: int | None, nth: int) -> date | None:
    if weekday is not None:
        return nth_weekday(first.year, first.month, weekday, nth)
    if nth < 0:
        return clamp(shift(first, "month", 1).toordinal() - 1)
    return make_date(first.year, first.month, nth)


def _iso(tokens: Tokens, i: int, cal: Calendar) -> Found:
    if tokens[i].shape != "iso":
        return None
    year, month, day = (int(part) for part in tokens[i].low.split("-"))
    said = make_date(year, month, day)
    return (i + 1, Day(said)) if said else None


def _numeric(tokens: Tokens, i: int, cal: Calendar) -> Found:
    """Such as "11/5/2037" month first."""
    token = tokens[i]
    if token.shape != "date":
        return None
    parts = [int(part) for part in token.low.replace(".", "/").split("/")]
    first, second = parts[0], parts[1]
    month, day = (second, first) if "." in token.low else (first, second)
    if month > 12:
        month, day = day, month
    if len(parts) == 2:
        return _dated(tokens, i + 1, cal, month, day) if 1 <= month <= 12 else None
    year = parts[2] + (2000 if parts[2] < 70 else 1900) if parts[2] < 100 else parts[2]
    said = make_date(year, month, day)
    return (i + 1, Day(said)) if said else None
