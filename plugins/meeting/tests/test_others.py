"""When others are busy, and the way to where one meets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from plugins.meeting.tests.talk import Talk, at, between, day
from plugins.meeting.tests.test_find_time import free
from tests.support.http_server import HttpServer


def ics(*components: str) -> bytes:
    """A calendar file."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:test", *components, "END:VCALENDAR", ""]
    return "\r\n".join(lines).encode()


ANNA = ics(
    "BEGIN:VFREEBUSY", "UID:1", "DTSTAMP:20261122T000000Z",
    "FREEBUSY;FBTYPE=BUSY:20261123T080000Z/20261123T100000Z,20261123T120000Z/PT1H",
    "FREEBUSY;FBTYPE=FREE:20261123T140000Z/PT1H",
    "END:VFREEBUSY",
)  # fmt: skip
TOM = ics(
    "BEGIN:VEVENT", "UID:2", "DTSTAMP:20261122T000000Z", "SUMMARY:A secret",
    "DTSTART;TZID=Europe/Berlin:20261102T150000", "DURATION:PT1H", "RRULE:FREQ=WEEKLY",
    "END:VEVENT",
    "BEGIN:VEVENT", "UID:3", "DTSTAMP:20261122T000000Z", "TRANSP:TRANSPARENT",
    "DTSTART;TZID=Europe/Berlin:20261123T110000", "DURATION:PT1H", "END:VEVENT",
)  # fmt: skip


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with HttpServer() as running:
        running.route("/anna.ifb", body=ANNA)
        running.route("/tom.ics", body=TOM)
        running.route("/broken", body=b"no calendar")
        running.route("/down", status=503)
        yield running


@pytest.fixture
def talk(server: HttpServer, tmp_path: Path) -> Talk:
    published = {"anna@acme.example": "/anna.ifb", "Tom Baker": "/tom.ics", "Bob": "/broken",
                 "Cy": "/down"}  # fmt: skip
    text = "; ".join(f"{who}={server.url}{path}" for who, path in published.items())
    settings = {"free_busy": text, "travel_minutes": 30}
    return Talk(tmp_path, settings=settings, offline=False)


ANNA_BERG = {"name": "Anna Berg", "id": "1", "email": "Anna@acme.example"}


def test_the_times_of_all(talk: Talk) -> None:
    reply = talk("find_time", when=day("2026-11-23"), people=[ANNA_BERG, "tom baker"])
    assert free(reply) == [("11:00", "13:00"), ("14:00", "15:00"), ("16:00", "18:00")]
    assert reply.speech.startswith("You, Anna Berg and tom baker are free tomorrow from 11 am")
    assert "secret" not in f"{reply.speech} {reply.display} {reply.data}"


def test_yes_or_no_for_all(talk: Talk) -> None:
    hour = between("2026-11-23 15:00", "2026-11-23 16:00")
    assert talk("find_time", when=hour, people=["Tom Baker"]).speech.startswith(
        "No, you and Tom Baker are not all free tomorrow"
    )
    hour = between("2026-11-23 11:00", "2026-11-23 12:00")
    assert talk("find_time", when=hour, people=["Tom Baker"]).speech.startswith("Yes, you and Tom")


def test_who_is_not_known_or_gives_no_answer_is_named(talk: Talk) -> None:
    reply = talk("find_time", when=day("2026-11-23"), people=[ANNA_BERG, "Bob", "Cy", "Zoe"])
    assert reply.speech.endswith(
        "I cannot see the calendar of Zoe. The calendar of Bob and Cy gave no answer."
    )
    assert reply.data["away"] == ["Bob", "Cy"]


def test_the_way_is_kept_free(talk: Talk) -> None:
    talk("create", title="lunch", start=at("2026-11-23 12:00"), location="Mitte")
    talk("create", title="call", start=at("2026-11-23 15:00"))
    reply = talk("find_time", when=day("2026-11-23"))
    assert free(reply) == [("09:00", "11:30"), ("13:30", "15:00"), ("16:00", "18:00")]
