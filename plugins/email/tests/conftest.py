"""A real Dovecot and a real SMTP server for the tests of the skill."""

from __future__ import annotations

from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from zoneinfo import ZoneInfo

import pytest
from wlm_email.skill import Email

from tests.support.dovecot import BINARY, MISSING, Dovecot
from tests.support.smtp_server import SmtpServer
from wlm.plugins.testing import context

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=ZoneInfo("Europe/Berlin"))  # a Sunday


@pytest.fixture(scope="session")
def dovecot():
    if BINARY is None:
        pytest.skip(MISSING)
    with Dovecot() as running:
        yield running


@pytest.fixture
def mailbox(dovecot):
    return dovecot.fresh()


@pytest.fixture
def postman(mailbox):
    with SmtpServer(mailbox.user, mailbox.password) as running:
        yield running


@pytest.fixture
def settings(mailbox, postman) -> dict:
    return {
        "imap_host": "127.0.0.1", "imap_port": mailbox.port, "imap_security": "none",
        "smtp_port": postman.port, "smtp_security": "none",
        "user": mailbox.user, "password": mailbox.password, "display_name": "Mé",
    }  # fmt: skip


@pytest.fixture
def ctx(settings, tmp_path):
    return context(Email(), tmp_path, now=NOW, settings=settings, offline=False)


@pytest.fixture
def letter():
    """Makes a mail."""

    def make(
        sender: str = "Anna Berg <anna@work.example>",
        subject: str = "Lunch",
        text: str = "Shall we eat at noon?",
        *,
        ago: timedelta = timedelta(hours=1),
        number: int = 1,
        **headers: str,
    ) -> EmailMessage:
        message = EmailMessage()
        given = {"To": "me@home.example", **headers}
        message["From"] = sender
        message["Subject"] = subject
        message["Date"] = format_datetime(NOW - ago)
        if "Message_ID" not in given:
            message["Message-ID"] = f"<{number}.{abs(hash(subject))}@work.example>"
        for name, value in given.items():
            message[name.replace("_", "-")] = value
        message.set_content(text)
        return message

    return make
