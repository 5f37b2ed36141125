"""What comes again: "every other Tuesday", "first Monday of every month", "weekdays", "daily"."""

from __future__ import annotations

from datetime import date

from wlm.pipeline.slots.atoms import Day, Found, Part, Repeat, Tokens, low, number, skip
from wlm.pipeline.slots.calendar import Calendar
from wlm.pipeline.slots.days import day_at, month_at
from wlm.pipeline.slots.holidays import fixed_holiday_at
from wlm.pipeline.slots.words import PARTS, UNITS, WEEKDAYS, WEEKDAYS_PLURAL

CODES = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_WORKDAYS, _WEEKEND = (0, 1, 2, 3, 4), (5, 6)
_FREQUENCY = {
    "minute": "MINUTELY",
    "hour": "HOURLY",
    "day": "DAILY",
    "week": "WEEKLY",
    "month": "MONTHLY",
    "year": "YEARLY",
}
_WORDS: dict[str, tuple[str, int]] = {
    "hourly": ("HOURLY", 1),
    "daily": ("DAILY", 1),
    "nightly": ("DAILY", 1),
    "everyday": ("DAILY", 1),
    "weekly": ("WEEKLY", 1),
    "biweekly": ("WEEKLY", 2),
    "fortnightly": ("WEEKLY", 2),
    "monthly": ("MONTHLY", 1),
    "bimonthly": ("MONTHLY", 2),
    "quarterly": ("MONTHLY", 3),
    "yearly": ("YEARLY", 1),
    "annually": ("YEARLY", 1),
    "annual": ("YEARLY", 1),
}
_EVERY = frozenset({"every", "each"})
_DAY_NAMES = WEEKDAYS | WEEKDAYS_PLURAL


def repeat_at(tokens: Tokens, i: int, cal: Calendar) -> Found:
    """The recurrence at ``i``."""
    for rule in (_nth_of_every, _every, _plural, _word, _times):
        if found := rule(tokens, i, cal):
            return found
    return None


def make(frequency: str, interval: int = 1, **parts: str) -> tuple[tuple[str, str], ...]:
    """RRULE parts in order; an interval of one is left out."""
    rule = [("FREQ", frequency)]
    if interval > 1:
        rule.append(("INTERVAL", str(interval)))
    return (*rule, *parts.items())


def codes(days: tuple[int, ...] | list[int]) -> str:
    """BYDAY's value for weekdays, Monday being 0."""
    return ",".join(CODES[day] for day in sorted(set(days)))


def _word(tokens: Tokens, i: int, cal: Calendar) -> Found:
    word, end = low(tokens, i), i + 1
    if word == "bi" and low(tokens, i + 1) == "-" and low(tokens, i + 2) in ("weekly", "monthly"):
        word, end = "bi" + low(tokens, i + 2), i + 3
    if word in ("weekdays", "workdays"):
        return end, Repeat(make("WEEKLY", BYDAY=codes(_WORKDAYS)))
    if word == "weekends":
        return end, Repeat(make("WEEKLY", BYDAY=codes(_WEEKEND)))
    if word not in _WORDS:
        return None
    rule = make(*_WORDS[word])
    if word == "daily" and low(tokens, end) in ("news", "mail", "express", "telegraph", "mirror"):
        return None
    # "weekly on Monday and Friday", "monthly on the 15th"
    j = skip(tokens, end, {"on"})
    if word in ("weekly", "biweekly", "fortnightly") and (days := _days(tokens, j)):
        return days[0], Repeat(make(*_WORDS[word], BYDAY=codes(days[1])))
    k = skip(tokens, j, {"the"})
    nth = number(tokens, k, ordinal=True)
    if word == "monthly" and j > end and nth is not None and low(tokens, k + 1) not in WEEKDAYS:
        return k + 1, Repeat(make("MONTHLY", BYMONTHDAY=str(nth)))
    return end, Repeat(rule)


def _times(tokens: Tokens, i: int, cal: Calendar) -> Found:
    """Such as "once a week", "on a daily basis"."""
    if low(tokens, i) == "once" and low(tokens, i + 1) in ("a", "an", "every", "each", "per"):
        frequency = _FREQUENCY.get(low(tokens, i + 2))
        return (i + 3, Repeat(make(frequency))) if frequency else None
    if low(tokens, i) == "on" and low(tokens, i + 1) == "a" and low(tokens, i + 2) in _WORDS:
        end = i + 4 if low(tokens, i + 3) == "basis" else i + 3
        return end, Repeat(make(*_WORDS[low(tokens, i + 2)]))
    return None


def _plural(tokens: Tokens, i: int, cal: Calendar) -> Found:
    """Such as "Mondays", "Tuesday and Thursday mornings" (after "on")."""
    days = _days(tokens, i)
    if days is None:
        return None
    part = low(tokens, days[0])
    plural = any(token.low in WEEKDAYS_PLURAL for token in tokens[i : days[0]])
    if not plural and not (part in PARTS and part.endswith("s")):
        return None
    return _with_part(tokens, days[0], make("WEEKLY", BYDAY=codes(days[1])))


def _days(tokens: Tokens, i: int) -> tuple[int, list[int]] | None:
    """(end, weekdays) of "Monday, Wednesday and Friday" or "Monday to Friday"."""
    if low(tokens, i) not in _DAY_NAMES:
        return None
    found, end = [_DAY_NAMES[low(tokens, i)]], i + 1
    if low(tokens, end) in ("to", "through", "-", "–", "till", "until") and (
        low(tokens, end + 1) in _DAY_NAMES
    ):
        last = _DAY_NAMES[low(tokens, end + 1)]
        span = [(found[0] + step) % 7 for step in range((last - found[0]) % 7 + 1)]
        return end + 2, span
    while end < len(tokens):
        j = skip(tokens, end, {",", "and", "or", "&", "every", "on", "each"})
        if j == end or low(tokens, j) not in _DAY_NAMES:
            break
        found.append(_DAY_NAMES[low(tokens, j)])
        end = j + 1
    return end, found


def _with_part(tokens: Tokens, end: int, rule: tuple[tuple[str, str], ...]) -> Found:
    word = low(tokens, end)
    if word in PARTS:
        return end + 1, Repeat(rule, part=Part(*PARTS[word], word.removesuffix("s")))
    return end, Repeat(rule)


def _every(tokens: Tokens, i: int, cal: Calendar) -> Found:
    if low(tokens, i) not in _EVERY:
        return None
    j, interval = i + 1, 1
    if low(tokens, j) in ("single", "and"):
        j = j + 3 if low(tokens, j) == "and" else j + 1  # "each and every"
    elif low(tokens, j) in ("other", "alternate"):
        interval, j = 2, j + 1
    if fixed := fixed_holiday_at(tokens, j, cal):
        return fixed[0], _yearly(fixed[1])
    if (month := month_at(tokens, j)) is not None:
        return _every_month_day(tokens, j, month, cal)
    if number(tokens, j) is not None and month_at(tokens, j + 1) is not None:
        return _every_month_day(tokens, j, 0, cal)  # "every 29 March"
    if found := _every_nth_weekday(tokens, j):
        return found
    value = number(tokens, j)
    unit_next = UNITS.get(low(tokens, j + 1), "")
    if value and (unit_next in _FREQUENCY or low(tokens, j + 1) in WEEKDAYS) and value < 100:
        interval, j = value, j + 1
    elif value and tokens[j].ordinal and value <= 31:
        return _every_ordinal(tokens, j, value, cal)
    elif low(tokens, j) in ("few", "couple"):
        return None
    return _every_unit(tokens, j, interval)


def _every_unit(tokens: Tokens, j: int, interval: int) -> Found:
    word = low(tokens, j)
    if days := _days(tokens, j):
        rule = make("WEEKLY", interval, BYDAY=codes(days[1]))
        return _with_part(tokens, days[0], rule)
    if word in ("weekday", "workday", "weekdays") or (
        word in ("week", "work", "working", "business") and low(tokens, j + 1) in ("day", "days")
    ):
        end = j + 1 if word.startswith(("weekd", "workd")) else j + 2
        return _with_part(tokens, end, make("WEEKLY", interval, BYDAY=codes(_WORKDAYS)))
    if word == "weekend":
        return j + 1, Repeat(make("WEEKLY", interval, BYDAY=codes(_WEEKEND)))
    if word in PARTS:
        part = Part(*PARTS[word], word)
        return j + 1, Repeat(make("DAILY", interval), part=part)
    if word in ("quarter", "fortnight"):
        unit = ("MONTHLY", 3) if word == "quarter" else ("WEEKLY", 2)
        return j + 1, Repeat(make(unit[0], unit[1] * interval))
    unit_name = UNITS.get(word, "")
    if unit_name not in _FREQUENCY or word in ("night", "nights"):
        return None
    k = skip(tokens, j + 1, {"on", "the"})
    if unit_name == "week" and k > j + 1 and (days := _days(tokens, k)):
        return days[0], Repeat(make("WEEKLY", interval, BYDAY=codes(days[1])))
    nth = number(tokens, k, ordinal=True)
    if unit_name == "month" and k > j + 1 and nth is not None and nth <= 31:
        weekday = WEEKDAYS.get(low(tokens, k + 1))
        if weekday is not None:
            return k + 2, Repeat(make("MONTHLY", interval, BYDAY=f"{nth}{CODES[weekday]}"))
        return k + 1, Repeat(make("MONTHLY", interval, BYMONTHDAY=str(nth)))
    if unit_name == "month" and low(tokens, k) == "last" and k > j + 1:
        weekday = WEEKDAYS.get(low(tokens, k + 1))
        if weekday is not None:
            return k + 2, Repeat(make("MONTHLY", interval, BYDAY=f"-1{CODES[weekday]}"))
        if low(tokens, k + 1) == "day":
            return k + 2, Repeat(make("MONTHLY", interval, BYMONTHDAY="-1"))
    return j + 1, Repeat(make(_FREQUENCY[unit_name], interval))


def _every_nth_weekday(tokens: Tokens, j: int) -> Found:
    """Such as "every first Monday (of the month)", "every last Friday"."""
    last = low(tokens, j) == "last"
    nth = -1 if last else number(tokens, j, ordinal=True)
    weekday = WEEKDAYS.get(low(tokens, j + 1))
    if nth is None or weekday is None or nth > 5:
        return None
    end = j + 2
    k = skip(tokens, end, {"of", "in", "the", "each", "every", "a"})
    monthly = k > end and low(tokens, k) == "month"
    if not monthly and nth in (2, 3, 4):
        return None  # "every second Tuesday" is every other one
    return (k + 1 if monthly else end), Repeat(make("MONTHLY", BYDAY=f"{nth}{CODES[weekday]}"))


def _every_ordinal(tokens: Tokens, j: int, value: int, cal: Calendar) -> Found:
    """Such as "every 15th (of the month)", "every 3rd of June"."""
    found = day_at(tokens, j, cal)
    if found and isinstance(found[1], Day) and found[1].bump == "year":
        return found[0], _yearly(found[1].date)
    numbers, j = [value], j + 1
    while low(tokens, j) in ("and", ",", "&"):
        k = skip(tokens, j + 1, {"the", "and"})
        more = number(tokens, k, ordinal=True)
        if more is None or more > 31:
            break
        numbers, j = [*numbers, more], k + 1
    k = skip(tokens, j, {"of", "the", "each", "every", "day"})
    end = k + 1 if low(tokens, k) == "month" else j
    return end, Repeat(make("MONTHLY", BYMONTHDAY=",".join(map(str, numbers))))


def _every_month_day(tokens: Tokens, j: int, month: int, cal: Calendar) -> Found:
    found = day_at(tokens, j, cal)
    if found and isinstance(found[1], Day):
        return found[0], _yearly(found[1].date)
    if not month:
        return None
    return j + 1, Repeat(make("YEARLY", BYMONTH=str(month)))


def _yearly(day: date) -> Repeat:
    return Repeat(make("YEARLY", BYMONTH=str(day.month), BYMONTHDAY=str(day.day)), day)


def _nth_of_every(tokens: Tokens, i: int, cal: Calendar) -> Found:
    """Such as "the first Monday of every month", "the 15th of each month"."""
    j = i + 1 if low(tokens, i) == "the" else i
    nth = -1 if low(tokens, j) == "last" else number(tokens, j, ordinal=True)
    if nth is None or nth > 31:
        return None
    if low(tokens, j + 1) in ("working", "business", "work") and low(tokens, j + 2) == "day":
        return _working_day(tokens, j + 3, nth)
    weekday = WEEKDAYS.get(low(tokens, j + 1))
    if low(tokens, j + 1) == "weekday":
        return _working_day(tokens, j + 2, nth)
    k = j + 2 if weekday is not None or low(tokens, j + 1) == "day" else j + 1
    if low(tokens, k) == "of" or low(tokens, k) == "in":
        k += 1
    if low(tokens, k) not in _EVERY:
        return None
    step = 2 if low(tokens, k + 1) == "other" else 1
    unit_at = k + step
    month = month_at(tokens, unit_at)
    if low(tokens, unit_at) != "month" and month is None:
        return None
    end = unit_at + 1
    by = ("BYMONTHDAY", str(nth)) if weekday is None else ("BYDAY", f"{nth}{CODES[weekday]}")
    if month is not None:
        return end, Repeat((*make("YEARLY", BYMONTH=str(month)), by))
    return end, Repeat((*make("MONTHLY", step), by))


def _working_day(tokens: Tokens, k: int, nth: int) -> Found:
    """Such as "the last working day of every month", from the words after "day"."""
    k = skip(tokens, k, {"of", "in"})
    if low(tokens, k) not in _EVERY or low(tokens, k + 1) != "month":
        return None
    return k + 2, Repeat(make("MONTHLY", BYDAY=codes(_WORKDAYS), BYSETPOS=str(nth)))
