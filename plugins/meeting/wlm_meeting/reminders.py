"""Reminders: an entry without length, or a meeting's alarm, and the event that says it.

The entry says what and when; the event ``meeting.notify`` in the future only makes it
heard. The entry keeps the id of its pending event, which is replaced whenever the entry
changes. A reminder that repeats is a schedule, and the entry keeps the schedule's id. What a
schedule cannot say (single dates that were moved or added, alarms of days) has one pending
event at a time: that of its next occurrence, made when the one before is heard.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from wlm.plugins import (
    Context,
    Recurrence,
    Reply,
    SchedulePlan,
    ScheduleStep,
    TimeRange,
    rules,
)
from wlm_meeting import say
from wlm_meeting.calendar import Calendar
from wlm_meeting.entry import Entry, Occurrence

NOTIFY = "meeting.notify"
_FAR = timedelta(days=1500)
_LATE = timedelta(minutes=5)
_CATCH_UP = timedelta(days=7)
"""A reminder that was slept through is still said a week later, once."""


def schedule(ctx: Context, calendar: Calendar, entry: Entry, after: datetime) -> None:
    """See to it that the occurrences after ``after`` are said."""
    if entry.repeats and _is_plain(calendar, entry):
        calendar.mark(entry, _schedule_all(ctx, calendar, entry))
        return
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


def _is_plain(calendar: Calendar, entry: Entry) -> bool:
    """Whether the rule and what is left out of it say all."""
    return bool(entry.tz and entry.rrule) and not entry.rdates and not calendar.changed(entry)


def _schedule_all(ctx: Context, calendar: Calendar, entry: Entry) -> str | None:
    """The id of a schedule that says each occurrence; ``None`` if none is to come."""
    zone = entry.tz or calendar.zone
    if next_of(calendar, entry, ctx.now) is None:
        return None
    gone = [rules.localise(datetime.fromisoformat(text), zone) for text in entry.exdates]
    minute = timedelta(minutes=1)
    plan = SchedulePlan(
        f"reminder: {entry.title}",
        Recurrence(entry.rrule, excluded=[TimeRange(at, at + minute) for at in gone]),
        rules.localise(entry.local_start, zone),
        zone,
        [ScheduleStep(NOTIFY, {"entry": entry.id}, at="at")],
        key=f"notify {entry.id}",
        lead=before(entry),
        catch_up=_CATCH_UP,
    )
    return ctx.schedule(plan).id


def drop(ctx: Context, entry: Entry) -> None:
    """Take back what would say an entry."""
    if entry.notify_event and not ctx.cancel(entry.notify_event):
        ctx.unschedule(entry.notify_event)


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
    drop(ctx, known)
    if entry is not None:
        schedule(ctx, calendar, entry, ctx.now)


def notify(ctx: Context, entry_id: str, at: datetime) -> Reply:
    """Say what is due, and make the event of its next occurrence."""
    calendar = Calendar(ctx)
    entry = calendar.get(entry_id)
    scheduled = entry is not None and entry.notify_event in {s.id for s in ctx.schedules()}
    if entry is None or not (scheduled or entry.notify_event == ctx.event_id):
        return Reply("", data={"due": False})  # changed since; its new event will say it
    due = _due(calendar, entry, at)
    if scheduled:
        text = _text(entry, due, ctx.now) if due else ""
        shown = due.to_dict() if due else None
        return Reply(text, data={"due": due is not None, "reminder": shown})
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
