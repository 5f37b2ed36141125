"""Set a reminder: at a time, repeatedly, or some time before a meeting."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from wlm.errors import BadRequest
from wlm.plugins import Context, Recurrence, Reply, TimeRange, rules
from wlm.types import new_id
from wlm_meeting import reminders, say, target, undo
from wlm_meeting.calendar import Calendar
from wlm_meeting.create import remember, repeating
from wlm_meeting.entry import Entry, Occurrence, utc
from wlm_meeting.settings import CalendarSettings


class Wish(NamedTuple):
    """What was asked for, as the slots have it."""

    title: str
    start: datetime | None
    when: TimeRange | None
    repeat: Recurrence | None
    before: timedelta | None


def remind(ctx: Context, wish: Wish) -> Reply:
    """Make the reminder and the event that will say it."""
    calendar = Calendar(ctx)
    title = " ".join(wish.title.split())
    if wish.before is not None and wish.start is None and wish.repeat is None:
        return _alarm(ctx, calendar, wish, wish.before)
    if not title:
        ctx.ask("title", "Remind you of what?")
    entry = _entry(ctx, title, _start(ctx, calendar, wish))
    if wish.repeat is not None:
        entry = repeating(entry, wish.repeat)
    due = reminders.next_of(calendar, entry, ctx.now)
    if due is None:
        raise BadRequest("That time has passed; no reminder was set.", hint="Say a time to come.")
    if twin := _twin(calendar, entry, due):
        return _reply(f"That reminder is set already, {say.span(twin, ctx.now)}.", twin, False)
    calendar.add(entry)
    reminders.schedule(ctx, calendar, entry, ctx.now)
    undo.record(ctx, calendar)
    often = f"{say.rule(entry.rrule)}, the next time " if entry.rrule else ""
    when = say.moment(due.start, ctx.now)
    return _reply(f"I will remind you {often}{when}: {title}.", due, True)


def _alarm(ctx: Context, calendar: Calendar, wish: Wish, before: timedelta) -> Reply:
    """A reminder that goes with a meeting, also when that is moved."""
    what = target.Target(wish.title, (), wish.when, "start", lambda o: o.start.isoformat())
    found = target.find(ctx, calendar, what)
    if found.start - before <= ctx.now:
        raise BadRequest(
            "That is too late; no reminder was set.", hint="Say a shorter time before the meeting."
        )
    master = calendar.get(found.entry.series or found.entry.id) or found.entry
    entry = calendar.change(master, notify_before=int(before.total_seconds()) // 60)
    reminders.follow(ctx, calendar, entry.id, master)
    undo.record(ctx, calendar)
    often = ", and so every time" if entry.repeats else ""
    return _reply(
        f"I will remind you {say.duration(before)} before {say.label(found, ctx.now)}{often}.",
        found,
        True,
    )


def _start(ctx: Context, calendar: Calendar, wish: Wish) -> datetime:
    said = wish.start or (wish.repeat.start if wish.repeat else None)
    if said is not None:
        return rules.local(said, calendar.zone)
    if wish.when is None:
        ctx.ask("start", "When should I remind you?")
    return _in_range(ctx, calendar, wish.when)


def _in_range(ctx: Context, calendar: Calendar, when: TimeRange) -> datetime:
    """A time for "tomorrow" or "this evening": when work begins, or when the range does."""
    start, end = (rules.local(moment, calendar.zone) for moment in (when.start, when.end))
    if end - start >= timedelta(hours=20):
        hour = timedelta(hours=ctx.settings_as(CalendarSettings).day_starts)
        start = rules.localise(
            datetime.combine(start.date(), datetime.min.time()) + hour, calendar.zone
        )
    if start <= ctx.now < end:
        ctx.ask("start", "At what time should I remind you?")
    return start


def _entry(ctx: Context, title: str, start: datetime) -> Entry:
    entry_id, now = new_id(), utc(ctx.now)
    return Entry(
        id=entry_id,
        uid=f"{entry_id}@wlm",
        kind="reminder",
        title=title,
        busy=False,
        zone=ctx.timezone.key,
        local_start=start.astimezone(ctx.timezone).replace(tzinfo=None, microsecond=0, fold=0),
        seconds=0,
        starts_at=now,
        ends_at=now,
        created_at=now,
        changed_at=now,
    ).timed(start=start)


def _twin(calendar: Calendar, entry: Entry, due: Occurrence) -> Occurrence | None:
    for other in calendar.between(due.start, due.start + timedelta(minutes=1)):
        if (
            other.start == due.start
            and other.entry.kind == "reminder"
            and other.entry.title.casefold() == entry.title.casefold()
            and other.entry.rrule == entry.rrule
        ):
            return other
    return None


def _reply(speech: str, due: Occurrence, created: bool) -> Reply:
    return Reply(
        speech, data={"reminder": due.to_dict(), "created": created, "remember": remember(due)}
    )
