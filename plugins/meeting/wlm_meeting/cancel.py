"""Take meetings and reminders out of the calendar: one, one occurrence, or a whole series."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, NamedTuple

from wlm.plugins import Context, Person, Reply, TimeRange
from wlm_meeting import following, match, reminders, say, target, undo
from wlm_meeting.calendar import Calendar
from wlm_meeting.entry import Occurrence
from wlm_meeting.sync.subscription import check_ours

Scope = Literal["one", "following", "all"]


class Wish(NamedTuple):
    """What was asked for, as the slots have it."""

    title: str
    people: Sequence[Person]
    when: TimeRange | None
    start: datetime | None
    scope: Scope | None


def cancel(ctx: Context, wish: Wish) -> Reply:
    """Cancel what is meant. A series without a day asks whether all of it is."""
    calendar = Calendar(ctx)
    when = target.moment(wish.start) if wish.start else wish.when
    what = target.Target(wish.title, wish.people, when, "start", lambda o: o.start.isoformat())
    if wish.scope == "following":
        return _from_then_on(ctx, calendar, what)
    if wish.scope == "all" or match.all_of(wish.title):
        return _all(ctx, calendar, what)
    found = target.find(ctx, calendar, what)
    series = found.entry.repeats or found.entry.series is not None
    if series and when is None and wish.scope is None:
        ctx.ask(
            "scope",
            f"{say.upper(say.name(found.entry))} repeats. Only the next one, "
            f"{say.span(found, ctx.now, end=False)}, or all of them?",
            [("only the next one", "one"), ("all of them", "all")],
        )
    _take_out(ctx, calendar, found)
    undo.record(ctx, calendar)
    rest = " The others stay." if series else ""
    return _reply([found], f"{_named(found, ctx.now)} is cancelled.{rest}")


def _from_then_on(ctx: Context, calendar: Calendar, what: target.Target) -> Reply:
    """An occurrence with all that follow; of what takes place once, that."""
    found = target.find_from(ctx, calendar, what, what.when.start if what.when else None)
    series = following.series_of(calendar, found)
    if series is None:
        _take_out(ctx, calendar, found)
        undo.record(ctx, calendar)
        return _reply([found], f"{_named(found, ctx.now)} is cancelled.")
    check_ours(ctx, series.uid)
    wall = datetime.fromisoformat(found.entry.recurrence) if found.entry.series else found.wall
    calendar.divide(series, wall, drop=True)
    reminders.follow(ctx, calendar, series.id, series)
    undo.record(ctx, calendar)
    rest = " Those before stay." if calendar.get(series.id) else ""
    day = say.day(found.start.date(), ctx.now).removeprefix("on ")
    named = say.upper(say.name(found.entry))
    return _reply([found], f"{named} is cancelled from {day} on.{rest}")


def _all(ctx: Context, calendar: Calendar, what: target.Target) -> Reply:
    """All that fit: within a time, these occurrences; without one, whole series."""
    spoken_of = target.remembered(ctx, calendar)
    if what.what.anything and what.when is None and spoken_of is not None:
        _remove(ctx, calendar, spoken_of)
        undo.record(ctx, calendar)
        named = say.name(spoken_of.entry)
        return _reply([spoken_of], f"All of {named} is cancelled.")
    if what.what.anything and what.when is None:
        ctx.ask("when", "All of them on which day?")
    found = target.candidates(calendar, what)
    if not found:
        target.find(ctx, calendar, what)  # asks or refuses
    for occurrence in found:
        if what.when is None:
            _remove(ctx, calendar, occurrence)
        else:
            _take_out(ctx, calendar, occurrence)
    undo.record(ctx, calendar)
    if len(found) > 1:
        return _reply(found, f"{len(found)} are cancelled: {_list(found, ctx.now)}.")
    series = what.when is None and (found[0].entry.repeats or found[0].entry.series)
    named = f"All of {say.name(found[0].entry)}" if series else _named(found[0], ctx.now)
    return _reply(found, f"{named} is cancelled.")


def _take_out(ctx: Context, calendar: Calendar, occurrence: Occurrence) -> None:
    check_ours(ctx, occurrence.entry.uid)
    calendar.skip(occurrence)
    reminders.follow(
        ctx, calendar, occurrence.entry.series or occurrence.entry.id, occurrence.entry
    )


def _remove(ctx: Context, calendar: Calendar, occurrence: Occurrence) -> None:
    check_ours(ctx, occurrence.entry.uid)
    master = occurrence.entry
    if master.series is not None:
        master = calendar.get(master.series) or master
    calendar.remove(master)
    reminders.follow(ctx, calendar, master.id, master)


def _named(occurrence: Occurrence, now: datetime) -> str:
    kind = "The reminder: " if occurrence.entry.kind == "reminder" else ""
    text = f"{kind}{say.name(occurrence.entry)}"
    return f"{say.upper(text)}, {say.span(occurrence, now, end=False)},"


def _list(found: Sequence[Occurrence], now: datetime) -> str:
    parts = [f"{say.name(o.entry)} {say.span(o, now, end=False)}" for o in found[:5]]
    if len(found) > 5:
        parts.append(f"{len(found) - 5} more")
    return say.joined(parts)


def _reply(found: Sequence[Occurrence], speech: str) -> Reply:
    return Reply(
        speech, data={"cancelled": [o.to_dict() for o in found], "remember": {"meeting": None}}
    )
