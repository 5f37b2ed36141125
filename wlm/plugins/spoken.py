"""Times and repetitions in English, as one says them; for skills and for the core."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime

_DAY_NAMES = {
    "MO": "Monday",
    "TU": "Tuesday",
    "WE": "Wednesday",
    "TH": "Thursday",
    "FR": "Friday",
    "SA": "Saturday",
    "SU": "Sunday",
}
_UNITS = {
    "MINUTELY": "minute",
    "HOURLY": "hour",
    "DAILY": "day",
    "WEEKLY": "week",
    "MONTHLY": "month",
    "YEARLY": "year",
}
_ORDINALS = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth", -1: "last"}


def clock(moment: datetime, *, half: bool = True) -> str:
    """A clock time: "noon", "9 am", "2:30 pm"; without am or pm if not ``half``."""
    if (moment.hour, moment.minute) == (12, 0):
        return "noon"
    if (moment.hour, moment.minute) == (0, 0):
        return "midnight"
    minutes = f":{moment.minute:02}" if moment.minute else ""
    suffix = (" am" if moment.hour < 12 else " pm") if half else ""
    return f"{moment.hour % 12 or 12}{minutes}{suffix}"


def day(when: date, now: datetime) -> str:
    """A day as one says it: "today", "tomorrow", "on Friday", "on Friday 4 December"."""
    ahead = (when - now.date()).days
    if ahead in (-1, 0, 1):
        return {-1: "yesterday", 0: "today", 1: "tomorrow"}[ahead]
    if 1 < ahead < 7:
        return f"on {when:%A}"
    year = f" {when.year}" if when.year != now.year and abs(ahead) > 180 else ""
    return f"on {when:%A} {when.day} {when:%B}{year}"


def moment(when: datetime, now: datetime) -> str:
    """A day and a clock time: "tomorrow at noon"."""
    return f"{day(when.date(), now)} at {clock(when)}"


def rule(rrule: str) -> str:
    """A repetition: "every day", "every two weeks on Monday and Friday", "every weekday"."""
    parts = dict(piece.split("=", 1) for piece in rrule.split(";") if "=" in piece)
    unit = _UNITS.get(parts.get("FREQ", ""), "time")
    number = int(parts.get("INTERVAL", "1"))
    days = [_weekday(text) for text in parts.get("BYDAY", "").split(",") if text]
    if parts.get("BYDAY") == "MO,TU,WE,TH,FR" and number == 1:
        return "every weekday"
    if unit == "week" and number == 1 and days:
        return f"every {joined(days)}"
    many = f"every {unit}" if number == 1 else f"every {number} {unit}s"
    return f"{many} on {joined(days)}" if days else many


def joined(items: Iterable[str], word: str = "and") -> str:
    """ "a", "a and b", "a, b and c"."""
    parts = list(items)
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} {word} {parts[-1]}"


def upper(text: str) -> str:
    """With its first letter in upper case."""
    return text[:1].upper() + text[1:]


def _weekday(text: str) -> str:
    match = re.fullmatch(r"([+-]?\d*)(\w\w)", text)
    if not match or match[2] not in _DAY_NAMES:
        return text
    name = _DAY_NAMES[match[2]]
    if match[1]:
        return f"the {_ORDINALS.get(int(match[1]), match[1])} {name}"
    return name
