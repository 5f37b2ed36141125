"""When others are busy: from the free/busy list or calendar that each of them publishes.

Each address is one that the user set up (`free_busy`), for one person. What it answers tells
times only: titles and places of others are never kept or said.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from wlm.errors import ProviderError, WlmError
from wlm.plugins import Context, Person
from wlm_meeting.calendar import Calendar
from wlm_meeting.entry import Entry, Occurrence
from wlm_meeting.free import Span
from wlm_meeting.ics_read import parse, read
from wlm_meeting.settings import CalendarSettings

_MOST_BYTES = 5_000_000
_SECONDS = 10.0
_AT_ONCE = 8


class Busy(NamedTuple):
    """When others are busy, and whose times are part of it, unknown, or did not come."""

    spans: list[Span]
    known: list[str]
    unknown: list[str]
    away: list[str]


def busy(ctx: Context, people: Sequence[Person], start: datetime, end: datetime) -> Busy:
    """What is known of the people from ``start`` to ``end``; none of them stops the others."""
    published = ctx.settings_as(CalendarSettings).published
    found = Busy([], [], [], [])
    asked: list[tuple[Person, str]] = []
    for person in people:
        url = next((published[key] for key in _keys(person) if key in published), "")
        if url:
            asked.append((person, url))
        else:
            found.unknown.append(person.name)
    if not asked:
        return found
    with ThreadPoolExecutor(min(_AT_ONCE, len(asked)), "busy") as pool:
        answers = list(pool.map(lambda one: _fetched(ctx, one[1]), asked))
    calendar = Calendar(ctx)
    for (person, _), data in zip(asked, answers, strict=True):
        try:
            if data is None:
                raise ProviderError("no answer")
            spans = list(_spans(calendar, data, start, end))
        except WlmError:
            found.away.append(person.name)
        else:
            found.known.append(person.name)
            found.spans.extend(spans)
    return found


def _keys(person: Person) -> list[str]:
    return [text.strip().casefold() for text in (person.email, person.name) if text]


def _fetched(ctx: Context, url: str) -> bytes | None:
    try:
        with ctx.provider(host_of(url), own=True):
            answer = ctx.http.get(url, max_bytes=_MOST_BYTES, timeout=_SECONDS)
    except WlmError:
        return None
    content: bytes = answer.content
    return content


def host_of(url: str) -> str:
    """What a server that publishes a calendar is called."""
    try:
        return (urlsplit(url).hostname or "")[:255] or "calendar"
    except ValueError:
        return "calendar"


def _spans(calendar: Calendar, data: bytes, start: datetime, end: datetime) -> Iterator[Span]:
    """The busy times of a file, from free/busy lists and from events."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for component in (c for each in parse(data) for c in each.walk("VFREEBUSY")):
            for period in _listed(component.get("FREEBUSY", [])):
                if str(period.params.get("FBTYPE", "BUSY")).upper() != "FREE":
                    yield from _within(_period(period.dt), start, end)
    for family in read(data, calendar.zone, calendar.now).families:
        for occurrence in _occurrences(calendar, family, start, end):
            if occurrence.entry.busy:
                yield from _within((occurrence.start, occurrence.end), start, end)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _period(value: tuple[datetime, datetime | timedelta]) -> Span:
    first, last = value
    return first, first + last if isinstance(last, timedelta) else last


def _within(span: Span, start: datetime, end: datetime) -> Iterator[Span]:
    if span[0].tzinfo and span[1].tzinfo and span[0] < end and span[1] > start:
        yield span


def _occurrences(
    calendar: Calendar, family: Sequence[Entry], start: datetime, end: datetime
) -> Iterator[Occurrence]:
    alone = {entry.recurrence for entry in family if entry.recurrence}
    for entry in family:
        if not entry.repeats:
            yield entry.single(calendar.zone)
            continue
        for wall in calendar.walls(entry, start, end):
            if wall.isoformat() not in alone:
                yield entry.at(wall, calendar.zone)
