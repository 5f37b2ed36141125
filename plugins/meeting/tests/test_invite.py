"""Invitations: whom the calendar would tell by mail, and what answers change in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import icalendar
import pytest

from plugins.meeting.tests.talk import Talk, at
from wlm.errors import BadRequest

ANNA = {"name": "Anna", "id": "c1", "email": "Anna@work.example"}
TOM = {"name": "Tom", "id": "c2", "email": "tom@home.example"}
ZOE = {"name": "Zoe"}
ME = "me@home.example"


@pytest.fixture
def talk(talk_at: Callable[..., Talk]) -> Talk:
    return talk_at(settings={"invite_as": ME})


def told(talk: Talk) -> list[tuple[str, list[str], Any]]:
    """(method, addresses, first event) of each mail that was asked for since the last look."""
    found = []
    for child in talk.ports.emitted:
        assert child.intent == "email.invite"
        calendar = icalendar.Calendar.from_ical(child.slots["calendar"])
        addresses = [who["email"] for who in child.slots["to"]]
        found.append((str(calendar["METHOD"]), addresses, calendar.events[0]))
    talk.ports.emitted.clear()
    return found


def lunch(talk: Talk, *people: dict[str, str]) -> Any:
    """A lunch tomorrow at noon, and the mail that it causes."""
    talk("create", title="lunch", start=at("2026-11-23T12:00"), people=[*people])
    (mail,) = told(talk)
    return mail


def answer(talk: Talk, event: Any, who: str, state: str, sender: str = "") -> str:
    """Somebody's answer, and what is said to it."""
    calendar = icalendar.Calendar()
    calendar.add("method", "REPLY")
    reply = icalendar.Event()
    for name in ("UID", "DTSTART", "SEQUENCE"):
        reply[name] = event[name]
    mine = icalendar.vCalAddress(f"mailto:{who}")
    mine.params["PARTSTAT"] = state
    reply.add("attendee", mine)
    calendar.add_component(reply)
    text = calendar.to_ical().decode()
    return talk("answered", calendar=text, sender=sender or who).speech


def answers(talk: Talk) -> dict[str, str]:
    """What the calendar tells of answers."""
    found: dict[str, str] = talk("list", pick="next").data["meetings"][0]["answers"]
    return found


def test_who_takes_part_and_has_an_address_is_invited(talk: Talk) -> None:
    method, to, event = lunch(talk, ANNA, TOM, ZOE)
    assert (method, to) == ("REQUEST", ["Anna@work.example", "tom@home.example"])
    assert str(event["ORGANIZER"]) == f"mailto:{ME}"
    assert [each.params["PARTSTAT"] for each in event["ATTENDEE"][:2]] == ["NEEDS-ACTION"] * 2
    assert "X-WLM-ID" not in event["ATTENDEE"][0].params
    assert event.start.isoformat() == "2026-11-23T12:00:00+01:00"


def test_nobody_is_told_unless_that_is_set(talk_at: Callable[..., Talk]) -> None:
    talk = talk_at()
    talk("create", title="lunch", start=at("2026-11-23T12:00"), people=[ANNA])
    assert told(talk) == []


def test_a_move_and_a_cancellation_are_told(talk: Talk) -> None:
    _, _, asked = lunch(talk, ANNA)
    talk("update", title="lunch", start=at("2026-11-23T13:00"))
    ((method, to, moved),) = told(talk)
    assert (method, to, moved["UID"]) == ("REQUEST", ["Anna@work.example"], asked["UID"])
    assert moved["SEQUENCE"] > asked["SEQUENCE"]
    talk("cancel", title="lunch")
    ((method, to, gone),) = told(talk)
    assert (method, to, gone["UID"]) == ("CANCEL", ["Anna@work.example"], asked["UID"])
    assert (str(gone["STATUS"]), gone["SEQUENCE"] > moved["SEQUENCE"]) == ("CANCELLED", True)


def test_undoing_is_told_too(talk: Talk) -> None:
    lunch(talk, ANNA)
    intent, slots = talk.ports.undos[-1]
    assert intent == "meeting.restore"
    talk("restore", **slots)
    assert [(method, to) for method, to, _ in told(talk)] == [("CANCEL", ["Anna@work.example"])]


def test_an_answer_is_kept_and_a_move_asks_again(talk: Talk) -> None:
    _, _, asked = lunch(talk, ANNA, TOM)
    assert answer(talk, asked, "anna@work.example", "ACCEPTED") == "Anna has accepted lunch."
    assert answer(talk, asked, "tom@home.example", "DECLINED") == "Tom has declined lunch."
    assert answers(talk) == {"Anna": "accepted", "Tom": "declined"}
    assert "Anna accepted, Tom declined" in talk("list", pick="next").display
    assert told(talk) == []  # an answer is no change to be told of
    talk("update", title="lunch", start=at("2026-11-23T13:00"))
    assert answers(talk) == {}
    ((_, _, moved),) = told(talk)
    assert {each.params["PARTSTAT"] for each in moved["ATTENDEE"]} == {"NEEDS-ACTION"}
    answer(talk, asked, "anna@work.example", "ACCEPTED")  # late, to the time that it was
    assert answers(talk) == {}


def test_one_answers_for_oneself_only(talk: Talk) -> None:
    _, _, asked = lunch(talk, ANNA, TOM)
    said = answer(talk, asked, "anna@work.example", "ACCEPTED", sender="eve@evil.example")
    assert said == "That answers no invitation of yours; nothing was changed."
    answer(talk, asked, "eve@evil.example", "ACCEPTED")
    assert answers(talk) == {}


INVITATION = """\
BEGIN:VCALENDAR\r
VERSION:2.0\r
PRODID:-//somebody//else//EN\r
METHOD:REQUEST\r
BEGIN:VEVENT\r
UID:plan-7@work.example\r
DTSTAMP:20261120T080000Z\r
DTSTART:20261124T110000Z\r
DTEND:20261124T120000Z\r
SUMMARY:Plan\r
ORGANIZER;CN=Anna:mailto:anna@work.example\r
ATTENDEE;CN=Anna;PARTSTAT=ACCEPTED:mailto:anna@work.example\r
ATTENDEE;CN=Me;PARTSTAT=NEEDS-ACTION:mailto:me@home.example\r
END:VEVENT\r
END:VCALENDAR\r
"""


def test_what_was_accepted_is_in_the_calendar_and_is_not_ours_to_tell_of(talk: Talk) -> None:
    reply = talk("invited", calendar=INVITATION, answer="accept", me=ME)
    assert reply.speech == "Plan, on Tuesday from noon to 1 pm, is in your calendar."
    (found,) = talk("list", title="Plan").data["meetings"]
    assert found["people"] == ["Anna"]
    talk("invited", calendar=INVITATION, answer="tentative", me=ME)
    assert len(talk("list", title="Plan").data["meetings"]) == 1
    talk("cancel", title="Plan")
    assert told(talk) == []


def test_what_was_declined_is_taken_out(talk: Talk) -> None:
    talk("invited", calendar=INVITATION, answer="accept", me=ME)
    talk("invited", calendar=INVITATION, answer="decline", me=ME)
    assert talk("list", title="Plan").data["meetings"] == []


def test_another_kind_of_calendar_changes_nothing(talk: Talk) -> None:
    with pytest.raises(BadRequest):
        talk("invited", calendar=INVITATION.replace("REQUEST", "CANCEL"), answer="accept", me=ME)
    with pytest.raises(BadRequest):
        talk("answered", calendar=INVITATION, sender="anna@work.example")


def test_a_series_is_told_of_whole(talk: Talk) -> None:
    talk("create", title="standup", people=[ANNA],
         repeat={"rrule": "FREQ=DAILY", "start": at("2026-11-23T09:00")})  # fmt: skip
    ((_, _, event),) = told(talk)
    assert event["RRULE"]["FREQ"] == ["DAILY"]
    talk.ctx = replace(talk.ctx, now=talk.ctx.now)
    answer(talk, event, "anna@work.example", "TENTATIVE")
    assert answers(talk) == {"Anna": "tentative"}
