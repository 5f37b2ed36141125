"""A series cut in two: what is before one of its occurrences, and that one with all that follow.

Both halves are series of their own, as every calendar server understands them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from wlm.plugins import rules
from wlm.types import new_id
from wlm_meeting.entry import Entry

_BACK = (timedelta(days=8), timedelta(days=62), timedelta(days=400))
_AHEAD = timedelta(days=14_700)
"""Forty years: a rule that was read has an occurrence within them, or none."""


class Halves(NamedTuple):
    """``before`` is the series, shortened; ``after`` has an id and a UID of its own.

    None stands for a half that has no occurrence.
    """

    before: Entry | None
    after: Entry | None


def cut(series: Entry, wall: datetime) -> Halves:
    """The halves of a series before and from a wall time in its zone."""
    return Halves(_before(series, wall), _after(series, wall))


def _before(series: Entry, wall: datetime) -> Entry | None:
    dates, gone = ([w for w in walls if w < wall.isoformat()] for walls in _listed(series))
    last = _last(series, wall)
    start, rrule = series.local_start, ""
    if last is not None:
        rrule = _with(series, UNTIL=rules.until_text(last, series.tz))
    elif dates:
        start = datetime.fromisoformat(dates[0])
    half = dataclasses.replace(series, local_start=start, rrule=rrule, rdates=dates, exdates=gone)
    return half.timed() if _any(series, series.local_start, wall, dates) else None


def _after(series: Entry, wall: datetime) -> Entry | None:
    dates, gone = ([w for w in walls if w >= wall.isoformat()] for walls in _listed(series))
    start = next(iter(_walls(series, wall, wall + _AHEAD)), None)
    rrule = ""
    if start is not None:
        rule = rules.parse(series.rrule, series.tz)
        rrule = series.rrule
        if rule.times is not None:
            passed = sum(1 for _ in _walls(series, series.local_start, wall))
            rrule = _with(series, COUNT=str(rule.times - passed))
    elif dates:
        start = datetime.fromisoformat(dates[0])
    if start is None or not _any(series, wall, wall + _AHEAD, dates):
        return None
    entry_id = new_id()
    heard = series.kind == "reminder" or series.notify_before is not None
    return dataclasses.replace(
        series,
        id=entry_id,
        uid=f"{entry_id}@wlm",
        local_start=start,
        rrule=rrule,
        rdates=dates,
        exdates=gone,
        notify_event="" if heard else None,
        sequence=0,
    ).timed()


def _listed(series: Entry) -> tuple[Sequence[str], Sequence[str]]:
    """Its extra and its excluded wall times; what repeats without a rule begins with its start."""
    first = [] if series.rrule else [series.local_start.isoformat()]
    return sorted({*series.rdates, *first}), sorted(series.exdates)


def _walls(series: Entry, start: datetime, end: datetime) -> Iterable[datetime]:
    """What the rule has in start ≤ t < end, be it excluded or not."""
    if not series.rrule:
        return []
    rule = rules.parse(series.rrule, series.tz)
    return rules.expand(rule.text, series.local_start, series.local_last, start, end)


def _last(series: Entry, wall: datetime) -> datetime | None:
    """The last occurrence of the rule before a wall time."""
    for back in (*_BACK, None):
        since = series.local_start if back is None else max(series.local_start, wall - back)
        if found := list(_walls(series, since, wall)):
            return found[-1]
    return None


def _any(series: Entry, start: datetime, end: datetime, dates: Sequence[str]) -> bool:
    """Whether anything that is not excluded takes place in start ≤ t < end."""
    gone = set(series.exdates)
    if any(date not in gone for date in dates):
        return True
    return any(wall.isoformat() not in gone for wall in _walls(series, start, end))


def _with(series: Entry, **end: str) -> str:
    """Its rule with another end."""
    rule = rules.parse(series.rrule, series.tz)
    return ";".join((rule.text, *(f"{name}={value}" for name, value in end.items())))
