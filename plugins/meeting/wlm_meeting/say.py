"""Times, meetings and repetitions in English, to be heard (``speech``) and read (``display``)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from wlm.plugins.spoken import clock, day, joined, moment, rule, upper
from wlm_meeting.entry import Entry, Occurrence

__all__ = [
    "agenda",
    "clock",
    "day",
    "duration",
    "joined",
    "label",
    "moment",
    "name",
    "rule",
    "span",
    "times",
    "upper",
]


def times(start: datetime, end: datetime) -> str:
    """Two clock times: "from 2 to 3:30 pm", "from 11 am to 1 pm"."""
    named = {"noon", "midnight"} & {clock(start), clock(end)}
    same = (start.hour < 12) == (end.hour < 12) and not named
    return f"from {clock(start, half=not same)} to {clock(end)}"


def span(occurrence: Occurrence, now: datetime, *, end: bool = True) -> str:
    """When it takes place: "tomorrow from 2 to 3 pm", "on Friday, all day"."""
    start, last = occurrence.start, occurrence.end
    if occurrence.entry.all_day:
        final = (last - timedelta(hours=1)).date()
        if final <= start.date():
            return f"{day(start.date(), now)}, all day"
        return f"from {_bare(start.date(), now)} to {_bare(final, now)}"
    if not end or last <= start:
        return moment(start, now)
    if last.date() == start.date() or (last - start) < timedelta(hours=12):
        return f"{day(start.date(), now)} {times(start, last)}"
    days = (_bare(start.date(), now), _bare(last.date(), now))
    return f"from {days[0]} at {clock(start)} to {days[1]} at {clock(last)}"


def _bare(when: date, now: datetime) -> str:
    return day(when, now).removeprefix("on ")


def name(entry: Entry) -> str:
    """What it is called and with whom: "lunch with Anna"."""
    people = [p["name"] for p in entry.people if p["name"].casefold() not in entry.title.casefold()]
    link = "and" if " with " in entry.title else "with"
    return f"{entry.title} {link} {joined(people)}" if people else entry.title


def label(occurrence: Occurrence, now: datetime) -> str:
    """Name and time, to choose by: "lunch with Anna tomorrow at noon"."""
    kind = "the reminder " if occurrence.entry.kind == "reminder" else ""
    return f"{kind}{name(occurrence.entry)} {span(occurrence, now, end=False)}"


def duration(length: timedelta) -> str:
    """A length: "45 minutes", "an hour", "one and a half hours", "2 days"."""
    minutes = int(length.total_seconds()) // 60
    if minutes % 1440 == 0 and minutes:
        return f"{minutes // 1440} day{'s' if minutes > 1440 else ''}"
    hours, rest = divmod(minutes, 60)
    if not hours:
        return "half an hour" if rest == 30 else f"{rest} minute{'' if rest == 1 else 's'}"
    if rest == 30:
        return "one and a half hours" if hours == 1 else f"{hours} and a half hours"
    text = "an hour" if hours == 1 else f"{hours} hours"
    return f"{text} and {rest} minutes" if rest else text


def agenda(found: Sequence[Occurrence], now: datetime) -> str:
    """A table to read: a line a meeting, below the day it falls on."""
    lines: list[str] = []
    current: date | None = None
    width = max((len(_column(o)) for o in found), default=0)
    for occurrence in found:
        if occurrence.start.date() != current:
            current = occurrence.start.date()
            year = f" {current.year}" if current.year != now.year else ""
            lines.append(f"{current:%a} {current.day} {current:%b}{year}")
        lines.append(f"  {_column(occurrence):<{width}}  {_details(occurrence.entry)}")
    return "\n".join(lines)


def _column(occurrence: Occurrence) -> str:
    start, end = occurrence.start, occurrence.end
    if occurrence.entry.all_day:
        final = (end - timedelta(hours=1)).date()
        return "all day" if final <= start.date() else f"until {final:%a} {final.day} {final:%b}"
    if end <= start:
        return f"{start:%H:%M}"
    if end.date() == start.date() or end - start < timedelta(hours=12):
        return f"{start:%H:%M}–{end:%H:%M}"
    return f"{start:%H:%M}–{end:%a %H:%M}"


def _details(entry: Entry) -> str:
    text = name(entry)
    if entry.kind == "reminder":
        text = f"reminder: {text}"
    if entry.location:
        text += f" · {entry.location}"
    if entry.link:
        text += f" · {entry.link}"
    if entry.rrule:
        text += f" ({rule(entry.rrule)})"
    answers = [f"{name} {state}" for name, state in entry.answers.items()]
    return f"{text} · {', '.join(answers)}" if answers else text
