"""Put a meeting into the calendar, and say what it clashes with."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, NoReturn
from zoneinfo import ZoneInfo

from wlm.errors import BadRequest
from wlm.plugins import Context, Person, Recurrence, Reply, TimeRange, rules
from wlm.types import new_id
from wlm_meeting import match, say
from wlm_meeting.calendar import Calendar
from wlm_meeting.entry import Entry, Occurrence, utc
from wlm_meeting.free import gaps, starts, working
from wlm_meeting.links import room
from wlm_meeting.settings import CalendarSettings

_DAY = timedelta(days=1)
_ALL_DAY_WORDS = (
    "birthday anniversary holiday holidays vacation leave trip travel travelling conference "
    "festival deadline off offsite retreat fair"
)
_ALL_DAY = frozenset(_ALL_DAY_WORDS.split())


class Wish(NamedTuple):
    """What was asked for, as the slots have it."""

    title: str
    start: datetime | None
    when: TimeRange | None
    duration: timedelta | None
    people: Sequence[Person]
    location: str
    repeat: Recurrence | None
    all_day: bool
    block: bool = False
    video: bool = False


class Times(NamedTuple):
    """When it takes place: ``start`` in the user's zone."""

    start: datetime
    length: timedelta
    all_day: bool


def create(ctx: Context, wish: Wish) -> Reply:
    """Make the entry. Asks for a time that was not said; refuses one that is over."""
    from wlm_meeting.undo import record

    calendar = Calendar(ctx)
    when = _times(ctx, calendar, wish, ctx.settings_as(CalendarSettings).length)
    entry = _entry(ctx, wish, when)
    first = _first(calendar, entry, when)
    if first.end <= ctx.now and not entry.repeats:
        raise BadRequest(
            "That time has passed; nothing was added.",
            hint="Say a time to come. What is over can be brought in with `wlm meeting import`.",
        )
    if twin := _twin(calendar, entry, first):
        return _reply(
            f"{say.upper(say.name(entry))} is already in your calendar, "
            f"{say.span(first, ctx.now)}.",
            twin,
            created=False,
        )
    clash = clashes(calendar, entry, first)
    calendar.add(entry)
    record(ctx, calendar)
    return _added(ctx, wish, first, clash)


def _added(ctx: Context, wish: Wish, first: Occurrence, clash: list[Occurrence]) -> Reply:
    entry = first.entry
    when = say.span(first, ctx.now, end=wish.duration is not None)
    if entry.rrule:
        when = f"{say.rule(entry.rrule)}, the first {when}"
    where = f", at {entry.location}" if entry.location else ""
    link = ", with a video link" if entry.link else ""
    speech = f"{say.upper(say.name(entry))}, {when}{where}, is in your calendar{link}."
    if clash:
        speech += f" It clashes with {clash_text(clash, ctx.now)}."
    return _reply(speech, first, created=True, clashes=[o.to_dict() for o in clash])


def _reply(speech: str, occurrence: Occurrence, **data: object) -> Reply:
    return Reply(
        speech,
        data={"meeting": occurrence.to_dict(), **data, "remember": remember(occurrence)},
    )


def remember(occurrence: Occurrence) -> dict[str, object]:
    """What a follow-up ("move it to four") needs to know."""
    return {
        "meeting": {
            "id": occurrence.entry.id,
            "title": occurrence.entry.title,
            "start": occurrence.start.isoformat(),
        }
    }


def choices(found: Sequence[Occurrence]) -> dict[str, object]:
    """What "the second one" may mean."""
    return {"noun": "meeting", "items": [remember(o)["meeting"] for o in found[:10]]}


def _times(ctx: Context, calendar: Calendar, wish: Wish, default: timedelta) -> Times:
    zone = ctx.timezone
    start = wish.start or (wish.repeat.start if wish.repeat else None)
    length = wish.duration if wish.duration and wish.duration > timedelta() else None
    if start is not None:
        start = start.astimezone(zone)
        if not wish.all_day:
            return Times(start, length or default, False)
        return Times(_midnight(start), _whole_days(length), True)
    if wish.when is None and not wish.all_day:
        ctx.ask("start", "When does it start?")
    begin = wish.when.start.astimezone(zone) if wish.when else _midnight(ctx.now)
    end = wish.when.end.astimezone(zone) if wish.when else begin + _DAY
    whole = begin == _midnight(begin) and end == _midnight(end)
    days = max(1, round((end - begin) / _DAY))
    if wish.block and not (whole or wish.all_day or length):  # "block Friday afternoon"
        return Times(begin, end - begin, False)
    if not (wish.all_day or (whole and _ALL_DAY & set(match.words_of(wish.title)))):
        ask_time(ctx, calendar, begin, end, length or default)
    return Times(_midnight(begin), _whole_days(length) if length else days * _DAY, True)


def ask_time(
    ctx: Context, calendar: Calendar, begin: datetime, end: datetime, length: timedelta
) -> NoReturn:
    """Ask at what time, with the first free times of the range to choose from."""
    spans = working(begin, end, ctx.now, ctx.settings_as(CalendarSettings).hours)
    free = starts(gaps(calendar, spans, travel=ctx.settings_as(CalendarSettings).travel), length)[
        :3
    ]
    ctx.ask(
        "start",
        "At what time?",
        [(say.moment(start, ctx.now), start.isoformat()) for start in free],
    )


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)


def _whole_days(length: timedelta | None) -> timedelta:
    return max(1, -(-(length or _DAY) // _DAY)) * _DAY


def _entry(ctx: Context, wish: Wish, when: Times) -> Entry:
    zone = "" if when.all_day else ctx.timezone.key
    entry_id, now = new_id(), utc(ctx.now)
    entry = Entry(
        id=entry_id,
        uid=f"{entry_id}@wlm",
        title=title_of(wish.title or ("blocked" if wish.block else "")),
        people=[person_data(person) for person in wish.people],
        location=wish.location.strip(),
        link=room(ctx) if wish.video else "",
        all_day=when.all_day,
        busy=not when.all_day,
        zone=zone,
        local_start=when.start.replace(tzinfo=None, microsecond=0, fold=0),
        seconds=int(when.length.total_seconds()),
        starts_at=now,
        ends_at=now,
        created_at=now,
        changed_at=now,
    )
    if wish.repeat is None:
        return entry.timed(start=None if when.all_day else when.start)
    return repeating(entry, wish.repeat)


def repeating(entry: Entry, repeat: Recurrence) -> Entry:
    """The entry as a series: from the rule's first day on, without what it excludes."""
    rule = rules.parse(repeat.rrule, entry.tz)
    start = rules.first(rule, entry.local_start)
    if start is None:
        raise BadRequest("That repetition never takes place; nothing was added.")
    text = repeat.rrule.removeprefix("RRULE:").strip().upper()
    series = dataclasses.replace(entry, local_start=start, rrule=text).timed()
    return dataclasses.replace(series, exdates=_excluded(series, repeat))


def _excluded(series: Entry, repeat: Recurrence) -> list[str]:
    """Wall times of the occurrences in the ranges that were excluded ("except in August")."""
    rule = rules.parse(series.rrule, series.tz)
    gone: list[str] = []
    for part in repeat.excluded:
        begin, end = (_wall(moment, series.tz) for moment in (part.start, part.end))
        walls = rules.expand(rule.text, series.local_start, series.local_last, begin, end)
        gone += [wall.isoformat() for wall in walls]
    return sorted(set(gone))


def _wall(moment: datetime, zone: ZoneInfo | None) -> datetime:
    return (moment.astimezone(zone) if zone else moment).replace(tzinfo=None)


def title_of(said: str) -> str:
    """The title as it is kept; what has none is a meeting."""
    return " ".join(said.split()) or "meeting"


def person_data(person: Person) -> dict[str, str]:
    """A person as the row has it. A backslash in a name does not cross an .ics file."""
    known = {"name": person.name.replace("\\", "/"), "id": person.id, "email": person.email}
    return {key: value for key, value in known.items() if value}


def _first(calendar: Calendar, entry: Entry, when: Times) -> Occurrence:
    if not entry.repeats:
        return entry.single(calendar.zone)
    upcoming = entry.at(entry.local_start, calendar.zone)
    for wall in calendar.walls(
        entry, max(calendar.now, upcoming.start), upcoming.start + 800 * _DAY
    ):
        occurrence = entry.at(wall, calendar.zone)
        if occurrence.end > calendar.now:
            return occurrence
    return upcoming


def _twin(calendar: Calendar, entry: Entry, first: Occurrence) -> Occurrence | None:
    """The same meeting, if it is there already: said twice, it is meant once."""
    names = {person["name"].casefold() for person in entry.people}
    for other in calendar.between(first.start, first.start + timedelta(minutes=1)):
        same = (
            other.start == first.start
            and other.entry.kind == entry.kind
            and other.entry.title.casefold() == entry.title.casefold()
            and {person["name"].casefold() for person in other.entry.people} == names
            and other.entry.all_day == entry.all_day
            and bool(other.entry.rrule) == bool(entry.rrule)
        )
        if same:
            return other
    return None


def clashes(calendar: Calendar, entry: Entry, first: Occurrence) -> list[Occurrence]:
    """Meetings at the same time; of a series, those of its next eight weeks."""
    if not entry.busy or entry.kind != "meeting":
        return []
    mine = [first]
    if entry.repeats:
        walls = calendar.walls(entry, first.start, first.start + 56 * _DAY)
        mine = [entry.at(wall, calendar.zone) for wall in walls]
    if not mine:
        return []
    others = calendar.between(min(o.start for o in mine), max(o.end for o in mine))
    family = {entry.id, entry.series}
    return [
        other
        for other in others
        if other.entry.busy
        and other.entry.kind == "meeting"
        and other.entry.id not in family
        and (other.entry.series is None or other.entry.series not in family)
        and any(other.start < own.end and own.start < other.end for own in mine)
    ]


def clash_text(found: Sequence[Occurrence], now: datetime) -> str:
    """What it clashes with: "standup, tomorrow from 9 to 9:15 am, and 2 more"."""
    shown = [f"{say.name(o.entry)}, {say.span(o, now)}" for o in found[:2]]
    more = f", and {len(found) - 2} more" if len(found) > 2 else ""
    return say.joined(shown) + more
