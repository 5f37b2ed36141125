"""Calendars in and out as iCalendar (RFC 5545)."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any, NamedTuple

from wlm.plugins import Context
from wlm_meeting import reminders
from wlm_meeting.calendar import Calendar
from wlm_meeting.entry import ASKED, Entry
from wlm_meeting.ics_read import Skipped, read
from wlm_meeting.ics_write import write

_TELLING = (
    "kind",
    "title",
    "people",
    "location",
    "notes",
    "all_day",
    "busy",
    "recurrence",
    "seconds",
    "rdates",
    "exdates",
)


class Imported(NamedTuple):
    """What an import did; ``skipped`` are (title, reason) pairs."""

    added: int
    updated: int
    unchanged: int
    skipped: tuple[Skipped, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        left_out = [{"title": title, "reason": reason} for title, reason in self.skipped]
        return {**self._asdict(), "skipped": left_out}


def import_ics(ctx: Context, data: bytes) -> Imported:
    """Bring the events of an .ics file into the calendar: all of them or, on a fault, none.

    A UID that is known is brought up to date, so that the same file twice changes nothing;
    it is left alone where the calendar has changed it since. Alarms in the file are not taken
    over. Reminders of ours are; they get their events when the skill runs next.
    Raises ``BadRequest`` if ``data`` is no iCalendar file.
    """
    calendar = Calendar(ctx)
    found = read(data, calendar.zone, calendar.now)
    skipped = list(found.skipped)
    counts = {"added": 0, "updated": 0, "unchanged": 0}
    fresh: list[Entry] = []
    with ctx.db.transaction():
        families = {family[0].uid: family for family in found.families}
        there = calendar.of_uids([*families, *found.cancelled])
        for uid in found.cancelled:
            counts["updated"] += uid in there
            drop(ctx, calendar, there.get(uid, []))
        for uid, family in families.items():
            known = there.get(uid, [])
            if known and _same(known, family):
                counts["unchanged"] += 1
            elif _version(known) > _version(family):
                skipped.append(Skipped(family[0].title, "it was changed here since"))
            else:
                drop(ctx, calendar, known)
                fresh += under(known, family)
                counts["updated" if known else "added"] += 1
        calendar.add(*fresh)
        reminders.mend(ctx)
    return Imported(**counts, skipped=tuple(skipped))


def export_ics(ctx: Context) -> bytes:
    """The whole calendar as an .ics file: meetings, series with their changes, reminders."""
    return write(Calendar(ctx).all())


def _version(family: Iterable[Entry]) -> int:
    """How often any of it was changed; -1 if there is none of it."""
    return max((entry.sequence for entry in family), default=-1)


def drop(ctx: Context, calendar: Calendar, known: Iterable[Entry]) -> None:
    """Take entries out, with the events that would have said them."""
    for entry in known:
        if entry.notify_event and ctx.event_id:
            ctx.cancel(entry.notify_event)  # otherwise it finds itself replaced, and is silent
        calendar.remove(entry)


def under(known: list[Entry], family: list[Entry]) -> list[Entry]:
    """The family to store; where it was known, under its old id and with its alarm."""
    master = family[0]
    if known:
        old = known[0]
        master = dataclasses.replace(
            master, id=old.id, created_at=old.created_at, notify_before=old.notify_before
        )
    if master.kind == "reminder" or master.notify_before is not None:
        master = dataclasses.replace(master, notify_event="")
    rest = [dataclasses.replace(e, series=master.id if e.series else None) for e in family[1:]]
    return [master, *rest]


def _same(known: list[Entry], family: list[Entry]) -> bool:
    """Whether both say the same; what happens once is compared by its instant."""
    return sorted(map(content, known)) == sorted(map(content, family))


def content(entry: Entry) -> tuple[str, ...]:
    """What an entry says, to be compared; ids and the times of changes are not part of it."""
    # Who was asked again has not answered, as has who was asked once.
    people = [{k: v for k, v in p.items() if v != ASKED} for p in entry.people]
    values = [str(getattr(entry, name)) for name in _TELLING]
    values[_TELLING.index("people")] = str(people)
    values.append(";".join(sorted(entry.rrule.upper().split(";"))))  # its parts have no order
    values += [entry.link] if entry.link else []  # what was compared before has none
    times = (entry.local_start, entry.zone) if entry.repeats else (entry.starts_at,)
    return (*values, *map(str, times))
