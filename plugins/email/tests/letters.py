"""Mails for the tests, and the time at which they are read."""

from __future__ import annotations

from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from zoneinfo import ZoneInfo

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 22, 9, 30, tzinfo=BERLIN)  # a Sunday


def mail(
    sender: str = "Anna Berg <anna@work.example>",
    subject: str = "Lunch",
    text: str = "Shall we eat at noon?",
    *,
    ago: timedelta = timedelta(hours=1),
    number: int = 1,
    **headers: str,
) -> EmailMessage:
    """A mail to me; ``headers`` as in ``In_Reply_To="<1@work.example>"``."""
    given = {
        "To": "me@home.example",
        "Message_ID": f"<{number}.{abs(hash(subject))}@work.example>",
        **headers,
    }
    message = EmailMessage()
    message["From"] = sender
    message["Subject"] = subject
    message["Date"] = format_datetime(NOW - ago)
    for name, value in given.items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    return message
