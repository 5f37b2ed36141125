"""Free time: what lies between meetings, within working hours."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from wlm.plugins import rules

if TYPE_CHECKING:
    from wlm_meeting.calendar import Calendar

Span = tuple[datetime, datetime]
_GRID = timedelta(minutes=15)


def working(start: datetime, end: datetime, now: datetime, hours: tuple[int, int]) -> list[Span]:
    """The times between start and end in which one meets, none of them past.

    Of whole days, the working hours; weekends only where nothing else was asked for. A part
    of a day ("tomorrow evening") is taken as it was said. ``now`` is in the user's zone.
    """
    zone = now.tzinfo
    assert isinstance(zone, ZoneInfo)
    start, end, now = (rules.local(moment, zone) for moment in (start, end, _up(now)))
    if end - start < timedelta(hours=20):
        return [(max(start, now), end)] if end > now else []
    days = list(_days(start, end))
    if any(day.weekday() < 5 for day in days):
        days = [day for day in days if day.weekday() < 5]
    open_hours = ([rules.localise(day + timedelta(hours=h), zone) for h in hours] for day in days)
    spans = ((max(first, start, now), min(last, end)) for first, last in open_hours)
    return [(first, last) for first, last in spans if first < last]


def gaps(
    calendar: Calendar,
    spans: Iterable[Span],
    *,
    others: Sequence[Span] = (),
    travel: timedelta = timedelta(),
) -> list[Span]:
    """What is free of the spans, for us and where ``others`` are busy for them.

    ``travel`` is kept free before and after what takes place somewhere.
    """
    free: list[Span] = []
    for start, end in spans:
        begin = start
        taken = [*_taken(calendar, start, end, travel), *others]
        for first, last in sorted(taken):
            if last <= start or first >= end:
                continue
            if first > begin:
                free.append((begin, min(rules.local(first, calendar.zone), end)))
            begin = max(begin, rules.local(last, calendar.zone))
        if begin < end:
            free.append((begin, end))
    return free


def _taken(calendar: Calendar, start: datetime, end: datetime, travel: timedelta) -> Iterator[Span]:
    """Our own busy times, with the way to and from where they are."""
    for busy in calendar.between(start - travel, end + travel):
        if busy.entry.busy and busy.end > busy.start:
            way = travel if busy.entry.location else timedelta()
            yield busy.start - way, busy.end + way


def starts(free: Iterable[Span], length: timedelta) -> list[datetime]:
    """Times at which something of that length can begin: each gap's first, then every hour."""
    found: list[datetime] = []
    for start, end in free:
        while end - start >= length:
            found.append(start)
            whole = start.replace(minute=0, second=0, microsecond=0)
            start = whole + timedelta(hours=1)
    return found


def _days(start: datetime, end: datetime) -> Iterator[datetime]:
    """Midnights, on the wall, of the days from start to end."""
    day = datetime.combine(start.date(), time())
    last = end.replace(tzinfo=None)
    while day < last:
        yield day
        day += timedelta(days=1)


def _up(moment: datetime) -> datetime:
    """The next quarter of an hour."""
    whole = moment.replace(second=0, microsecond=0)
    late = timedelta(minutes=whole.minute % 15)
    return moment if whole == moment and not late else whole - late + _GRID
