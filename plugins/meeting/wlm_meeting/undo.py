"""Take back a change to the calendar: the rows as they were, unless they changed since.

A family is a meeting or a series with its changed occurrences. What a change does to its
families is put into the event's undoing: their rows before, and a digest of those after.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import DateTime

from wlm.errors import BadRequest
from wlm.plugins import Context, Reply
from wlm_meeting import reminders, say
from wlm_meeting.calendar import Calendar
from wlm_meeting.create import remember
from wlm_meeting.entry import Entry, Occurrence
from wlm_meeting.settings import CalendarSettings
from wlm_meeting.tables import entries

INTENT = "meeting.restore"
_TIMES = [column.name for column in entries.c if isinstance(column.type, DateTime)]
_FAR = 800


def record(ctx: Context, calendar: Calendar) -> None:
    """Keep how to take back what was done through ``calendar``, and tell who takes part."""
    if ctx.settings_as(CalendarSettings).invite_as:
        from wlm_meeting.invite import tell

        changes = {f: (before, calendar.family(f)) for f, before in calendar.touched.items()}
        tell(ctx, calendar, changes)
    families = {
        family: {"before": before, "after": _digest(calendar.family(family))}
        for family, before in calendar.touched.items()
    }
    if families:
        ctx.undo(INTENT, {"families": json.dumps(families, default=_plain)})


def restore(ctx: Context, families: str) -> Reply:
    """Put the rows of each family back. Raises ``BadRequest`` if one changed since."""
    calendar = Calendar(ctx)
    wanted: dict[str, Any] = json.loads(families)
    for family, change in wanted.items():
        if _digest(calendar.family(family)) != change["after"]:
            raise BadRequest(
                "The calendar was changed since; it stays as it is.",
                hint='Ask `wlm ask "what meetings do I have this week"` for what is there.',
            )
    said: list[str] = []
    last: Occurrence | None = None
    changes: dict[str, Any] = {}
    stood = {family: (calendar.get(family), calendar.family(family)) for family in wanted}
    halved = any(change["before"] for change in wanted.values())
    for family, change in wanted.items():
        now, there = stood[family]
        rows = [_row(row) for row in change["before"]]
        calendar.put_back(family, rows)
        changes[family] = (there, calendar.family(family))
        was = now or next((Entry.of(row) for row in rows if row["id"] == family), None)
        if now is not None:
            reminders.drop(ctx, now)
        if was is not None:
            reminders.follow(ctx, calendar, family, was)
        shown = _shown(calendar, calendar.get(family) or was)
        last = shown if rows else last
        if shown is not None and (rows or not halved):  # what was cut off a series is in it again
            said.append(_sentence(ctx, shown, there=bool(rows), was_there=now is not None))
    if ctx.settings_as(CalendarSettings).invite_as:
        from wlm_meeting.invite import tell

        tell(ctx, calendar, changes)
    speech = f"Undone: {say.joined(said)}." if said else "Undone."
    told = remember(last) if last is not None else {"meeting": None}
    return Reply(speech, data={"families": sorted(wanted), "remember": told})


def _sentence(ctx: Context, shown: Occurrence, *, there: bool, was_there: bool) -> str:
    named = f"{say.name(shown.entry)}, {say.span(shown, ctx.now, end=False)},"
    if shown.entry.kind == "reminder":
        named = f"the reminder “{shown.entry.title}”, {say.span(shown, ctx.now, end=False)},"
    if not there:
        return f"{named} is out of your calendar again"
    if not was_there:
        return f"{named} is in your calendar again"
    return f"{say.name(shown.entry)} is {say.span(shown, ctx.now)} again"


def _shown(calendar: Calendar, entry: Entry | None) -> Occurrence | None:
    if entry is None:
        return None
    if not entry.repeats:
        return entry.single(calendar.zone)
    start = max(calendar.now, entry.at(entry.local_start, calendar.zone).start)
    for wall in calendar.walls(entry, start, start.replace(year=start.year + 2)):
        occurrence = entry.at(wall, calendar.zone)
        if occurrence.end > calendar.now:
            return occurrence
    return entry.at(entry.local_start, calendar.zone)


def _digest(rows: Sequence[Mapping[str, Any]]) -> str:
    """What tells these rows from others; the pending event of a reminder does not count."""
    plain = [{k: v for k, v in row.items() if k not in ("notify_event", "owner")} for row in rows]
    text = json.dumps(plain, default=_plain, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(type(value).__name__)


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: datetime.fromisoformat(value) if name in _TIMES and value else value
        for name, value in row.items()
    }
