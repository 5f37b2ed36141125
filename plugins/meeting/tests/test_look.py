"""What is answered about the calendar."""

from __future__ import annotations

from datetime import datetime

import pytest

from plugins.meeting.tests.talk import Talk, at, between, day


@pytest.fixture
def busy(talk: Talk) -> Talk:
    """A calendar with a week of meetings."""
    talk(
        "create",
        title="standup",
        start=at("2026-11-23 09:00"),
        duration="PT15M",
        repeat={"rrule": "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"},
    )
    talk("create", title="lunch", people=["Anna Berg"], start=at("2026-11-23 12:00"))
    talk("create", title="review", start=at("2026-11-23 14:00"), location="room 4")
    talk("create", title="dentist", start=at("2026-12-03 08:00"))
    talk("create", title="conference", when=day("2026-11-30", 3))
    talk("remind", title="call mom", start=at("2026-11-23 18:00"))
    return talk


def test_a_day(busy: Talk) -> None:
    reply = busy("list", when=day("2026-11-23"))
    assert reply.speech == (
        "You have 3 meetings and 1 reminder tomorrow: standup at 9 am, "
        "lunch with Anna Berg at noon, review at 2 pm and call mom at 6 pm."
    )
    assert reply.display == (
        "Mon 23 Nov\n"
        "  09:00–09:15  standup (every weekday)\n"
        "  12:00–13:00  lunch with Anna Berg\n"
        "  14:00–15:00  review · room 4\n"
        "  18:00        reminder: call mom"
    )
    assert [m["title"] for m in reply.data["meetings"]] == [
        "standup",
        "lunch",
        "review",
        "call mom",
    ]


def test_part_of_a_day(busy: Talk) -> None:
    reply = busy("list", when=between("2026-11-23 12:00", "2026-11-23 18:00"))
    assert [m["title"] for m in reply.data["meetings"]] == ["lunch", "review"]
    assert "tomorrow from noon to 6 pm" in reply.speech


def test_a_day_in_the_middle_of_something_long(busy: Talk) -> None:
    reply = busy("list", when=day("2026-12-01"))
    assert [m["title"] for m in reply.data["meetings"]] == ["conference", "standup"]
    assert "until Wed 2 Dec" in reply.display


def test_an_empty_day(busy: Talk) -> None:
    reply = busy("list", when=day("2026-11-28"))
    assert reply.speech == "You have no meetings on Saturday."
    assert reply.data["meetings"] == []


def test_at_a_moment(busy: Talk) -> None:
    reply = busy("list", start=at("2026-11-23 12:30"))
    assert reply.speech == "Tomorrow at 12:30 pm you have lunch with Anna Berg until 1 pm."
    assert busy("list", start=at("2026-11-23 16:00")).speech == "You have nothing tomorrow at 4 pm."


@pytest.mark.parametrize(
    ("slots", "title"),
    [
        ({"pick": "next"}, "standup"),
        ({"pick": "next", "people": ["Anna"]}, "lunch"),
        ({"pick": "first", "when": day("2026-11-23")}, "standup"),
        ({"pick": "last", "when": day("2026-11-23")}, "call mom"),
        ({"title": "stand up"}, "standup"),
        ({"title": "my dentist appointment"}, "dentist"),
        ({"title": "dentists"}, "dentist"),
        ({"people": ["anna"]}, "lunch"),
        ({"title": "meeting", "people": ["Anna"]}, "lunch"),
        ({"title": "reminders"}, "call mom"),
    ],
)
def test_finds_what_is_meant(busy: Talk, slots: dict[str, object], title: str) -> None:
    assert busy("list", **slots).data["meetings"][0]["title"] == title


def test_the_next_of_a_series_only_once(busy: Talk) -> None:
    assert len(busy("list", title="standup").data["meetings"]) == 1


def test_with_nothing_said_the_rest_of_today_then_what_comes(busy: Talk) -> None:
    assert busy("list").speech.startswith("Nothing more today. Next is standup, tomorrow")
    busy.later("2026-11-23 12:30")
    found = busy("list").data["meetings"]
    assert [m["title"] for m in found] == ["lunch", "review", "call mom"]


def test_an_empty_calendar(talk: Talk) -> None:
    assert talk("list").speech == "Your calendar is empty from here on."
    assert talk("list", title="dentist").speech == "You have no such meetings coming up."
    assert talk("list", pick="next").speech == "You have no meetings coming up."
    assert talk("list", pick="last").data["meetings"] == []


def test_what_is_over_is_said_so(busy: Talk) -> None:
    busy.later("2027-01-04 10:00")
    reply = busy("list", title="dentist")
    assert reply.speech.startswith("Nothing is coming up. The last one was dentist, on Thursday")
    assert busy("list", pick="last", people=["Anna"]).data["meetings"][0]["title"] == "lunch"


def test_many_are_counted_to_hear_and_shown_to_read(talk: Talk) -> None:
    for hour in range(8, 18):
        talk("create", title=f"call {hour}", start=at(f"2026-11-23 {hour:02}:00"), duration="PT20M")
    reply = talk("list", when=day("2026-11-23"))
    assert reply.speech.startswith("You have 10 meetings tomorrow: call 8 at 8 am")
    assert reply.speech.endswith("and 5 more.")
    assert len(reply.display.splitlines()) == 11


def test_seen_from_another_zone(busy: Talk) -> None:
    away = Talk(busy.folder, timezone="America/New_York")
    assert ("11-23 06:00", "lunch") in away.shown("2026-11-23")
    away("list", when=day("2026-11-23", zone=away.ctx.timezone))


def test_words_for_the_recogniser(busy: Talk) -> None:
    words = busy.skill.vocabulary(busy.ctx)
    assert set(words["title"]) == {
        "standup", "lunch", "review", "dentist", "conference", "call mom",
    }  # fmt: skip
    assert words["person"] == ["Anna Berg"]
    assert words["place"] == ["room 4"]
    busy.later("2026-12-20 09:00")
    assert busy.skill.vocabulary(busy.ctx)["title"] == ["standup"]


def test_a_day_without_series_imports_no_recurrence_library(talk: Talk) -> None:
    import subprocess
    import sys

    code = (
        "import sys; from pathlib import Path; from plugins.meeting.tests.talk import Talk, day;"
        f"t = Talk(Path({str(talk.folder)!r})); t('list', when=day('2026-11-23'));"
        "bad = {'dateutil', 'icalendar', 'recurring_ical_events', 'alembic', 'rapidfuzz'};"
        "sys.exit(', '.join(bad & set(sys.modules)) or 0)"
    )
    talk("create", title="lunch", start=at("2026-11-23 12:00"))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_times_are_compared_by_the_instant(talk: Talk) -> None:
    talk.later("2026-10-24 09:00")
    talk("create", title="second", start="2026-10-25T02:10:00+01:00", duration="PT10M")
    talk("create", title="first", start="2026-10-25T02:30:00+02:00", duration="PT10M")
    assert [title for _, title in talk.shown("2026-10-25")] == ["first", "second"]
    begin = datetime.fromisoformat("2026-10-25T02:00:00+01:00")
    found = talk.calendar.between(begin, begin.replace(hour=3))
    assert [o.entry.title for o in found] == ["second"]


def test_reminders_alone(busy: Talk) -> None:
    said = busy("list", kind="reminders", when=day("2026-11-23")).speech
    assert said == "You have 1 reminder tomorrow: call mom at 6 pm."
    assert busy("list", kind="reminders", pick="next").speech.startswith("Next is call mom")
    both = busy("list", kind="both", when=day("2026-11-23")).speech
    assert both.startswith("You have 3 meetings and 1 reminder")
