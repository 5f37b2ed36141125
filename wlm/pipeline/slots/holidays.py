"""Days that go by a name: "Christmas", "New Year's Eve", "Thanksgiving", "Easter Monday"."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

from wlm.pipeline.slots.atoms import Day, Found, Tokens, low
from wlm.pipeline.slots.calendar import Calendar, easter, nth_weekday

_Rule = tuple[int, int] | Callable[[int], date | None]


def _easter(offset: int) -> Callable[[int], date]:
    return lambda year: easter(year) + timedelta(days=offset)


def _nth(month: int, weekday: int, nth: int, offset: int = 0) -> Callable[[int], date | None]:
    def rule(year: int) -> date | None:
        day = nth_weekday(year, month, weekday, nth)
        return day + timedelta(days=offset) if day else None

    return rule


_NAMES: dict[tuple[str, ...], _Rule] = {
    tuple(name.split()): rule
    for names, rule in (
        ("christmas day|christmas|xmas|xmas day", (12, 25)),
        ("christmas eve|xmas eve", (12, 24)),
        ("boxing day", (12, 26)),
        ("new year 's eve|new years eve|nye", (12, 31)),
        ("new year 's day|new years day|new year 's|new years|new year", (1, 1)),
        ("valentine 's day|valentines day|valentine day|valentine 's|valentines", (2, 14)),
        ("st patrick 's day|saint patrick 's day|st patricks day", (3, 17)),
        ("april fool 's day|april fools day|april fools", (4, 1)),
        ("may day", (5, 1)),
        ("independence day", (7, 4)),
        ("halloween", (10, 31)),
        ("all saints day|all saints", (11, 1)),
        ("veterans day|veteran 's day", (11, 11)),
        ("bonfire night|guy fawkes night", (11, 5)),
        ("epiphany", (1, 6)),
        ("thanksgiving day|thanksgiving", _nth(11, 3, 4)),
        ("black friday", _nth(11, 3, 4, 1)),
        ("cyber monday", _nth(11, 3, 4, 4)),
        ("martin luther king day|mlk day", _nth(1, 0, 3)),
        ("presidents day|president 's day", _nth(2, 0, 3)),
        ("mother 's day|mothers day", _nth(5, 6, 2)),
        ("father 's day|fathers day", _nth(6, 6, 3)),
        ("memorial day", _nth(5, 0, -1)),
        ("labor day|labour day", _nth(9, 0, 1)),
        ("columbus day", _nth(10, 0, 2)),
        ("ash wednesday", _easter(-46)),
        ("palm sunday", _easter(-7)),
        ("maundy thursday", _easter(-3)),
        ("good friday", _easter(-2)),
        ("easter saturday", _easter(-1)),
        ("easter sunday|easter day|easter", _easter(0)),
        ("easter monday", _easter(1)),
        ("ascension day|ascension", _easter(39)),
        ("whit sunday|pentecost", _easter(49)),
        ("whit monday", _easter(50)),
    )
    for name in names.split("|")
}
STARTS = frozenset(name[0] for name in _NAMES)
_LONGEST = max(len(name) for name in _NAMES)


def holiday_at(tokens: Tokens, i: int, cal: Calendar) -> Found:
    """The named day at ``i``, with "this", "next" or "last" in front; the coming one by default."""
    lead = low(tokens, i) if low(tokens, i) in ("this", "next", "last") else ""
    j = i + 1 if lead else i
    if low(tokens, j) not in STARTS:
        return None
    for length in range(min(_LONGEST, len(tokens) - j), 0, -1):
        rule = _NAMES.get(tuple(token.low for token in tokens[j : j + length]))
        if rule is not None:
            end = j + length
            year = tokens[end].value if end < len(tokens) else None
            if year is not None and 1900 <= year <= 2199:
                day = _on(rule, year)
                return (end + 1, Day(day)) if day else None
            day = _nearest(rule, cal, past=cal.past or lead == "last")
            return (end, Day(day, "" if lead else "year")) if day else None
    return None


def fixed_holiday_at(tokens: Tokens, i: int, cal: Calendar) -> tuple[int, date] | None:
    """The end and next date of a named day that has the same date each year."""
    if low(tokens, i) not in STARTS:
        return None
    for length in range(min(_LONGEST, len(tokens) - i), 0, -1):
        rule = _NAMES.get(tuple(token.low for token in tokens[i : i + length]))
        if isinstance(rule, tuple):
            day = _nearest(rule, cal, past=False)
            return (i + length, day) if day else None
    return None


def _on(rule: _Rule, year: int) -> date | None:
    return date(year, *rule) if isinstance(rule, tuple) else rule(year)


def _nearest(rule: _Rule, cal: Calendar, *, past: bool) -> date | None:
    for step in (0, 1):
        day = _on(rule, cal.today.year + (-step if past else step))
        if day and (day <= cal.today if past else day >= cal.today):
            return day
    return None
