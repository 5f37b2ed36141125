"""A real Dovecot and a real SMTP server for the tests of the skill."""

from __future__ import annotations

import pytest
from wlm_email.skill import Email

from plugins.email.tests.letters import NOW, mail
from tests.support.dovecot import BINARY, MISSING, Dovecot
from tests.support.smtp_server import SmtpServer
from wlm.plugins.testing import context


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
    return mail
