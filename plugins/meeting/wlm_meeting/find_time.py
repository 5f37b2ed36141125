"""Find a time that is free."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time, timedelta

from wlm.plugins import Context, Person, Reply, TimeRange, rules
from wlm_meeting import say
from wlm_meeting.calendar import Calendar
from wlm_meeting.entry import Occurrence
from wlm_meeting.free import Span, gaps, working
from wlm_meeting.look import range_text
from wlm_meeting.others import Busy, busy
from wlm_meeting.settings import CalendarSettings

_OWN = "That is your own calendar; I cannot see that"
_SPOKEN = 3
_LISTED = 20


def find_time(
    ctx: Context, length: timedelta | None, when: TimeRange | None, people: Sequence[Person]
) -> Reply:
    """Free times of at least ``length`` in ``when``; default: in the next seven days."""
    calendar, settings = Calendar(ctx), ctx.settings_as(CalendarSettings)
    asked = when or _week(calendar)
    exact = length is None and when is not None and when.end - when.start <= timedelta(hours=2)
    length = length or (when.end - when.start if exact and when else settings.length)
    spans = working(asked.start, asked.end, ctx.now, settings.hours)
    others = busy(ctx, people, asked.start, asked.end)
    found = gaps(calendar, spans, others=others.spans, travel=settings.travel)
    free = [gap for gap in found if gap[1] - gap[0] >= length]
    said = range_text(calendar, asked, ctx.now) if when else "in the next seven days"
    us = say.joined(["you", *others.known])
    if exact and when and others.known:
        answer = f"Yes, {us} are free" if free else f"No, {us} are not all free"
        speech = f"{answer} {said}."
    elif exact and when:
        speech = _yes_or_no(calendar, when, said, ctx.now, free=bool(free))
    elif not spans:
        speech = f"There is no time left {said}."
    elif not free:
        speech = f"{say.upper(us)} have no {say.duration(length)} free {said}."
    else:
        speech = f"{say.upper(us)} are free {_spoken(free, ctx.now)}."
    speech += _aside(calendar, asked, ctx.now) + _others(others)
    return Reply(speech, _display(speech, free), {**_data(free, length), **_known(others)})


def _week(calendar: Calendar) -> TimeRange:
    midnight = datetime.combine(calendar.now.date() + timedelta(days=8), time())
    return TimeRange(calendar.now, rules.localise(midnight, calendar.zone))


def _yes_or_no(calendar: Calendar, when: TimeRange, said: str, now: datetime, *, free: bool) -> str:
    if free:
        return f"Yes, you are free {said}."
    found = [o for o in calendar.between(when.start, when.end) if o.entry.busy]
    if not found:
        return f"That has passed: {said}."
    return f"No, {said} you have {say.joined(_until(o) for o in found[:3])}."


def _until(occurrence: Occurrence) -> str:
    return f"{say.name(occurrence.entry)} until {say.clock(occurrence.end)}"


def _spoken(free: Sequence[Span], now: datetime) -> str:
    parts, previous = [], None
    for start, end in free[:_SPOKEN]:
        day = start.date()
        prefix = f"{say.day(day, now)} " if day != previous else ""
        parts.append(prefix + say.times(start, end))
        previous = day
    if len(free) > _SPOKEN:
        return ", ".join(parts) + f", and {len(free) - _SPOKEN} more times"
    return say.joined(parts)


def _aside(calendar: Calendar, asked: TimeRange, now: datetime) -> str:
    """All-day entries leave the time free, but are worth knowing of."""
    found = [o for o in calendar.between(asked.start, asked.end) if o.entry.all_day]
    named = {say.name(o.entry): o for o in found}
    if not named:
        return ""
    return f" Note: {say.joined(f'{n}, {say.span(o, now)}' for n, o in list(named.items())[:2])}."


def _others(others: Busy) -> str:
    """Whose times are not part of the answer, and why."""
    notes = ""
    if others.unknown:
        names = say.joined(others.unknown, "or")
        sees = "I cannot see the calendar" if others.known else _OWN
        notes += f" {sees} of {names}."
    if others.away:
        notes += f" The calendar of {say.joined(others.away)} gave no answer."
    return notes


def _known(others: Busy) -> dict[str, object]:
    return {"known": others.known, "unknown": others.unknown, "away": others.away}


def _display(speech: str, free: Sequence[Span]) -> str:
    lines = [
        f"  {start:%a} {start.day} {start:%b}  {start:%H:%M}–{end:%H:%M}" for start, end in free
    ]
    more = [f"  … and {len(free) - _LISTED} more"] if len(free) > _LISTED else []
    return "\n".join([speech, *lines[:_LISTED], *more])


def _data(free: Sequence[Span], length: timedelta) -> dict[str, object]:
    return {
        "free": [{"start": start.isoformat(), "end": end.isoformat()} for start, end in free],
        "minutes": int(length.total_seconds()) // 60,
    }
