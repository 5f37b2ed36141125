"""A mailbox that is set up: at a server that nobody reaches, or at real ones."""

from __future__ import annotations

import pytest

from tests.support.dovecot import Dovecot
from tests.support.smtp_server import SmtpServer


def set_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on the e-mail skill has settings; nobody reaches that server."""
    monkeypatch.setenv("WLM_SKILL_EMAIL__IMAP_HOST", "127.0.0.1")
    monkeypatch.setenv("WLM_SKILL_EMAIL__USER", "me@example.org")
    monkeypatch.setenv("WLM_SKILL_EMAIL__PASSWORD", "secret")


def at(mailbox: Dovecot, postman: SmtpServer) -> dict[str, str]:
    """Variables of the environment that set the e-mail skill up at these servers."""
    return {
        "WLM_SKILL_EMAIL__IMAP_HOST": "127.0.0.1",
        "WLM_SKILL_EMAIL__IMAP_PORT": str(mailbox.port),
        "WLM_SKILL_EMAIL__IMAP_SECURITY": "none",
        "WLM_SKILL_EMAIL__SMTP_PORT": str(postman.port),
        "WLM_SKILL_EMAIL__SMTP_SECURITY": "none",
        "WLM_SKILL_EMAIL__USER": mailbox.user,
        "WLM_SKILL_EMAIL__PASSWORD": mailbox.password,
    }
