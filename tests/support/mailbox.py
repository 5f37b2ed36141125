"""A mailbox that is set up, at a server that nobody reaches: what is sent is asked about first."""

from __future__ import annotations

import pytest


def set_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on the e-mail skill has its settings."""
    monkeypatch.setenv("WLM_SKILL_EMAIL__IMAP_HOST", "127.0.0.1")
    monkeypatch.setenv("WLM_SKILL_EMAIL__USER", "me@example.org")
    monkeypatch.setenv("WLM_SKILL_EMAIL__PASSWORD", "secret")
