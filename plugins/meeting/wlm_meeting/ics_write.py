"""An iCalendar file from entries."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from wlm.plugins import rules
from wlm_meeting.entry import Entry, utc

if TYPE_CHECKING:
    from icalendar import Calendar, Event


def write(entries: Iterable[Entry]) -> bytes:
    """One VCALENDAR with the entries and the definitions of the zones that they need."""
    data: bytes = as_events(entries).to_ical()
    return data


def as_events(entries: Iterable[Entry]) -> Calendar:
    """The same as the library's calendar."""
    from icalendar import Calendar

    calendar = Calendar()
    calendar.add("prodid", "-//WLM//wlm-meeting//EN")
    calendar.add("version", "2.0")
    everything = list(entries)
    series = {entry.id: entry for entry in everything if entry.repeats}
    for entry in everything:
        calendar.add_component(_event(entry, series.get(entry.series or "")))
    earliest = min((entry.starts_at for entry in everything), default=datetime.now(UTC))
    calendar.add_missing_timezones(first_date=earliest.date().replace(month=1, day=1))
    return calendar


def _event(entry: Entry, series: Entry | None) -> Event:
    from icalendar import Event

    event = Event()
    event.add("uid", entry.uid)
    event.add("summary", entry.title)
    event.add("dtstamp", entry.changed_at.replace(tzinfo=UTC))
    event.add("created", entry.created_at.replace(tzinfo=UTC))
    event.add("last-modified", entry.changed_at.replace(tzinfo=UTC))
    event.add("sequence", entry.sequence)
    _add_times(event, entry)
    if entry.recurrence:
        event.add(
            "recurrence-id", _value(datetime.fromisoformat(entry.recurrence), series or entry)
        )
    if entry.rrule:
        event.add("rrule", _rule(entry.rrule))
    for name, walls in (("rdate", entry.rdates), ("exdate", entry.exdates)):
        if walls:
            values = [_value(datetime.fromisoformat(wall), entry) for wall in walls]
            event.add(name, values, parameters={"VALUE": "DATE"} if entry.all_day else {})
    _add_words(event, entry)
    return event


def _add_times(event: Event, entry: Entry) -> None:
    start = _value(entry.local_start, entry)
    if not (entry.all_day or entry.repeats) and utc(start) != entry.starts_at:
        start = entry.starts_at.replace(tzinfo=UTC)  # a wall time that comes twice
    event.add("dtstart", start)
    if entry.all_day:
        event.add("dtend", start + entry.length)
    elif entry.seconds:
        end = (start.astimezone(UTC) + entry.length).astimezone(start.tzinfo)
        if end.fold or utc(rules.localise(end.replace(tzinfo=None), _zone(entry))) != utc(end):
            event.add("duration", timedelta(seconds=entry.seconds))
        else:
            event.add("dtend", end)


def _zone(entry: Entry) -> Any:
    return entry.tz


def _value(wall: datetime, entry: Entry) -> Any:
    """A wall time as the file has it: with the zone's name, or as a date."""
    return wall.date() if entry.tz is None else wall.replace(tzinfo=entry.tz)


def _rule(text: str) -> Any:
    from icalendar import vRecur

    return vRecur.from_ical(text)


def _add_words(event: Event, entry: Entry) -> None:
    from icalendar import vCalAddress, vUri

    if entry.location:
        event.add("location", entry.location)
    if entry.notes:
        event.add("description", entry.notes)
    if entry.link:
        event.add("conference", vUri(entry.link), {"VALUE": "URI", "FEATURE": "VIDEO"})
    event.add("transp", "OPAQUE" if entry.busy else "TRANSPARENT")
    if entry.kind != "meeting":
        event.add("x-wlm-kind", entry.kind)
    for person in entry.people:
        email = person.get("email", "")
        address = vCalAddress(f"mailto:{email}" if email else "invalid:nomail")
        address.params["CN"] = person["name"]
        if person.get("id"):
            address.params["X-WLM-ID"] = person["id"]
        if person.get("state"):
            address.params["PARTSTAT"] = person["state"].upper()
        event.add("attendee", address)
