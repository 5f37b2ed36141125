"""One occurrence of a series and all that follow: from when on, and what becomes of them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from wlm.plugins import Context, TimeRange, rules
from wlm_meeting import reminders, target
from wlm_meeting.calendar import Calendar
from wlm_meeting.entry import Entry, Occurrence

if TYPE_CHECKING:
    from wlm_meeting.update import Wish

_DAY = timedelta(days=1)


class Meant(NamedTuple):
    """The first occurrence that is meant, and the wish with its new start in full."""

    found: Occurrence
    wish: Wish


def meant(ctx: Context, calendar: Calendar, wish: Wish, what: target.Target) -> Meant:
    """Read "move it to ten from next week on".

    A day says from when on, as long as the series takes place on it or a clock time is said
    as well; else ("to Tuesday, from next week on") it is the new day.
    """
    if wish.start is not None:
        start = rules.local(wish.start, calendar.zone)
        said = wish.old.start if wish.old else _midnight(start)
        far = wish.old is not None or start - ctx.now > _DAY
        found = target.find_from(ctx, calendar, what, said if far else None)
        new_day = wish.old is not None and start.date() != _first_day(calendar, wish.old)
        day = start.date() if new_day and start >= found.start - 7 * _DAY else found.start.date()
        return Meant(found, _at(calendar, wish, datetime.combine(day, start.time())))
    if wish.when is None:
        found = target.find_from(ctx, calendar, what, wish.old.start if wish.old else None)
        return Meant(found, wish)
    begin, end = (rules.local(moment, calendar.zone) for moment in (wish.when.start, wish.when.end))
    since = wish.old.start if wish.old else begin
    found = target.find_from(ctx, calendar, what, since)
    other = bool(wish.duration or wish.new_title or wish.location or wish.repeat)
    if end - begin > _DAY or found.start.date() == begin.date() or (other and not wish.old):
        return Meant(found, wish._replace(when=None))
    if not wish.old:
        monday = begin - timedelta(days=begin.weekday())
        found = target.find_from(ctx, calendar, what, max(monday, ctx.now))
    return Meant(found, _at(calendar, wish, datetime.combine(begin.date(), found.start.time())))


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _first_day(calendar: Calendar, when: TimeRange) -> object:
    return rules.local(when.start, calendar.zone).date()


def _at(calendar: Calendar, wish: Wish, wall: datetime) -> Wish:
    start = rules.localise(wall, calendar.zone)
    said = TimeRange(start, start + timedelta(minutes=1))
    return wish._replace(start=start, when=None, old=wish.old or said)


def series_of(calendar: Calendar, found: Occurrence) -> Entry | None:
    """The series that an occurrence belongs to; None for what takes place once."""
    if found.entry.repeats:
        return found.entry
    return calendar.get(found.entry.series) if found.entry.series else None


def divided(ctx: Context, calendar: Calendar, found: Occurrence) -> Occurrence:
    """The occurrence as the first of a series of its own, with all that follow it.

    ``found`` is an occurrence as its series has it.
    """
    series = found.entry
    after = calendar.divide(series, found.wall)
    if after is None or after.id == series.id:
        return found
    reminders.follow(ctx, calendar, series.id, series)
    return after.at(found.wall, calendar.zone)
