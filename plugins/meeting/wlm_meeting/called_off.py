"""A meeting that its organiser has cancelled by mail (iTIP CANCEL): out of the calendar, told of.

Only the very address that the calendar knows as a meeting's organiser can cancel it here, and
`wlm undo` puts it back.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time
from typing import Any

from wlm.plugins import Context, Reply, rules
from wlm_meeting import reminders, say, undo
from wlm_meeting.calendar import Calendar
from wlm_meeting.entry import Entry, Occurrence, utc
from wlm_meeting.ics_read import address_of
from wlm_meeting.invite import components
from wlm_meeting.sync.subscription import is_subscribed

_NAME = 100
_NOTHING = "That cancels no meeting of its sender's in your calendar; nothing was changed."


def called_off(ctx: Context, calendar: str, sender: str) -> Reply:
    """Take out what the sender cancels; nothing of what others organise.

    Says nothing where the calendar has no such meeting (any more).
    """
    here, who = Calendar(ctx), sender.strip().casefold()
    gone: list[Occurrence] = []
    name, known = sender, False
    for component in components(calendar, "CANCEL"):
        uid = str(component.get("UID", ""))
        family = here.of_uids([uid]).get(uid, [])
        if not family or is_subscribed(ctx, uid):
            continue
        known = True
        if _may(component, family, who) and (out := _take_out(ctx, here, component, family)):
            gone.append(out)
            name = _name(component) or sender
    if not gone:
        return Reply(_NOTHING if known else "", data={"cancelled": []})
    undo.record(ctx, here)
    said = say.joined([f"{say.name(o.entry)}, {say.span(o, ctx.now, end=False)}" for o in gone])
    speech = f"{name} has cancelled {said}; it is out of your calendar."
    return Reply(speech, data={"cancelled": [o.to_dict() for o in gone]})


def _may(component: Any, family: Sequence[Entry], who: str) -> bool:
    """Whether it is from the organiser, and about the meeting as it is here, not an older one."""
    known = {entry.organizer for entry in family}
    known |= {p["invited_by"].casefold() for e in family for p in e.people if p.get("invited_by")}
    if not who or known - {""} != {who} or address_of(component.get("ORGANIZER")) != who:
        return False
    said = component.get("SEQUENCE", 0)
    if isinstance(said, int) and said >= max(entry.sequence for entry in family):
        return True  # our own changes count as well: then the time has to say it
    stamp = getattr(component.get("DTSTAMP"), "dt", None)
    aware = isinstance(stamp, datetime) and stamp.tzinfo is not None
    return aware and utc(stamp) >= family[0].created_at


def _take_out(
    ctx: Context, here: Calendar, component: Any, family: Sequence[Entry]
) -> Occurrence | None:
    """What is cancelled, taken out: an occurrence, it and all that follow, or all."""
    master, named = family[0], component.get("RECURRENCE-ID")
    if named is None:
        out = _next(here, master)
        for entry in [e for e in family if not e.series or e.series != master.id]:
            here.remove(entry)
    else:
        wall = _wall(named.dt, master, here)
        alone = next((e for e in family if e.recurrence == wall.isoformat()), None)
        if alone is None and not (master.repeats and _takes_place(here, master, wall)):
            return None
        out = alone.single(here.zone) if alone else master.at(wall, here.zone)
        if master.repeats and str(named.params.get("RANGE", "")).upper() == "THISANDFUTURE":
            here.divide(master, wall, drop=True)
        else:
            here.skip(out)
    reminders.follow(ctx, here, master.id, master)
    return out


def _next(here: Calendar, master: Entry) -> Occurrence:
    """When it would take place next; of what is over, when it first did."""
    if not master.repeats:
        return master.single(here.zone)
    coming = here.search(lambda entry: entry.id == master.id, limit=1)
    return coming[0] if coming else master.at(master.local_start, here.zone)


def _takes_place(here: Calendar, master: Entry, wall: datetime) -> bool:
    start = master.at(wall, here.zone).start
    return wall in list(here.walls(master, start, start))


def _wall(moment: Any, master: Entry, here: Calendar) -> datetime:
    """A RECURRENCE-ID as the series names its occurrence."""
    if not isinstance(moment, datetime):
        return datetime.combine(moment, time() if master.all_day else master.local_start.time())
    if moment.tzinfo is None:
        return moment
    seen = rules.local(moment.astimezone(UTC), master.tz or here.zone)
    return seen.replace(tzinfo=None)


def _name(component: Any) -> str:
    """What the organiser is called; a stranger's text, on one line and not too long."""
    organizer = component.get("ORGANIZER")
    said = str(getattr(organizer, "params", {}).get("CN", ""))
    return " ".join(said.split())[:_NAME]
