"""Invitations from end to end: the calendar, the events that it causes, a yes, real mail.

Dovecot and an SMTP server are real; who is invited answers as a mail program does.
"""

from __future__ import annotations

from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import icalendar
import pytest

from tests.support.dovecot import BINARY, MISSING, Dovecot
from tests.support.lab import Clock
from tests.support.mailbox import at
from tests.support.smtp_server import SmtpServer
from tests.support.talks import NOW
from wlm import Assistant
from wlm.types import Event, Route, State

pytestmark = [
    pytest.mark.skipif(BINARY is None, reason=MISSING),
    pytest.mark.filterwarnings("ignore:Requiring AUTH:UserWarning"),  # loopback only
]
ANNA = {"name": "Anna Schmidt", "id": "", "email": "anna@work.example"}


class House:
    """An assistant, its mailbox, and what left it."""

    def __init__(self, assistant: Assistant, mailbox: Dovecot, postman: SmtpServer) -> None:
        self.assistant = assistant
        self.mailbox = mailbox
        self.postman = postman

    def do(self, intent: str, **slots: Any) -> Event:
        """Have one thing done, as after the router."""
        engine = self.assistant.engine
        route = Route(intent.partition(".")[0], intent, slots)
        return engine.run(engine.accept(self.assistant.owner, route).id)

    def caused(self) -> Event:
        """The one event that waits or ended since then and was caused by another."""
        self.assistant.engine.run_due()
        return next(e for e in self.assistant.engine.list(self.assistant.owner) if e.parent)

    def confirm(self, event: Event) -> Event:
        engine = self.assistant.engine
        return engine.run(engine.confirm(self.assistant.owner, event.id).id)

    def sent(self) -> tuple[list[str], icalendar.Calendar]:
        """To whom the last mail went, and the calendar in it."""
        import email
        from email import policy

        _, to, raw = self.postman.mails[-1]
        mail = email.message_from_bytes(raw, policy=policy.default)
        (part,) = [p for p in mail.walk() if p.get_content_type() == "text/calendar"]
        return to, icalendar.Calendar.from_ical(part.get_content())

    def comes(self, calendar: str, method: str, number: int) -> None:
        """A mail from Anna with a calendar in it."""
        mail = EmailMessage()
        mail["From"], mail["To"] = "Anna Schmidt <anna@work.example>", self.mailbox.user
        mail["Subject"], mail["Message-ID"] = "Lunch", f"<a{number}@work.example>"
        mail["Date"] = f"Mon, 23 Nov 2026 08:0{number}:00 +0100"
        mail.set_content("See the calendar.")
        mail.add_alternative(calendar, subtype="calendar", params={"method": method})
        self.mailbox.put(mail)


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    with Dovecot() as mailbox, SmtpServer(mailbox.user, mailbox.password) as postman:
        settings = {
            "WLM_HOME": str(tmp_path),
            "WLM_TIMEZONE": "Europe/Berlin",
            **at(mailbox, postman),
            "WLM_SKILL_MEETING__INVITE_AS": mailbox.user,
        }
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        with Assistant(clock=Clock(NOW)) as assistant:
            yield House(assistant, mailbox, postman)


def test_a_guest_is_asked_after_a_yes_and_the_answer_is_in_the_calendar(house: House) -> None:
    made = house.do(
        "meeting.create", title="lunch", start="2026-11-24T12:00:00+01:00", people=[ANNA]
    )
    assert made.state is State.SUCCEEDED
    asks = house.caused()
    assert (asks.route.intent, asks.state, asks.parent) == (
        "email.invite", State.WAITING_CONFIRMATION, made.id
    )  # fmt: skip
    assert asks.question is not None
    assert "Anna Schmidt (anna@work.example) an invitation to “lunch”" in asks.question.text
    assert not house.postman.mails
    assert house.confirm(asks).state is State.SUCCEEDED
    to, calendar = house.sent()
    assert (to, str(calendar["METHOD"])) == (["anna@work.example"], "REQUEST")

    calendar["METHOD"] = icalendar.vText("REPLY")
    calendar.events[0]["ATTENDEE"].params["PARTSTAT"] = "ACCEPTED"
    house.comes(calendar.to_ical().decode(), "REPLY", 1)
    assert house.do("email.read").state is State.SUCCEEDED
    noted = house.caused()
    assert (noted.route.intent, noted.state) == ("meeting.answered", State.SUCCEEDED)
    (found,) = house.do("meeting.list", title="lunch").reply.data["meetings"]  # type: ignore[union-attr]
    assert found["answers"] == {"Anna Schmidt": "accepted"}


def test_an_invitation_is_accepted_and_is_in_the_calendar(house: House) -> None:
    asked = icalendar.Calendar()
    asked.add("method", "REQUEST")
    event = icalendar.Event()
    event.add("uid", "plan-7@work.example")
    event.add("summary", "plan")
    event.add("dtstart", NOW.replace(day=24, hour=15))
    event.add("dtend", NOW.replace(day=24, hour=16))
    event["ORGANIZER"] = icalendar.vCalAddress("mailto:anna@work.example")
    event.add("attendee", f"mailto:{house.mailbox.user}")
    asked.add_component(event)
    asked.add_missing_timezones()
    house.comes(asked.to_ical().decode(), "REQUEST", 2)

    waits = house.do("email.rsvp", answer="accept", sender=ANNA)
    assert waits.state is State.WAITING_CONFIRMATION
    assert house.do("meeting.list", title="plan").reply.data["meetings"] == []  # type: ignore[union-attr]
    assert house.confirm(waits).state is State.SUCCEEDED
    to, calendar = house.sent()
    assert (to, str(calendar["METHOD"])) == (["anna@work.example"], "REPLY")
    assert calendar.events[0]["ATTENDEE"].params["PARTSTAT"] == "ACCEPTED"
    filed = house.caused()
    assert (filed.route.intent, filed.state) == ("meeting.invited", State.SUCCEEDED)
    (found,) = house.do("meeting.list", title="plan").reply.data["meetings"]  # type: ignore[union-attr]
    assert found["start"] == "2026-11-24T15:30:00+01:00"
    assert len(house.postman.mails) == 1  # a meeting of another's is not ours to tell of
