"""Meetings as they cross between two calendars: read, compared, written back whole."""

from __future__ import annotations

import dataclasses
import hashlib
import warnings
from collections.abc import Iterable, Sequence
from typing import Any

from wlm.errors import BadRequest
from wlm.plugins import Context
from wlm.plugins.sync.both_ways import Read
from wlm.plugins.sync.remotes import Remotes
from wlm.types import new_id
from wlm_meeting.calendar import Calendar
from wlm_meeting.entry import Entry
from wlm_meeting.ics import content, drop, under
from wlm_meeting.ics_read import read
from wlm_meeting.ics_write import write
from wlm_meeting.links import NAMES, link_of

SUBSCRIPTION = "ics"
_WRITTEN = """
UID SUMMARY DTSTAMP CREATED LAST-MODIFIED SEQUENCE DTSTART DTEND DURATION RECURRENCE-ID RRULE RDATE
EXDATE LOCATION DESCRIPTION TRANSP X-WLM-KIND ATTENDEE
"""
_OURS = frozenset(_WRITTEN.split())
"""Properties that we write ourselves; all others are the server's, and are kept."""

Family = list[Entry]
"""A meeting or a series, and behind it its changed occurrences."""


class Meetings:
    """Our side: what belongs at the server are meetings, without reminders and subscriptions."""

    def __init__(self, ctx: Context, remotes: Remotes) -> None:
        self._ctx = ctx
        self._remotes = remotes
        self._calendar = Calendar(ctx)

    def all(self) -> dict[str, Family]:
        """Every meeting by UID."""
        subscribed = {link.uid for each in self._remotes.all(SUBSCRIPTION) for link in each.links()}
        found: dict[str, Family] = {}
        for entry in self._calendar.all():
            if entry.kind == "meeting" and entry.uid not in subscribed:
                found.setdefault(entry.uid, []).append(entry)
        return {uid: _in_order(family) for uid, family in found.items()}

    def here(self, uid: str) -> Family | None:
        """The meeting of that UID."""
        found = self._calendar.of_uids([uid]).get(uid, [])
        return _in_order(found) if found and found[0].kind == "meeting" else None

    def digest(self, thing: Family) -> str:
        """What it says."""
        return digest(thing)

    def title(self, thing: Family) -> str:
        """What it is called."""
        return thing[0].title

    def read(self, data: str) -> Read:
        """The meeting in a resource."""
        return understand(data, self._calendar)

    def write(self, thing: Family, before: str) -> bytes:
        """The resource to write."""
        ours = write(thing)
        return _with_theirs(ours, before) if before else ours

    def take(self, here: Family | None, there: Family) -> None:
        """Put the server's in place of ours, under its id and with its alarm."""
        drop(self._ctx, self._calendar, here or [])
        self._calendar.add(*under(here or [], there))

    def drop(self, here: Family) -> None:
        """Take ours out."""
        drop(self._ctx, self._calendar, here)

    def keep_copy(self, here: Family) -> None:
        """Keep ours as a meeting of its own."""
        self._calendar.add(*_copy(here))


def digest(family: Iterable[Entry]) -> str:
    """What a meeting and its changed occurrences say, as a short name."""
    said = sorted(content(entry) for entry in family)
    return hashlib.sha256(repr(said).encode()).hexdigest()


def understand(data: str, calendar: Calendar) -> Read:
    """The meeting in a resource; none where it is cancelled or cannot be kept."""
    try:
        found = read(data.encode(), calendar.zone, calendar.now)
    except BadRequest:
        return Read("", None)
    families = [family for family in found.families if family[0].kind == "meeting"]
    if found.skipped or len(families) != 1:
        uid = families[0][0].uid if families else next(iter(found.cancelled), "")
        return Read(uid, None, cancelled=bool(found.cancelled) and not found.skipped)
    return Read(families[0][0].uid, families[0])


def _in_order(family: Family) -> Family:
    return sorted(family, key=lambda entry: entry.recurrence)


def _copy(family: Sequence[Entry]) -> Family:
    """The same meeting under a name of its own, marked as what it is."""
    master_id = new_id()
    uid = f"{master_id}@wlm"
    ids = [master_id, *(new_id() for _ in family[1:])]
    return [
        dataclasses.replace(
            entry,
            id=id_,
            uid=uid,
            title=f"{entry.title} (your version)",
            series=master_id if entry.series else None,
            notify_event=None,
            notify_before=None,
            sequence=0,
        )
        for id_, entry in zip(ids, family, strict=True)
    ]


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
    """Carry over alarms, unknown properties, and how invited people answered.

    Their link stays where they have it, unless ours is another.
    """
    ours, theirs = link_of(event), link_of(known)
    left = set(NAMES) if ours and theirs and ours != theirs else set()
    if not left and theirs:
        event.pop("CONFERENCE", None)
    for name, value in known.property_items(recursive=False):
        if name not in _OURS | left and name not in ("BEGIN", "END"):
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
