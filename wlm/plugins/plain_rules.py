"""Recurrence rules as most are: every N days, weeks (on some days), months or years.

Their occurrences are worked out for a window by arithmetic; what is not so simple goes
through dateutil, in ``rules.py``.
"""

from __future__ import annotations

import functools
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_STEPS = {"DAILY": timedelta(days=1), "WEEKLY": timedelta(days=7)}
_MONTHS = {"MONTHLY": 1, "YEARLY": 12}
_BLOCK = timedelta(days=62)
LONGEST = timedelta(days=800)
"""No window is longer; what looks further ahead goes on block by block."""


class Plan(NamedTuple):
    """A rule that needs no library: every N days, weeks (on some days), months or years.

    What repeats by days has a ``step``, and ``since``: how long after the first day of the first
    step (a Monday where weekdays are named) its occurrences come, for as many as any window has.
    """

    months: int
    step: timedelta
    on_days: bool
    a_step: int
    since: list[timedelta]


@functools.lru_cache(maxsize=1024)
def plan(text: str) -> Plan | None:
    """The plan of a rule; None if it is not as simple as most."""
    said = parts_of(text)
    names = said.get("BYDAY", "").split(",") if "BYDAY" in said else []
    if set(said) - {"FREQ", "INTERVAL", "BYDAY", "WKST"} or not set(names) <= set(DAYS):
        return None
    frequency, interval = said["FREQ"], int(said.get("INTERVAL", "1"))
    if names and (frequency != "WEEKLY" or (interval > 1 and said.get("WKST", "MO") != "MO")):
        return None
    if frequency in _MONTHS:
        return Plan(_MONTHS[frequency] * interval, timedelta(), False, 0, [])
    if frequency not in _STEPS:
        return None
    step, days = _STEPS[frequency] * interval, sorted(map(DAYS.index, names))
    since = [
        step * number + timedelta(days=day)
        for number in range(LONGEST // step + 3)
        for day in days or [0]
    ]
    return Plan(0, step, bool(days), len(days) or 1, since)


def parts_of(text: str) -> dict[str, str]:
    """The parts of a rule by name."""
    return dict(piece.split("=", 1) for piece in text.split(";"))


def in_blocks(rule: Plan, start: datetime, begin: datetime, end: datetime) -> Iterator[datetime]:
    """What is in begin ≤ t < end, bit by bit: the end may be thousands of years away."""
    block = _BLOCK
    while begin < end:
        edge = begin + min(block, end - begin)
        yield from within(rule, start, begin, edge)
        begin, block = edge, min(block * 2, LONGEST)


def within(rule: Plan, start: datetime, begin: datetime, end: datetime) -> list[datetime]:
    """What a plan has in begin ≤ t < end; ``begin`` is not before ``start``."""
    if rule.months:
        return _months(start, rule.months, begin, end)
    step = rule.step
    first = start - timedelta(start.weekday()) if rule.on_days else start
    first += (begin - first) // step * step
    found = [first + since for since in rule.since[: rule.a_step * ((end - first) // step + 1)]]
    # The first step may begin before the window, and the last one end behind it.
    low, high = 0, len(found)
    while low < high and found[low] < begin:
        low += 1
    while low < high and found[high - 1] >= end:
        high -= 1
    return found if high - low == len(found) else found[low:high]


def _months(start: datetime, interval: int, begin: datetime, end: datetime) -> list[datetime]:
    """The day of ``start`` in every N-th month, where it has one, in begin ≤ t < end."""
    first = start.year * 12 + start.month - 1
    month = begin.year * 12 + begin.month - 1
    month += (first - month) % interval
    last = end.year * 12 + end.month - 1
    found = []
    while month <= last:
        try:
            at = start.replace(month // 12, month % 12 + 1)
        except ValueError:  # the 31st, or the 29th of February
            at = None
        if at is not None and begin <= at < end:
            found.append(at)
        month += interval
    return found
