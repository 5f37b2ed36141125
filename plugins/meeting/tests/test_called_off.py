"""What its organiser cancels by mail is taken out; what anybody else cancels stays."""

from __future__ import annotations

import pytest

from plugins.meeting.tests.talk import Talk, day

ANNA, ME = "anna@work.example", "me@home.example"


def mail(method: str, *lines: str, sequence: int = 0, start: str = "20261124T110000Z") -> str:
    """A calendar that Anna sends."""
    told = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        f"METHOD:{method}",
        "BEGIN:VEVENT",
        "UID:plan@work.example",
        f"SEQUENCE:{sequence}",
        f"DTSTART:{start}",
        "DURATION:PT1H",
        "SUMMARY:Plan",
        f"ORGANIZER;CN=Anna Berg:mailto:{ANNA}",
        f"ATTENDEE:mailto:{ME}",
        *lines,
        "END:VEVENT",
        "END:VCALENDAR",
    ]
    return "\r\n".join(told) + "\r\n"


@pytest.fixture
def plan(talk: Talk) -> Talk:
    """A meeting that Anna organises, accepted; nobody but Anna and the user takes part."""
    talk("invited", calendar=mail("REQUEST"), answer="accept", me=ME)
    return talk


@pytest.fixture
def daily(talk: Talk) -> Talk:
    """A series of Anna's."""
    talk("invited", calendar=mail("REQUEST", "RRULE:FREQ=DAILY;COUNT=4"), answer="accept", me=ME)
    return talk


def test_its_organiser_cancels_it(plan: Talk) -> None:
    plan("remind", title="plan", before="PT10M")
    reply = plan("called_off", calendar=mail("CANCEL", sequence=1), sender="Anna@Work.example")
    assert reply.speech == (
        "Anna Berg has cancelled Plan, on Tuesday at noon; it is out of your calendar."
    )
    assert plan.calendar.all() == [] and plan.pending == []
    assert plan("called_off", calendar=mail("CANCEL", sequence=1), sender=ANNA).speech == ""
    plan("restore", **plan.ports.undos[-1][1])
    assert plan.shown("2026-11-24") == [("11-24 12:00", "Plan")]
    assert len(plan.pending) == 1


@pytest.mark.parametrize(
    ("told", "sender"),
    [
        (mail("CANCEL", sequence=1), "eve@evil.example"),
        (mail("CANCEL", sequence=1).replace(ANNA, "eve@evil.example"), "eve@evil.example"),
        (mail("CANCEL", sequence=1), ""),
    ],
)
def test_nobody_else_does(plan: Talk, told: str, sender: str) -> None:
    reply = plan("called_off", calendar=told, sender=sender)
    assert reply.speech.endswith("nothing was changed.")
    assert len(plan.calendar.all()) == 1


def test_nobody_cancels_what_is_our_own(talk: Talk) -> None:
    talk("create", title="Plan", start="2026-11-24T12:00:00+01:00")
    (entry,) = talk.calendar.all()
    told = mail("CANCEL", sequence=9).replace("plan@work.example", entry.uid)
    assert talk("called_off", calendar=told, sender=ANNA).data["cancelled"] == []
    assert talk.calendar.all() == [entry]


def test_an_old_mail_cancels_nothing_that_was_asked_anew(plan: Talk) -> None:
    plan("invited", calendar=mail("REQUEST", sequence=2), answer="accept", me=ME)
    old = mail("CANCEL", "DTSTAMP:20261101T080000Z", sequence=1)
    assert plan("called_off", calendar=old, sender=ANNA).data["cancelled"] == []
    changed = mail("CANCEL", "DTSTAMP:20261122T090000Z", sequence=1)  # after our own changes
    assert plan("called_off", calendar=changed, sender=ANNA).data["cancelled"]


def test_one_of_a_series(daily: Talk) -> None:
    told = mail("CANCEL", "RECURRENCE-ID:20261125T110000Z", start="20261125T110000Z", sequence=1)
    reply = daily("called_off", calendar=told, sender=ANNA)
    assert "Plan, on Wednesday at noon" in reply.speech
    assert [at for at, _ in daily.shown("2026-11-24", 7)] == [
        "11-24 12:00",
        "11-26 12:00",
        "11-27 12:00",
    ]
    assert daily("called_off", calendar=told, sender=ANNA).data["cancelled"] == []
    rest = mail("CANCEL", "RECURRENCE-ID;RANGE=THISANDFUTURE:20261126T110000Z", sequence=1)
    daily("called_off", calendar=rest, sender=ANNA)
    assert [at for at, _ in daily.shown("2026-11-24", 7)] == ["11-24 12:00"]


def test_one_that_was_moved_alone(daily: Talk) -> None:
    daily("update", title="plan", old=day("2026-11-25"), start="2026-11-25T15:00:00+01:00")
    told = mail("CANCEL", "RECURRENCE-ID:20261125T110000Z", "DTSTAMP:20261122T090000Z", sequence=0)
    assert "Wednesday at 3 pm" in daily("called_off", calendar=told, sender=ANNA).speech
    assert daily.shown("2026-11-25") == []
    whole = mail("CANCEL", "DTSTAMP:20261122T090000Z")
    assert "Plan, on Tuesday" in daily("called_off", calendar=whole, sender=ANNA).speech
    assert daily.calendar.all() == []
