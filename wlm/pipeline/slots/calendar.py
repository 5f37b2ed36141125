"""Dates and wall-clock times in the user's zone: the arithmetic that the time rules share."""

from __future__ import annotations

import calendar
from datetime import UTC, date, datetime, timedelta

FIRST_YEAR, LAST_YEAR = 1900, 2199


class Calendar:
    """One moment, seen from the user's zone.

    ``now`` must be aware; its zone is the user's. ``past`` prefers days that have been
    ("mail from Monday") over days to come ("lunch on Monday").
    """

    def __init__(self, now: datetime, *, past: bool = False) -> None:
        if now.tzinfo is None:
            raise ValueError("now must be aware")
        self.now = now.replace(microsecond=0)
        self.zone = now.tzinfo
        self.past = past
        self.today = now.date()

    def at(self, day: date, hour: int = 0, minute: int = 0) -> datetime:
        """The wall-clock time on that day; hours from 24 on fall on the next.

        A time that a DST change skips is moved forward by the gap; of one that occurs
        twice the first is meant.
        """
        day += timedelta(days=hour // 24)
        wall = datetime(day.year, day.month, day.day, hour % 24, minute, tzinfo=self.zone)
        return wall.astimezone(UTC).astimezone(self.zone)

    def days(self, first: date, count: int = 1) -> tuple[datetime, datetime]:
        """From midnight to midnight, ``count`` days."""
        return self.at(first), self.at(first + timedelta(days=count))

    def after(self, seconds: int) -> datetime:
        """So many elapsed seconds from now (negative: ago), across any DST change."""
        return (self.now.astimezone(UTC) + timedelta(seconds=seconds)).astimezone(self.zone)


def shift(day: date, unit: str, count: int) -> date:
    """``count`` units on, by the calendar; the day of the month is kept where it exists."""
    if unit in ("day", "week", "fortnight"):
        return clamp(day.toordinal() + count * {"day": 1, "week": 7, "fortnight": 14}[unit])
    months = count * {"month": 1, "quarter": 3, "year": 12, "decade": 120}[unit]
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    if not FIRST_YEAR <= year <= LAST_YEAR:
        return date(FIRST_YEAR if year < FIRST_YEAR else LAST_YEAR, 1, 1)
    last = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(day.day, last))


def clamp(ordinal: int) -> date:
    """The date of that ordinal, kept within the years that are handled."""
    low, high = date(FIRST_YEAR, 1, 1).toordinal(), date(LAST_YEAR, 12, 31).toordinal()
    return date.fromordinal(min(max(ordinal, low), high))


def make_date(year: int, month: int, day: int) -> date | None:
    """The date, or nothing if there is none such."""
    if not (FIRST_YEAR <= year <= LAST_YEAR and 1 <= month <= 12 and day >= 1):
        return None
    return date(year, month, day) if day <= calendar.monthrange(year, month)[1] else None


def period(day: date, unit: str) -> tuple[date, date]:
    """First day of the period that holds ``day`` and of the next one; weeks start on Monday."""
    if unit in ("week", "weekend", "fortnight"):
        monday = day - timedelta(days=day.weekday())
        if unit == "weekend":
            return monday + timedelta(days=5), monday + timedelta(days=7)
        return monday, shift(monday, unit, 1)
    if unit == "day":
        return day, shift(day, "day", 1)
    first = {
        "month": day.replace(day=1),
        "quarter": day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1),
        "year": day.replace(month=1, day=1),
        "decade": day.replace(year=day.year // 10 * 10, month=1, day=1),
    }[unit]
    return first, shift(first, unit, 1)


def nth_weekday(year: int, month: int, weekday: int, nth: int) -> date | None:
    """The ``nth`` such weekday of a month; -1 is the last."""
    last = calendar.monthrange(year, month)[1]
    if nth < 0:
        end = date(year, month, last)
        return end - timedelta(days=(end.weekday() - weekday) % 7)
    first = date(year, month, 1)
    day = 1 + (weekday - first.weekday()) % 7 + 7 * (nth - 1)
    return date(year, month, day) if day <= last else None


def easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar (Butcher's rule)."""
    a, b, c = year % 19, year // 100, year % 100
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    m = (a + 11 * h) // 319
    r = (2 * e + 2 * i - k - h + m + 32) % 7
    month = (h - m + r + 90) // 25
    return date(year, month, (h - m + r + month + 19) % 32)
