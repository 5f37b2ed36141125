"""Say what is in the calendar."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Literal, NamedTuple

from wlm.plugins import Context, Person, Reply, TimeRange, rules
from wlm_meeting import links, match, say, target
from wlm_meeting.calendar import Calendar
from wlm_meeting.create import choices, remember
from wlm_meeting.entry import Occurrence

Pick = Literal["next", "first", "last"]
_SPOKEN = 5
_SHOWN = 50


class Query(NamedTuple):
    """What was asked for, as the slots have it."""

    title: str
    when: TimeRange | None
    start: datetime | None
    people: Sequence[Person]
    pick: Pick | None
    kind: Literal["reminders", "both"] | None = None
    detail: Literal["link"] | None = None

    @property
    def what(self) -> match.Wanted:
        """What it asks for. Who asks for meetings is told of reminders, too."""
        what = match.wanted(self.title, self.people)
        return what._replace(kind="reminder") if self.kind == "reminders" else what


def look(ctx: Context, query: Query) -> Reply:
    """Answer for a moment, a range, a meeting by name, or for what comes next."""
    calendar = Calendar(ctx)
    what = query.what
    if query.detail == "link":
        return _link(ctx, calendar, query, what)
    if query.start is not None and query.when is None:
        return _at_moment(ctx, calendar, query.start, what)
    if query.when is not None:
        return _in_range(ctx, calendar, query.when, what, query.pick)
    if query.pick == "last":
        return _last(ctx, calendar, what)
    if query.pick or not what.anything:
        return _next(ctx, calendar, what, 1 if query.pick else _SPOKEN)
    return _rest(ctx, calendar, what)


def _link(ctx: Context, calendar: Calendar, query: Query, what: match.Wanted) -> Reply:
    """How one meeting is joined: the one that is on or comes next, or the one that is named."""
    when = query.when
    if query.start is not None:
        when = TimeRange(query.start, query.start + timedelta(minutes=1))
    if when is not None:
        found = calendar.between(when.start, when.end, what.fits)
    elif what.anything and query.pick is None and (last := target.remembered(ctx, calendar)):
        found = [last]
    else:
        found = calendar.search(what.fits, timed=True)
    found = match.best(found, what)
    found = [o for o in found if o.entry.kind == "meeting"]
    if not found:
        return _none("I find no such meeting.", what)
    one = next((o for o in found if o.entry.link), found[0]) if when or what.words else found[0]
    named = f"{say.upper(say.name(one.entry))}, {say.span(one, ctx.now)},"
    told = {"meetings": [one.to_dict()], "link": one.entry.link or None, "remember": remember(one)}
    if not one.entry.link:
        return Reply(f"{named} has no video link.", data=told)
    speech = f"{named} is joined at {links.host(one.entry.link)}."
    return Reply(speech, f"{speech}\n{one.entry.link}", told)


def _at_moment(ctx: Context, calendar: Calendar, start: datetime, what: match.Wanted) -> Reply:
    found = calendar.between(start, start + timedelta(minutes=1), what.fits)
    moment = say.moment(rules.local(start, calendar.zone), ctx.now)
    if not found:
        return _none(f"You have nothing {moment}.", what)
    return _found(ctx, f"{say.upper(moment)} you have {_names(found, ctx.now)}.", found)


def _in_range(
    ctx: Context, calendar: Calendar, when: TimeRange, what: match.Wanted, pick: Pick | None
) -> Reply:
    found = calendar.between(when.start, when.end, what.fits)
    said = range_text(calendar, when, ctx.now)
    if not found:
        return _none(f"You have {_nothing(what)} {said}.", what)
    if pick:
        timed = [o for o in found if not o.entry.all_day] or found
        one = timed[-1] if pick == "last" else timed[0]
        word = "last" if pick == "last" else "first"
        return _found(ctx, f"Your {word} {said} is {_one(one, ctx.now)}.", [one])
    return _found(ctx, f"{_count(found)} {said}: {_listed(found, ctx.now)}.", found)


def _next(ctx: Context, calendar: Calendar, what: match.Wanted, limit: int) -> Reply:
    found = calendar.search(what.fits, timed=limit == 1, later=True, limit=limit)
    if found and limit == 1:
        return _found(ctx, f"Next is {_one(found[0], ctx.now)}.", found)
    if found and len(found) == 1:
        return _found(ctx, f"{say.upper(_one(found[0], ctx.now))}.", found)
    if found:
        return _found(ctx, f"Next you have {_listed(found, ctx.now)}.", found)
    past = calendar.before(what.fits) if not what.anything else None
    if past:
        speech = f"Nothing is coming up. The last one was {_one(past, ctx.now)}."
        return _found(ctx, speech, [past])
    return _none(f"You have {_nothing(what)} coming up.", what)


def _last(ctx: Context, calendar: Calendar, what: match.Wanted) -> Reply:
    found = calendar.before(what.fits)
    if found is None:
        return _none(f"I find {_nothing(what)} in the past year.", what)
    return _found(ctx, f"The last one was {_one(found, ctx.now)}.", [found])


def _rest(ctx: Context, calendar: Calendar, what: match.Wanted) -> Reply:
    """What is left of today; where nothing is, what comes next."""
    tomorrow = rules.localise(
        datetime.combine(ctx.now.date() + timedelta(days=1), datetime.min.time()), calendar.zone
    )
    found = calendar.between(ctx.now, tomorrow, what.fits)
    if found:
        return _found(ctx, f"{_count(found)} today: {_listed(found, ctx.now)}.", found)
    following = _next(ctx, calendar, what, 1)
    return Reply(
        f"Nothing more today. {following.speech}"
        if following.data["meetings"]
        else "Your calendar is empty from here on.",
        following.display if following.data["meetings"] else "",
        following.data,
    )


def range_text(calendar: Calendar, when: TimeRange, now: datetime) -> str:
    """A range as one says it: "tomorrow", "from Monday to Friday", "tomorrow from 6 to 10 pm"."""
    start, end = (rules.local(moment, calendar.zone) for moment in (when.start, when.end))
    final = rules.local(end - timedelta(seconds=1), calendar.zone)
    whole = (start.hour, start.minute, end.hour, end.minute) == (0, 0, 0, 0)
    if start.date() == final.date():
        one = say.day(start.date(), now)
        return one if whole else f"{one} {say.times(start, end)}"
    first, last = (_plain(moment.date(), now) for moment in (start, final))
    return f"from {first} to {last}"


def _plain(when: date, now: datetime) -> str:
    return say.day(when, now).removeprefix("on ")


def _count(found: Sequence[Occurrence]) -> str:
    reminders = sum(o.entry.kind == "reminder" for o in found)
    meetings = len(found) - reminders
    parts = [
        f"{number} {word}{'' if number == 1 else 's'}"
        for number, word in ((meetings, "meeting"), (reminders, "reminder"))
        if number
    ]
    return f"You have {say.joined(parts)}"


def _nothing(what: match.Wanted) -> str:
    kind = "reminders" if what.kind == "reminder" else "meetings"
    return f"no such {kind}" if not what.anything else f"no {kind}"


def _one(occurrence: Occurrence, now: datetime) -> str:
    where = f", at {occurrence.entry.location}" if occurrence.entry.location else ""
    return f"{say.name(occurrence.entry)}, {say.span(occurrence, now)}{where}"


def _names(found: Sequence[Occurrence], now: datetime) -> str:
    if len(found) == 1:
        one = found[0]
        until = "" if one.entry.all_day or one.end <= one.start else f" until {say.clock(one.end)}"
        return say.name(one.entry) + until
    return say.joined(say.name(o.entry) for o in found)


def _listed(found: Sequence[Occurrence], now: datetime) -> str:
    """Meetings to be heard: the day once, then times and names."""
    days = {o.start.date() for o in found}
    parts, previous = [], None
    for occurrence in found[:_SPOKEN]:
        day = occurrence.start.date()
        prefix = f"{say.day(day, now)} " if len(days) > 1 and day != previous else ""
        parts.append(prefix + _short(occurrence))
        previous = day
    if len(found) > _SPOKEN:
        parts.append(f"{len(found) - _SPOKEN} more")
    return say.joined(parts)


def _short(occurrence: Occurrence) -> str:
    if occurrence.entry.all_day:
        return f"{say.name(occurrence.entry)} all day"
    return f"{say.name(occurrence.entry)} at {say.clock(occurrence.start)}"


def _found(ctx: Context, speech: str, found: Sequence[Occurrence]) -> Reply:
    display = say.agenda(found[:_SHOWN], ctx.now)
    if len(found) > _SHOWN:
        display += f"\n  … and {len(found) - _SHOWN} more"
    return Reply(
        speech,
        display,
        {
            "meetings": [o.to_dict() for o in found],
            "remember": {**remember(found[0]), "choices": choices(found)},
        },
    )


def _none(speech: str, what: match.Wanted) -> Reply:
    return Reply(speech, data={"meetings": []})
