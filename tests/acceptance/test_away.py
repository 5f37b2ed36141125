"""Each provider away: one plain sentence, exit code 5, and what is kept where something is."""

from __future__ import annotations

import atexit
import os
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support import command
from tests.support.slapd import MISSING, READY

_HELD = socket.socket()
"""Bound, so that no other test gets its port, but nobody listens there."""
_HELD.bind(("127.0.0.1", 0))
atexit.register(_HELD.close)
PORT: int = _HELD.getsockname()[1]
URL = f"http://127.0.0.1:{PORT}"


class Case(NamedTuple):
    """What is asked while what the settings name is away, and what comes of it."""

    arguments: list[str]
    settings: dict[str, str]
    code: int
    words: str


CASES = {
    "weather": Case(
        ["ask", "what's the weather like in Berlin"],
        {"WEATHER__FORECAST_URL": URL, "WEATHER__GEOCODING_URL": URL},
        5,
        "127.0.0.1 cannot be reached.",
    ),
    "news": Case(
        ["ask", "what's in the news"],
        {"NEWS__FEEDS": f"Mine={URL}/feed", "NEWS__ALLOW_PRIVATE": "true"},
        5,
        "127.0.0.1 cannot be reached.",
    ),
    "email": Case(
        ["ask", "do I have new mail"],
        {
            "EMAIL__IMAP_HOST": "127.0.0.1",
            "EMAIL__IMAP_PORT": str(PORT),
            "EMAIL__USER": "me@home.example",
            "EMAIL__IMAP_SECURITY": "none",
            "EMAIL__PASSWORD": "secret-word",
        },
        5,
        "cannot be reached",
    ),
    "meeting: the calendar that is kept here answers": Case(
        ["ask", "what do I have tomorrow"],
        {
            "MEETING__CALDAV_URL": URL,
            "MEETING__CALDAV_USER": "me",
            "MEETING__CALDAV_PASSWORD": "secret-word",
        },
        0,
        "The calendar server",
    ),
    "meeting: a sync that was asked for": Case(
        ["meeting", "sync"],
        {
            "MEETING__CALDAV_URL": URL,
            "MEETING__CALDAV_USER": "me",
            "MEETING__CALDAV_PASSWORD": "secret-word",
        },
        5,
        "127.0.0.1 cannot be reached.",
    ),
    "people: the directory": Case(
        ["ask", "what is Waldemar's phone number"],
        {"PEOPLE__LDAP_URL": f"ldap://127.0.0.1:{PORT}", "PEOPLE__LDAP_BASE": "dc=acme"},
        5,
        "The directory cannot be reached",
    ),
    "people: a sync that was asked for": Case(
        ["people", "sync"],
        {
            "PEOPLE__CARDDAV_URL": URL,
            "PEOPLE__CARDDAV_USER": "me",
            "PEOPLE__CARDDAV_PASSWORD": "secret-word",
        },
        5,
        "127.0.0.1 cannot be reached.",
    ),
}


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(
            case,
            id=name,
            marks=pytest.mark.skipif("LDAP" in str(case) and not READY, reason=MISSING),
        )
        for name, case in CASES.items()
    ],
)
def test_a_provider_that_is_away(case: Case, tmp_path: Path) -> None:
    done = run(case.arguments, case.settings, tmp_path)
    said = f"{done.stdout}\n{done.stderr}"
    assert done.returncode == case.code, said
    assert case.words in said
    assert "Traceback" not in said
    assert "secret-word" not in said


def run(
    arguments: list[str], settings: Mapping[str, str], home: Path
) -> subprocess.CompletedProcess[str]:
    """A command of a fresh home, with settings of skills."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("WLM_")}
    environment |= {f"WLM_SKILL_{name}": value for name, value in settings.items()}
    environment |= {"WLM_HOME": str(home)}
    return command.run(arguments, environment=environment, folder=home)
