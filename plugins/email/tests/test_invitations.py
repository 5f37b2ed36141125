"""Invitations by mail, against a real mailbox and a real SMTP server."""

from __future__ import annotations

from dataclasses import replace
from email import message_from_bytes, policy

import icalendar
import pytest
from wlm_email.skill import Email

from wlm.errors import BadRequest
from wlm.plugins import Person
from wlm.plugins.context import SharedAccount
from wlm.plugins.testing import asked, proposed, recorded, retry, run

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH:UserWarning")  # loopback only
ANNA = Person("Anna", "c1", "anna@work.example")

CALENDAR = """\
BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//somebody//else//EN
METHOD:{method}
BEGIN:VEVENT
UID:plan-7@work.example
DTSTAMP:20261120T080000Z
DTSTART:20261124T110000Z
DTEND:20261124T120000Z
SUMMARY:{title}
SEQUENCE:2
ORGANIZER;CN=Anna:mailto:{organizer}
ATTENDEE;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:{attendee}
END:VEVENT
END:VCALENDAR
"""


def calendar(
    method="REQUEST", title="Plan", organizer="anna@work.example", attendee="me@x.example"
):
    """A calendar as others send it."""
    text = CALENDAR.format(method=method, title=title, organizer=organizer, attendee=attendee)
    return text.replace("\n", "\r\n")


def invite(letter, subject="Invitation: Plan", sender="Anna <anna@work.example>", **of_calendar):
    """A mail with an invitation in it."""
    made = letter(sender, subject, "Please come")
    made.add_alternative(
        calendar(**of_calendar),
        subtype="calendar",
        params={"method": of_calendar.get("method", "REQUEST")},
    )
    return made


def sent(postman):
    """The last mail that went out, and the calendar in it."""
    mail = message_from_bytes(postman.mails[-1][2], policy=policy.default)
    (part,) = [p for p in mail.walk() if p.get_content_type() == "text/calendar"]
    return mail, part.get_param("method"), icalendar.Calendar.from_ical(part.get_content())


@pytest.mark.parametrize(
    ("answer", "partstat"),
    [("accept", "ACCEPTED"), ("decline", "DECLINED"), ("tentative", "TENTATIVE")],
)
def test_an_answer_goes_to_who_invites_after_a_yes_to_it(
    ctx, mailbox, postman, letter, answer, partstat
):
    mailbox.put(letter("Anna <anna@work.example>", "Lunch?", "No invitation at all"))
    mailbox.put(invite(letter))
    mailbox.put(letter("Tom <tom@home.example>", "Hello", "Hi"))
    slots = {"answer": answer, "sender": ANNA}
    told = proposed(Email(), "rsvp", ctx, **slots)
    assert "“Plan”, Tuesday 24 November at 12:00" in told.text
    assert told.text.endswith("with an answer to Anna (anna@work.example)?")
    assert not postman.mails
    reply = run(Email(), "rsvp", ctx, **{**slots, **told.slots})
    assert reply.speech.endswith("The answer went to Anna.")
    mail, method, told_calendar = sent(postman)
    (event,) = told_calendar.events
    assert (method, told_calendar["METHOD"]) == ("REPLY", "REPLY")
    assert (event["UID"], event["SEQUENCE"]) == ("plan-7@work.example", 2)
    assert str(event["ATTENDEE"]) == f"mailto:{mailbox.user}"
    assert event["ATTENDEE"].params["PARTSTAT"] == partstat
    assert mail["In-Reply-To"]
    retry(Email(), "rsvp", ctx, **{**slots, **told.slots})
    assert len(postman.mails) == 1  # a copy lies among those sent
    (child,) = recorded(ctx).emitted
    assert (child.intent, child.slots["answer"]) == ("meeting.invited", answer)
    assert "plan-7@work.example" in child.slots["calendar"]
    assert child.slots["me"] == mailbox.user


def test_what_to_answer_is_asked_for(ctx, mailbox, letter):
    mailbox.put(invite(letter))
    question = asked(Email(), "rsvp", ctx, sender=ANNA)
    assert [each["value"] for each in question.candidates] == ["accept", "decline", "tentative"]


@pytest.mark.parametrize("method", ["CANCEL", "REPLY"])
def test_only_an_invitation_can_be_answered(ctx, mailbox, postman, letter, method):
    mailbox.put(invite(letter, method=method))
    with pytest.raises(BadRequest, match="no such invitation"):
        run(Email(), "rsvp", ctx, answer="accept", sender=ANNA)
    assert not postman.mails and not recorded(ctx).emitted


def test_the_address_that_an_invitation_names_is_shown(ctx, mailbox, letter):
    """It may be another than the sender's, and the sender chose it."""
    mailbox.put(invite(letter, organizer="boss@elsewhere.example"))
    told = proposed(Email(), "rsvp", ctx, answer="accept", sender=ANNA)
    assert told.text.endswith("with an answer to boss@elsewhere.example?")


def test_the_calendar_invites_by_mail(ctx, mailbox, postman):
    data = calendar(organizer=mailbox.user, attendee="anna@work.example")
    slots = {"to": [ANNA], "body": "Plan, tomorrow at noon", "calendar": data}
    told = proposed(Email(), "invite", ctx, **slots)
    assert told.text == (
        "Send Anna (anna@work.example) an invitation to “Plan”, which says "
        "“Plan, tomorrow at noon”?"
    )
    run(Email(), "invite", ctx, **{**slots, **told.slots})
    mail, method, told_calendar = sent(postman)
    assert (mail["Subject"], method) == ("Invitation: Plan", "REQUEST")
    assert mail.get_body(("plain",)).get_content().strip() == "Plan, tomorrow at noon"
    assert told_calendar.events[0]["UID"] == "plan-7@work.example"


def test_nobody_is_invited_in_the_name_of_another(ctx, postman):
    slots = {"to": [ANNA], "body": "x", "calendar": calendar(organizer="somebody@else.example")}
    with pytest.raises(BadRequest, match="another"):
        run(Email(), "invite", ctx, **slots)
    assert not postman.mails


def test_an_answer_is_noted_as_it_comes_and_when_mail_is_listed(ctx, mailbox, letter):
    mailbox.put(
        letter(),
        invite(letter, "Plan A", method="REPLY", attendee="anna@work.example"),
        invite(letter, "Plan B", method="REPLY", attendee="tom@home.example"),  # not who wrote it
    )
    run(Email(), "list", ctx)
    run(Email(), "arrived", ctx, mails="1,2,3")
    emitted = [(each.intent, each.slots["sender"]) for each in recorded(ctx).emitted]
    assert emitted == [("meeting.answered", "anna@work.example")] * 2
    run(Email(), "read", ctx, query="Plan B")
    noted = len(recorded(ctx).emitted)
    run(Email(), "list", ctx, sender=ANNA)
    assert len(recorded(ctx).emitted) == noted + 1  # the one of hers that nobody read


@pytest.mark.parametrize("write", [False, True])
def test_in_anothers_mailbox_nothing_is_noted_and_a_look_leaves_no_mark(
    ctx, mailbox, letter, write
):
    mailbox.put(invite(letter, method="REPLY", attendee="anna@work.example"))
    shared = replace(ctx, account=SharedAccount("s1", "Tom", write))
    run(Email(), "list", shared)
    assert run(Email(), "read", shared, sender=ANNA).speech.startswith("From Anna")
    assert not recorded(ctx).emitted
    (left,) = run(Email(), "list", ctx, sender=ANNA).data["mails"]
    assert left["seen"] is write


def test_a_cancellation_of_its_organiser_is_followed(ctx, mailbox, letter):
    mailbox.put(
        invite(letter, "Cancelled: Plan", method="CANCEL"),
        invite(letter, "Cancelled: Plan", "Eve <eve@evil.example>", method="CANCEL"),
    )
    run(Email(), "list", ctx)
    emitted = [(each.intent, each.slots["sender"]) for each in recorded(ctx).emitted]
    assert emitted == [("meeting.called_off", "anna@work.example")]
