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
_BLOCK = timedelta(days=62)
LONGEST = timedelta(days=800)
"""No window is longer; what looks further ahead goes on block by block."""


class Plan(NamedTuple):
    """A rule that needs no library: every N days, weeks (on some days), months or years."""

    frequency: str
    interval: int
    days: list[int]


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
    if frequency == "YEARLY":
        return Plan("MONTHLY", 12 * interval, [])
    if frequency not in {"DAILY", "WEEKLY", "MONTHLY"}:
        return None
    return Plan(frequency, interval, sorted(map(DAYS.index, names)))


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
    if rule.frequency == "MONTHLY":
        return _months(start, rule.interval, begin, end)
    step = timedelta(days=rule.interval)
    if rule.frequency == "DAILY":
        return _steps([start], step, begin, end)
    if not rule.days:
        return _steps([start], 7 * step, begin, end)
    monday = start - timedelta(days=start.weekday())
    return _steps([monday + timedelta(days=day) for day in rule.days], 7 * step, begin, end)


def _months(start: datetime, interval: int, begin: datetime, end: datetime) -> list[datetime]:
    """The day of ``start`` in every N-th month, where it has one, in begin ≤ t < end."""
    first, near, last = (at.year * 12 + at.month - 1 for at in (start, begin, end))
    passed = max(0, (near - first) // interval)
    found = []
    for month in range(first + passed * interval, last + 1, interval):
        try:
            found.append(start.replace(year=month // 12, month=month % 12 + 1))
        except ValueError:  # the 31st, or the 29th of February
            continue
    return [at for at in found if begin <= at < end]


def _steps(
    moments: list[datetime], step: timedelta, begin: datetime, end: datetime
) -> list[datetime]:
    """``moments`` and what follows them by whole steps, in begin ≤ t < end."""
    found: list[datetime] = []
    for moment in moments:
        first, beyond = -((moment - begin) // step), -((moment - end) // step)
        first = max(first, 0)
        if first < beyond:
            at = moment + first * step
            found += [at + since for since in _multiples(step)[: beyond - first]]
    return sorted(found) if len(moments) > 1 else found


@functools.lru_cache(maxsize=64)
def _multiples(step: timedelta) -> list[timedelta]:
    """Nothing, one step, two … as many as any window has; many series share them."""
    return [step * number for number in range(LONGEST // step + 2)]
