"""Invite who takes part, and follow what they answer: iTIP (RFC 5546), sent by the skill email.

Each mail is an event of its own that the change of the calendar causes, and waits for a yes.
Only meetings of the user's own are told of: those that another organises are theirs to change.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from wlm.errors import BadRequest
from wlm.plugins import Context, Reply
from wlm_meeting import say
from wlm_meeting.calendar import Calendar
from wlm_meeting.create import remember
from wlm_meeting.entry import ANSWERS, ASKED, Entry
from wlm_meeting.ics import drop, under
from wlm_meeting.ics_read import address_of, parse, read
from wlm_meeting.ics_write import as_events
from wlm_meeting.settings import CalendarSettings

SEND = "email.invite"
STATES = {state.upper(): state for state in ANSWERS}
_SAID = {"accepted": "has accepted", "declined": "has declined", "tentative": "may come to"}
_WHEN = ("local_start", "zone", "seconds", "rrule", "rdates", "exdates", "all_day")
_TOLD = (*_WHEN, "title", "location", "link", "recurrence")
_Rows = Sequence[Mapping[str, Any]]
_People = dict[str, dict[str, str]]


def tell(ctx: Context, calendar: Calendar, changes: Mapping[str, tuple[_Rows, _Rows]]) -> None:
    """Emit what those who take part are to be told of: rows of families before and after."""
    me = ctx.settings_as(CalendarSettings).invite_as.strip().casefold()
    if not me:
        return
    for family, (rows_before, rows_after) in changes.items():
        before, after = ([Entry.of(row) for row in rows] for rows in (rows_before, rows_after))
        if not _ours([*before, *after], me) or _over([*before, *after], ctx.now):
            continue
        had, have = _invited(before, me), _invited(after, me)
        if gone := {address: who for address, who in had.items() if address not in have}:
            _send(ctx, family, "CANCEL", before, gone, me)
        if _differ(before, after, _WHEN):
            after = [_asked_again(calendar, entry) for entry in after]
        changed = _differ(before, after, _TOLD)
        if to := {address: who for address, who in have.items() if changed or address not in had}:
            _send(ctx, family, "REQUEST", after, to, me)


def _send(
    ctx: Context,
    family: str,
    method: Literal["REQUEST", "CANCEL"],
    entries: Sequence[Entry],
    to: _People,
    me: str,
) -> None:
    first = entries[0].single(ctx.timezone) if not entries[0].repeats else None
    when = say.span(first, ctx.now) if first else say.rule(entries[0].rrule)
    cancelled = " is cancelled" if method == "CANCEL" else ""
    ctx.emit(
        SEND,
        {
            "to": [{"name": who["name"], "email": who["email"]} for who in to.values()],
            "body": f"{say.upper(entries[0].title)}, {when},{cancelled}".rstrip(","),
            "calendar": _calendar(entries, method, me).decode("utf-8"),
        },
        key=f"invite {family} {method}",
    )


def _calendar(entries: Sequence[Entry], method: str, me: str) -> bytes:
    """The calendar of a mail: without notes and ids, which are the user's own."""
    from icalendar import vCalAddress, vText

    calendar = as_events(entries)
    calendar.add("method", method)
    for event in calendar.walk("VEVENT"):
        event.pop("DESCRIPTION", None)
        event["ORGANIZER"] = vCalAddress(f"mailto:{me}")
        if method == "CANCEL":
            event["SEQUENCE"] = event["SEQUENCE"] + 1
            event["STATUS"] = vText("CANCELLED")
        asked = event.get("ATTENDEE", [])
        for who in asked if isinstance(asked, list) else [asked]:
            who.params.pop("X-WLM-ID", None)
            who.params.setdefault("PARTSTAT", "NEEDS-ACTION")
            if method == "REQUEST":
                who.params["RSVP"] = "TRUE"
    data: bytes = calendar.to_ical()
    return data


def answered(ctx: Context, calendar: str, sender: str) -> Reply:
    """Keep what somebody answered, where the mail is from the very address that was invited."""
    here = Calendar(ctx)
    who = sender.strip().casefold()
    said: list[str] = []
    last: Entry | None = None
    known = False
    for component in components(calendar, "REPLY"):
        state = _state(component, who)
        for entry in here.of_uids([str(component.get("UID", ""))]).get(
            str(component.get("UID", "")), []
        ):
            known = True
            if state and _meant(entry, component, here) and _of(entry, who):
                if _of(entry, who).get("state") == state:
                    return Reply("", data={"changed": False})  # the mail was looked at before
                people = [
                    {**p, "state": state} if p.get("email", "").casefold() == who else p
                    for p in entry.people
                ]
                last = here.answer(entry, people)
                said.append(f"{_of(entry, who)['name']} {_SAID[state]} {entry.title}")
    if last is None and not known:
        return Reply("", data={"changed": False})
    if last is None:
        return Reply("That answers no invitation of yours; nothing was changed.")
    told = {"remember": remember(last.at(last.local_start, here.zone))}
    return Reply(f"{say.joined(said)}.", data=told)


def invited(ctx: Context, calendar: str, answer: str, me: str) -> Reply:
    """Put a meeting that was accepted into the calendar, or take out one that was declined."""
    here = Calendar(ctx)
    components(calendar, "REQUEST")  # raises where it is none
    found = read(calendar.encode(), here.zone, here.now)
    if not found.families:
        reason = f": {found.skipped[0].reason}" if found.skipped else ""
        raise BadRequest(f"That invitation cannot be kept{reason}.")
    family = found.families[0]
    known = here.of_uids([family[0].uid]).get(family[0].uid, [])
    title = family[0].title
    drop(ctx, here, known)
    if answer == "decline":
        speech = f"{say.upper(title)} is not in your calendar."
        return Reply(speech, data={"remember": {"meeting": None}})
    kept = [_without(entry, me) for entry in under(known, family)]
    here.add(*kept)
    first = kept[0].at(kept[0].local_start, here.zone)
    speech = f"{say.upper(title)}, {say.span(first, ctx.now)}, is in your calendar."
    return Reply(speech, data={"remember": remember(first)})


def components(calendar: str, method: str) -> list[Any]:
    """The events of a mail's calendar. Raises ``BadRequest`` where its method is another."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # icalendar warns of what is odd
        found = parse(calendar.encode())
    if str(found[0].get("METHOD", "")).upper() != method:
        raise BadRequest("That calendar is of another kind; nothing was changed.")
    return list(found[0].walk("VEVENT"))


def _state(component: Any, who: str) -> str:
    asked = component.get("ATTENDEE", [])
    for each in asked if isinstance(asked, list) else [asked]:
        if address_of(each) == who:
            return STATES.get(str(each.params.get("PARTSTAT", "")).upper(), "")
    return ""


def _meant(entry: Entry, component: Any, calendar: Calendar) -> bool:
    """Whether an answer is to this entry, and to when it takes place now."""
    named = component.get("RECURRENCE-ID")
    if named is not None or entry.repeats or entry.recurrence:
        return (named is None) == (not entry.recurrence)
    start = getattr(component.get("DTSTART"), "dt", None)
    if not isinstance(start, datetime) or start.tzinfo is None or entry.all_day:
        return True
    return start.astimezone(UTC) == entry.single(calendar.zone).start.astimezone(UTC)


def _of(entry: Entry, who: str) -> dict[str, str]:
    return next((p for p in entry.people if p.get("email", "").casefold() == who), {})


def _ours(entries: Iterable[Entry], me: str) -> bool:
    entries = list(entries)
    if any(entry.kind != "meeting" for entry in entries):
        return False
    others = {by for e in entries for p in e.people if (by := p.get("invited_by"))}
    return others | {e.organizer for e in entries if e.organizer} <= {me}


def _over(entries: Sequence[Entry], now: datetime) -> bool:
    until = now.astimezone(UTC).replace(tzinfo=None)
    return all(entry.ends_at < until for entry in entries)


def _invited(entries: Sequence[Entry], me: str) -> _People:
    """Those who can be written to, by address."""
    people = [who for entry in entries for who in entry.people]
    found = {who["email"].casefold(): who for who in people if who.get("email")}
    found.pop(me, None)
    return found


def _differ(before: Sequence[Entry], after: Sequence[Entry], names: Sequence[str]) -> bool:
    def told(entries: Sequence[Entry]) -> list[str]:
        return sorted(str([getattr(entry, name) for name in names]) for entry in entries)

    return told(before) != told(after)


def _asked_again(calendar: Calendar, entry: Entry) -> Entry:
    """What was answered was for another time; a server is to know that, too."""
    if not any("state" in who for who in entry.people):
        return entry
    people = [{**who, "state": ASKED} if "state" in who else who for who in entry.people]
    return calendar.answer(entry, people)


def _without(entry: Entry, me: str) -> Entry:
    import dataclasses

    who = me.strip().casefold()
    others = [p for p in entry.people if p.get("email", "").casefold() != who]
    return dataclasses.replace(entry, people=others)
