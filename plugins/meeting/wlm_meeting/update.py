"""Change a meeting: move, lengthen, rename, place, invite; one occurrence or the series."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

from wlm.errors import BadRequest
from wlm.plugins import Context, Person, Recurrence, Reply, TimeRange, rules
from wlm_meeting import following, reminders, say, target, undo
from wlm_meeting.calendar import Calendar
from wlm_meeting.cancel import Scope
from wlm_meeting.create import ask_time, clash_text, clashes, person_data, remember, repeating
from wlm_meeting.entry import Entry, Occurrence
from wlm_meeting.links import room
from wlm_meeting.settings import CalendarSettings
from wlm_meeting.sync.subscription import check_ours

Change = Literal["longer", "shorter", "later", "earlier"]
_DAY = timedelta(days=1)


class Wish(NamedTuple):
    """What was asked for, as the slots have it."""

    title: str
    people: Sequence[Person]
    old: TimeRange | None
    start: datetime | None
    when: TimeRange | None
    duration: timedelta | None
    new_title: str
    location: str
    scope: Scope | None
    change: Change | None
    repeat: Recurrence | None
    video: bool = False

    @property
    def moves(self) -> bool:
        """Whether it changes the time or the length."""
        return bool(self.start or self.when or self.duration)


class Plan(NamedTuple):
    """The new time of an occurrence and the values that change beside it."""

    start: datetime
    length: timedelta
    all_day: bool
    values: dict[str, Any]


def update(ctx: Context, wish: Wish) -> Reply:
    """Change what is meant, and say how it is now."""
    calendar = Calendar(ctx)
    found, added, wish = _find(ctx, calendar, wish)
    check_ours(ctx, found.entry.uid)
    _something(ctx, wish, found, added)
    whole = _whole_series(ctx, wish, found)
    if whole:
        found = _as_in_series(calendar, found)
    plan = _plan(ctx, calendar, wish, found, added)
    if plan.start + plan.length <= ctx.now and plan.start != found.start:
        raise BadRequest(
            "That time has passed; the meeting stays as it was.", hint="Say a time to come."
        )
    if whole:
        meant = found
        if wish.scope == "following" and found.entry.repeats:
            meant = following.divided(ctx, calendar, found)
        entry = _change_series(calendar, wish, meant, plan)
    else:
        entry = _change_one(calendar, found, plan)
    after = _now_at(calendar, entry, plan)
    reminders.follow(ctx, calendar, entry.series or entry.id, found.entry)
    undo.record(ctx, calendar)
    reply = _reply(ctx, calendar, wish, found, after, whole=whole)
    halved = whole and meant is not found
    return reply.noted("Those before stay as they were.") if halved else reply


def _find(ctx: Context, calendar: Calendar, wish: Wish) -> tuple[Occurrence, list[Person], Wish]:
    """What is meant, who is to be invited (people who take part in none that fits), and the wish
    with the times in full.
    """
    what, added = target.Target(wish.title, wish.people, wish.old, "old", _range), list[Person]()
    if wish.people and not target.candidates(calendar, what):
        without = what._replace(people=())
        told = bool(without.what.words) or wish.old is not None or bool(ctx.memory.get("meeting"))
        if told and (without.what.anything or target.candidates(calendar, without)):
            what, added = without, list(wish.people)
    if wish.scope == "following":
        meant = following.meant(ctx, calendar, wish, what)
        return meant.found, added, meant.wish
    return target.find(ctx, calendar, what), added, wish


def _range(occurrence: Occurrence) -> dict[str, str]:
    end = max(occurrence.end, occurrence.start + timedelta(minutes=1))
    return {"start": occurrence.start.isoformat(), "end": end.isoformat()}


def _plan(
    ctx: Context, calendar: Calendar, wish: Wish, found: Occurrence, added: Sequence[Person]
) -> Plan:
    entry = found.entry
    values: dict[str, Any] = {}
    if wish.new_title.strip():
        values["title"] = " ".join(wish.new_title.split())
    if wish.location.strip():
        values["location"] = wish.location.strip()
    if wish.video:
        values["link"] = room(ctx)
    if added:
        values["people"] = [*entry.people, *(person_data(person) for person in added)]
    length = _length(wish, found)
    start = _start(ctx, calendar, wish, found, length)
    all_day = entry.all_day and not wish.start
    if entry.all_day and not all_day:
        length = wish.duration or ctx.settings_as(CalendarSettings).length
    return Plan(start, length, all_day, values)


def _something(ctx: Context, wish: Wish, found: Occurrence, added: Sequence[Person]) -> None:
    """Ask what should change if nothing was said of it."""
    told = (
        added,
        wish.moves,
        wish.repeat,
        wish.video,
        wish.new_title.strip(),
        wish.location.strip(),
    )
    if not any(told):
        ctx.ask("start", f"{say.upper(say.name(found.entry))}: to what time?")


def _as_in_series(calendar: Calendar, found: Occurrence) -> Occurrence:
    """The occurrence as the series has it, where it was changed alone."""
    series = calendar.get(found.entry.series) if found.entry.series else None
    if series is None:
        return found
    return series.at(datetime.fromisoformat(found.entry.recurrence), calendar.zone)


def _length(wish: Wish, found: Occurrence) -> timedelta:
    now = found.end - found.start if not found.entry.all_day else found.entry.length
    if wish.duration is None or wish.change in ("later", "earlier"):
        return now
    if wish.change is None:
        return wish.duration
    changed = now + wish.duration if wish.change == "longer" else now - wish.duration
    if changed <= timedelta():
        raise BadRequest(
            "That would leave nothing of the meeting; it stays as it was.",
            hint="Say how long it should be, or cancel it.",
        )
    return changed


def _start(
    ctx: Context, calendar: Calendar, wish: Wish, found: Occurrence, length: timedelta
) -> datetime:
    """The new start; where only a clock time was said, on the day that it is on."""
    if wish.start is not None:
        start = rules.local(wish.start, calendar.zone)
        return (
            start
            if _day_was_said(wish, found, start, ctx.now)
            else _same_day(calendar, found, start, ctx.now)
        )
    if wish.when is not None:
        begin, end = (rules.local(t, calendar.zone) for t in (wish.when.start, wish.when.end))
        if end - begin < timedelta(hours=20) and not found.entry.all_day:
            ask_time(ctx, calendar, begin, end, length)
        return rules.localise(datetime.combine(begin.date(), found.start.time()), calendar.zone)
    if wish.duration is not None and wish.change in ("later", "earlier"):
        by = wish.duration if wish.change == "later" else -wish.duration
        return rules.local(found.start + by, calendar.zone)
    return found.start


def _day_was_said(wish: Wish, found: Occurrence, start: datetime, now: datetime) -> bool:
    """Whether the day of the new start was meant, or only filled in from the clock time.

    A clock time alone means its next coming, so more than a day ahead the day was said.
    """
    if wish.old is not None or (wish.when and wish.when.start <= start < wish.when.end):
        return True
    return start.date() == found.start.date() or start - now > _DAY


def _same_day(calendar: Calendar, found: Occurrence, start: datetime, now: datetime) -> datetime:
    there = rules.localise(datetime.combine(found.start.date(), start.time()), calendar.zone)
    return there if there > now else start


def _whole_series(ctx: Context, wish: Wish, found: Occurrence) -> bool:
    """Whether all of a series changes: as said, else asked where it is about time."""
    if not (found.entry.repeats or found.entry.series):
        return wish.repeat is not None
    told = wish.scope is not None or wish.old is not None
    if not told and wish.moves and not wish.repeat:
        ctx.ask(
            "scope",
            f"{say.upper(say.name(found.entry))} repeats. Only the next one, "
            f"{say.span(found, ctx.now, end=False)}, or all of them?",
            [("only the next one", "one"), ("all of them", "all")],
        )
    return wish.scope in ("all", "following") if told else True


def _change_one(calendar: Calendar, found: Occurrence, plan: Plan) -> Entry:
    entry = calendar.detach(found) if found.entry.repeats else found.entry
    return calendar.change(entry, **plan.values, **_time_values(calendar, entry, found, plan))


def _time_values(calendar: Calendar, entry: Entry, found: Occurrence, plan: Plan) -> dict[str, Any]:
    """Column values for the new time; none if it is the old one."""
    seconds = int(plan.length.total_seconds())
    if (plan.start, seconds, plan.all_day) == (found.start, entry.seconds, entry.all_day):
        return {}
    if plan.all_day:
        midnight = datetime.combine(plan.start.date(), datetime.min.time())
        return {"local_start": midnight, "seconds": seconds}
    zone = entry.tz or calendar.zone
    return {
        "start": plan.start,
        "local_start": plan.start.astimezone(zone).replace(tzinfo=None, fold=0),
        "seconds": seconds,
        "zone": zone.key,
        "all_day": False,
        "busy": entry.busy or entry.all_day,
    }


def _change_series(calendar: Calendar, wish: Wish, found: Occurrence, plan: Plan) -> Entry:
    master = found.entry
    if plan.values:
        calendar.change_all(master, **plan.values)
    values = {**plan.values, **_time_values(calendar, master, found, plan)}
    values.pop("start", None)
    wall = values.pop("local_start", found.wall)
    if wish.repeat is not None:
        fresh = dataclasses.replace(master, local_start=wall, rdates=[])
        series = repeating(fresh, wish.repeat)
        values |= {name: getattr(series, name) for name in ("local_start", "rrule", "exdates")}
        return calendar.change(master, **values, rdates=[])
    by = wall - found.wall
    if by:
        values |= _shifted(calendar, master, by)
    return calendar.change(master, **values)


def _shifted(calendar: Calendar, master: Entry, by: timedelta) -> dict[str, Any]:
    """The series moved by a wall-time difference, with what was changed or left out in it."""

    def moved(walls: Sequence[str]) -> list[str]:
        return [(datetime.fromisoformat(wall) + by).isoformat() for wall in walls]

    days = ((master.local_start + by).date() - master.local_start.date()).days
    calendar.rename_changed(master, by)
    return {
        "local_start": master.local_start + by,
        "rrule": rules.shifted(master.rrule, days, by, master.tz) if master.rrule else "",
        "rdates": moved(master.rdates),
        "exdates": moved(master.exdates),
    }


def _now_at(calendar: Calendar, entry: Entry, plan: Plan) -> Occurrence:
    """How what was changed stands in the calendar now."""
    if not entry.repeats:
        return entry.single(calendar.zone)
    found = calendar.of_series(entry, max(plan.start, calendar.now), plan.start + 800 * _DAY)
    return found[0] if found else entry.at(entry.local_start, calendar.zone)


def _reply(
    ctx: Context,
    calendar: Calendar,
    wish: Wish,
    before: Occurrence,
    after: Occurrence,
    *,
    whole: bool,
) -> Reply:
    now, entry = ctx.now, after.entry
    length_said = wish.duration is not None
    parts = []
    if say.name(before.entry) != say.name(entry):
        parts.append(f"{say.upper(say.name(before.entry))} is now {say.name(entry)}")
    when = say.span(after, now, end=length_said)
    if whole and entry.rrule:
        when = f"{say.rule(entry.rrule)}, the next one {when}"
    parts.append(f"{when}" if parts else f"{say.upper(say.name(entry))} is now {when}")
    if entry.location and entry.location != before.entry.location:
        parts.append(f"at {entry.location}")
    if entry.link and entry.link != before.entry.link:
        parts.append("with a video link")
    speech = f"{', '.join(parts)}."
    moved = (before.start, before.end) != (after.start, after.end)
    clash = clashes(calendar, entry, after) if moved or wish.repeat else []
    if clash:
        speech += f" It clashes with {clash_text(clash, now)}."
    return Reply(
        speech,
        data={
            "meeting": after.to_dict(),
            "before": before.to_dict(),
            "clashes": [o.to_dict() for o in clash],
            "remember": remember(after),
        },
    )
