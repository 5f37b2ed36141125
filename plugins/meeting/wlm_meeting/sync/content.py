"""A meeting as it crosses between two calendars: read, compared, written back whole."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from wlm.errors import BadRequest
from wlm_meeting.calendar import Calendar
from wlm_meeting.entry import Entry
from wlm_meeting.ics import content
from wlm_meeting.ics_read import read
from wlm_meeting.ics_write import write

_WRITTEN = """
UID SUMMARY DTSTAMP CREATED LAST-MODIFIED SEQUENCE DTSTART DTEND DURATION RECURRENCE-ID RRULE RDATE
EXDATE LOCATION DESCRIPTION TRANSP X-WLM-KIND ATTENDEE
"""
_OURS = frozenset(_WRITTEN.split())
"""Properties that we write ourselves; all others are the server's, and are kept."""


class Remote(NamedTuple):
    """A meeting as a server has it. ``family`` is empty where it cannot be kept here."""

    uid: str
    family: list[Entry]
    data: str


def digest(family: Iterable[Entry]) -> str:
    """What a meeting and its changed occurrences say, as a short name."""
    said = sorted(content(entry) for entry in family)
    return hashlib.sha256(repr(said).encode()).hexdigest()


def understand(data: str, calendar: Calendar) -> Remote:
    """The meeting in a resource. One that is cancelled or cannot be read has no family."""
    try:
        found = read(data.encode(), calendar.zone, calendar.now)
    except BadRequest:
        return Remote("", [], data)
    families = [family for family in found.families if family[0].kind == "meeting"]
    if found.skipped or len(families) != 1:
        uid = families[0][0].uid if families else next(iter(found.cancelled), "")
        return Remote(uid, [], data)
    return Remote(families[0][0].uid, families[0], data)


def rendered(family: Sequence[Entry], before: str) -> bytes:
    """The resource to write: ours, with what ``before`` says that we do not know."""
    ours = write(family)
    return _with_theirs(ours, before) if before else ours


def _with_theirs(ours: bytes, before: str) -> bytes:
    from icalendar import Calendar as Ics

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # icalendar warns of what is odd
        mine = Ics.from_ical(ours)
        try:
            old = Ics.from_ical(before)
        except (ValueError, KeyError, IndexError, TypeError, AttributeError):
            return ours
        theirs = {_key(event): event for event in old.walk("VEVENT")}
        for event in mine.walk("VEVENT"):
            if known := theirs.get(_key(event)):
                _keep(event, known)
        data: bytes = mine.to_ical()
    return data


def _key(event: Any) -> str:
    named = event.get("RECURRENCE-ID")
    return named.to_ical().decode() if named is not None else ""


def _keep(event: Any, known: Any) -> None:
    """Carry over alarms, unknown properties, and how invited people answered."""
    for name, value in known.property_items(recursive=False):
        if name not in _OURS and name not in ("BEGIN", "END"):
            event.add(name, value, encode=False)
    for part in known.subcomponents:
        event.add_component(part)
    answered = {str(value).casefold(): value for value in _listed(known.get("ATTENDEE"))}
    invited = _listed(event.get("ATTENDEE"))
    if invited:
        event["ATTENDEE"] = [_same_name(value, answered) for value in invited]


def _same_name(value: Any, answered: dict[str, Any]) -> Any:
    known = answered.get(str(value).casefold())
    if known is None or str(value).startswith("invalid:"):
        return value
    for name, parameter in known.params.items():
        value.params.setdefault(name, parameter)
    return value


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
