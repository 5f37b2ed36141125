"""Reminders: an entry without length, or a meeting's alarm, and the event that says it.

The entry says what and when; the event ``meeting.notify`` in the future only makes it
heard. The entry keeps the id of its pending event, which is replaced whenever the entry
changes. What repeats has one pending event at a time: that of its next occurrence, made
when the one before is heard.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from wlm.plugins import Context, Reply
from wlm_meeting import say
from wlm_meeting.calendar import Calendar
from wlm_meeting.entry import Entry, Occurrence

NOTIFY = "meeting.notify"
_FAR = timedelta(days=1500)
_LATE = timedelta(minutes=5)


def schedule(ctx: Context, calendar: Calendar, entry: Entry, after: datetime) -> None:
    """Make the event of the next occurrence that is to be said after ``after``, if there is one."""
    due = next_of(calendar, entry, after)
    event = None
    if due is not None:
        event = ctx.emit(
            NOTIFY,
            {"entry": entry.id, "at": due.start.isoformat()},
            run_at=due.start - before(entry),
            key=f"notify {entry.id} {entry.sequence} {due.start.isoformat()}",
        )
    calendar.mark(entry, event)


def mend(ctx: Context) -> None:
    """Make the events that are missing, as after an import, which runs outside of any event."""
    if not ctx.event_id:
        return
    calendar = Calendar(ctx)
    for entry in calendar.unscheduled():
        schedule(ctx, calendar, entry, ctx.now)


def before(entry: Entry) -> timedelta:
    """How long before it takes place an entry is said."""
    return timedelta(minutes=entry.notify_before or 0)


def next_of(calendar: Calendar, entry: Entry, after: datetime) -> Occurrence | None:
    """The first occurrence that is to be said after ``after``."""
    since = after + before(entry)
    if not entry.repeats:
        one = entry.single(calendar.zone)
        return one if one.start > since else None
    far = max(since, entry.at(entry.local_start, calendar.zone).start)
    found = calendar.of_series(entry, since, far + _FAR)
    return next((o for o in found if o.start > since), None)


def follow(ctx: Context, calendar: Calendar, entry_id: str, was: Entry) -> None:
    """After a change to an entry: its pending event is replaced, or dropped with the entry.

    ``was`` is the entry, or one of its occurrences, as it was before.
    """
    entry = calendar.get(entry_id)
    known = entry or was
    if known.kind != "reminder" and known.notify_before is None:
        return
    if known.notify_event:
        ctx.cancel(known.notify_event)
    if entry is not None:
        schedule(ctx, calendar, entry, ctx.now)


def notify(ctx: Context, entry_id: str, at: datetime) -> Reply:
    """Say what is due, and make the event of its next occurrence."""
    calendar = Calendar(ctx)
    entry = calendar.get(entry_id)
    if entry is None or entry.notify_event != ctx.event_id:
        return Reply("", data={"due": False})  # changed since; its new event will say it
    due = _due(calendar, entry, at)
    if due is None:
        schedule(ctx, calendar, entry, ctx.now)
        return Reply("", data={"due": False})
    schedule(ctx, calendar, entry, max(at - before(entry), ctx.now))
    return Reply(_text(entry, due, ctx.now), data={"due": True, "reminder": due.to_dict()})


def _due(calendar: Calendar, entry: Entry, at: datetime) -> Occurrence | None:
    minute = calendar.between(at, at + timedelta(minutes=1))
    family = (o for o in minute if entry.id in (o.entry.id, o.entry.series))
    return next((o for o in family if o.start == at), None)


def _text(entry: Entry, due: Occurrence, now: datetime) -> str:
    if entry.kind == "meeting":
        return f"Reminder: {say.label(due, now)}."
    if now - due.start > _LATE:
        return f"Reminder, due {say.moment(due.start, now)}: {due.entry.title}."
    return f"Reminder: {due.entry.title}."
