"""Invitations and answers to them as mails carry them: iMIP (RFC 6047), iTIP (RFC 5546) within.

What stands in such a mail is a stranger's. It is shown for a yes, and answered to whom it is
from; times and titles are never acted on here.
"""

from __future__ import annotations

import warnings
from datetime import UTC, date, datetime
from email.message import Message
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

from wlm.errors import BadRequest
from wlm_email.mime import leaf_bytes, leaf_type, leaves, plain

Answer = Literal["accept", "decline", "tentative"]
PARTSTAT = {"accept": "ACCEPTED", "decline": "DECLINED", "tentative": "TENTATIVE"}
_MOST = 500_000
_TEXT = 200


class Invitation(NamedTuple):
    """What a mail says of a meeting. ``method`` is REQUEST, CANCEL, REPLY …, as iTIP has it.

    ``organizer`` and ``attendees`` are addresses in lower case; ``data`` is the calendar as it
    came.
    """

    method: str
    uid: str
    title: str
    start: datetime | date | None
    organizer: str
    attendees: tuple[str, ...]
    data: bytes


def found(message: Message[str, str]) -> Invitation | None:
    """The invitation in a mail; ``None`` where there is none, or a broken one."""
    for part in leaves(message):
        if leaf_type(part) in ("text/calendar", "application/ics"):
            data = leaf_bytes(part)
            if len(data) <= _MOST and (invitation := read(data)) is not None:
                return invitation
    return None


def read(data: bytes) -> Invitation | None:
    """The invitation in a calendar; ``None`` where there is no method or no one meeting."""
    calendar = _calendar(data)
    if calendar is None:
        return None
    events = calendar.walk("VEVENT")
    method = str(calendar.get("METHOD", "")).upper()
    uids = {str(event.get("UID", "")) for event in events}
    if not method or len(uids) != 1 or not (uid := uids.pop()):
        return None
    event = events[0]
    return Invitation(
        method,
        uid,
        plain(str(event.get("SUMMARY", "")))[:_TEXT],
        getattr(event.get("DTSTART"), "dt", None),
        address_of(event.get("ORGANIZER")),
        tuple(address_of(each) for each in _several(event.get("ATTENDEE"))),
        data,
    )


def answered(invitation: Invitation, answer: str, address: str, name: str, now: datetime) -> bytes:
    """The calendar of a REPLY: the meeting, and of those who take part only who answers."""
    from icalendar import Calendar, Event, vCalAddress

    asked = _calendar(invitation.data)
    if asked is None:
        raise BadRequest("That invitation cannot be read; nothing was sent.")
    reply = Calendar()
    reply.add("prodid", "-//WLM//wlm-email//EN")
    reply.add("version", "2.0")
    reply.add("method", "REPLY")
    for event in asked.walk("VEVENT"):
        told = Event()
        for kept in ("UID", "RECURRENCE-ID", "DTSTART", "DTEND", "DURATION", "SUMMARY",
                     "ORGANIZER", "SEQUENCE", "RRULE"):  # fmt: skip
            if kept in event:
                told[kept] = event[kept]
        told.add("dtstamp", now.astimezone(UTC))
        mine = vCalAddress(f"mailto:{address}")
        mine.params["PARTSTAT"] = PARTSTAT[answer]
        if name:
            mine.params["CN"] = plain(name)
        told.add("attendee", mine)
        reply.add_component(told)
    for zone in asked.walk("VTIMEZONE"):
        reply.add_component(zone)
    data: bytes = reply.to_ical()
    return data


def moment(invitation: Invitation, zone: ZoneInfo) -> datetime | None:
    """When it begins, as the user's clocks show it; ``None`` where that is not told."""
    start = invitation.start
    if isinstance(start, datetime):
        return (start if start.tzinfo else start.replace(tzinfo=zone)).astimezone(zone)
    if isinstance(start, date):
        return datetime(start.year, start.month, start.day, tzinfo=zone)
    return None


def address_of(value: Any) -> str:
    """The address of an organiser or attendee, in lower case; empty where it is none."""
    text = plain(str(value or ""))
    found = text[7:] if text[:7].casefold() == "mailto:" else ""
    return found.strip().casefold()


def _calendar(data: bytes) -> Any:
    from icalendar import Calendar

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # icalendar warns of what is odd
            calendar = Calendar.from_ical(data.decode("utf-8-sig", "replace"))
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        return None
    return calendar if calendar.name == "VCALENDAR" else None


def _several(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
