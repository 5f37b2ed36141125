"""What is made: the entry, the words, what it clashes with, and what is refused or asked."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest

from plugins.meeting.tests.talk import Talk, at, between, day
from wlm.errors import BadRequest


def test_a_meeting_at_a_time(talk: Talk) -> None:
    reply = talk("create", title="lunch", people=["Anna"], start=at("2026-11-23 12:00"))
    assert reply.speech == "Lunch with Anna, tomorrow at noon, is in your calendar."
    assert reply.data["created"] is True
    made = reply.data["meeting"]
    assert (made["title"], made["people"]) == ("lunch", ["Anna"])
    assert (made["start"], made["end"]) == (at("2026-11-23 12:00"), at("2026-11-23 13:00"))
    assert talk.shown("2026-11-23") == [("11-23 12:00", "lunch")]
    assert reply.data["remember"]["meeting"]["id"] == made["id"]


def test_the_length_that_was_said_or_set(talk: Talk, talk_at: Callable[..., Talk]) -> None:
    said = talk("create", title="review", start=at("2026-11-24 14:00"), duration="PT1H30M")
    assert said.speech == "Review, on Tuesday from 2 to 3:30 pm, is in your calendar."
    other = talk_at(settings={"default_minutes": 25}, user="other")
    made = other("create", title="review", start=at("2026-11-24 14:00")).data["meeting"]
    assert made["end"] == at("2026-11-24 14:25")


def test_a_place_is_kept_and_said(talk: Talk) -> None:
    reply = talk("create", title="dinner", start=at("2026-11-24 19:00"), location="Café Nero")
    assert reply.speech == "Dinner, on Tuesday at 7 pm, at Café Nero, is in your calendar."
    assert reply.data["meeting"]["location"] == "Café Nero"


def test_without_a_title_it_is_a_meeting(talk: Talk) -> None:
    reply = talk("create", people=["Anna", "Tom"], start=at("2026-11-23 15:00"))
    assert reply.speech.startswith("Meeting with Anna and Tom, tomorrow at 3 pm")


def test_a_clash_is_named_and_the_meeting_made(talk: Talk) -> None:
    talk("create", title="standup", start=at("2026-11-23 09:00"), duration="PT15M")
    talk("create", title="lunch", people=["Anna"], start=at("2026-11-23 12:00"))
    reply = talk("create", title="review", start=at("2026-11-23 12:30"))
    assert reply.speech.endswith("It clashes with lunch with Anna, tomorrow from noon to 1 pm.")
    assert [clash["title"] for clash in reply.data["clashes"]] == ["lunch"]
    assert len(talk.shown("2026-11-23")) == 3


def test_what_only_touches_does_not_clash(talk: Talk) -> None:
    talk("create", title="lunch", start=at("2026-11-23 12:00"))
    assert talk("create", title="walk", start=at("2026-11-23 13:00")).data["clashes"] == []
    assert talk("create", title="call", start=at("2026-11-23 11:00")).data["clashes"] == []


def test_a_series_clashes_with_what_comes_weeks_later(talk: Talk) -> None:
    talk("create", title="dentist", start=at("2026-12-15 09:30"))
    reply = talk(
        "create",
        title="planning",
        start=at("2026-11-24 09:00"),
        repeat={"rrule": "FREQ=WEEKLY;BYDAY=TU"},
    )
    assert "It clashes with dentist, on Tuesday 15 December" in reply.speech


def test_all_day_entries_and_reminders_do_not_clash(talk: Talk) -> None:
    talk("create", title="birthday", when=day("2026-11-23"))
    talk("remind", title="call mom", start=at("2026-11-23 12:00"))
    assert talk("create", title="lunch", start=at("2026-11-23 12:00")).data["clashes"] == []


def test_said_twice_it_is_made_once(talk: Talk) -> None:
    talk("create", title="lunch", people=["Anna"], start=at("2026-11-23 12:00"))
    reply = talk("create", title="Lunch", people=["anna"], start=at("2026-11-23 12:00"))
    assert reply.data["created"] is False
    assert "already in your calendar" in reply.speech
    assert len(talk.shown("2026-11-23")) == 1


def test_a_repeat_after_a_crash_says_the_same_and_adds_nothing(talk: Talk) -> None:
    slots = {"title": "lunch", "start": at("2026-11-23 12:00")}
    first = talk("create", **slots)
    assert talk.again("create", **slots) == first
    assert len(talk.shown("2026-11-23")) == 1


def test_what_is_over_is_refused(talk: Talk) -> None:
    with pytest.raises(BadRequest, match="has passed; nothing was added") as error:
        talk("create", title="secret lunch", start=at("2026-11-21 12:00"))
    assert "secret" not in error.value.message + error.value.hint
    assert "import" in error.value.hint
    assert talk.shown("2026-11-21") == []


def test_what_runs_now_is_made(talk: Talk) -> None:
    assert talk("create", title="workshop", start=at("2026-11-22 08:30")).data["created"]


def test_a_series_that_began_in_the_past_goes_on(talk: Talk) -> None:
    reply = talk(
        "create", title="yoga", start=at("2026-11-19 18:00"), repeat={"rrule": "FREQ=WEEKLY"}
    )
    assert reply.data["meeting"]["start"] == at("2026-11-26 18:00")


def test_asks_for_a_time_and_offers_free_ones(talk: Talk) -> None:
    talk("create", title="standup", start=at("2026-11-24 09:00"))
    question = talk.asks("create", title="dinner", when=day("2026-11-24"))
    assert (question.slot, question.text) == ("start", "At what time?")
    values = [candidate["value"] for candidate in question.candidates]
    assert values == [at("2026-11-24 10:00"), at("2026-11-24 11:00"), at("2026-11-24 12:00")]
    assert talk.shown("2026-11-24") == [("11-24 09:00", "standup")]
    reply = talk.answer("create", 1, title="dinner", when=day("2026-11-24"))
    assert reply.data["meeting"]["start"] == at("2026-11-24 11:00")


def test_asks_when_if_nothing_was_said(talk: Talk) -> None:
    question = talk.asks("create", title="lunch", people=["Anna"])
    assert (question.slot, question.text) == ("start", "When does it start?")


@pytest.mark.parametrize(
    ("slots", "start", "end"),
    [
        ({"title": "Anna's birthday", "when": day("2026-11-28")}, "2026-11-28", "2026-11-29"),
        ({"title": "vacation", "when": day("2026-12-07", 5)}, "2026-12-07", "2026-12-12"),
        (
            {"title": "x", "when": day("2026-12-07"), "all_day": "all day"},
            "2026-12-07",
            "2026-12-08",
        ),
        (
            {"title": "x", "start": at("2026-12-07 15:00"), "all_day": "all day"},
            "2026-12-07",
            "2026-12-08",
        ),
        (
            {"title": "trip", "when": day("2026-12-07"), "duration": "P3D"},
            "2026-12-07",
            "2026-12-10",
        ),
    ],
)
def test_all_day(talk: Talk, slots: dict[str, object], start: str, end: str) -> None:
    made = talk("create", **slots).data["meeting"]
    assert made["all_day"] is True
    assert (made["start"], made["end"]) == (at(start), at(end))


def test_a_birthday_is_the_same_date_wherever_one_is(talk: Talk) -> None:
    talk("create", title="Anna's birthday", when=day("2026-11-28"))
    away = Talk(talk.folder, timezone="America/Los_Angeles")
    assert away.shown("2026-11-28") == [("11-28 00:00", "Anna's birthday")]
    assert away.shown("2026-11-27") == away.shown("2026-11-29") == []


def test_a_repetition_without_a_time_takes_its_first_day(talk: Talk) -> None:
    reply = talk(
        "create",
        title="gym",
        start=at("2026-11-23 07:00"),
        repeat={"rrule": "FREQ=WEEKLY;BYDAY=TU,TH"},
        duration="PT45M",
    )
    assert reply.speech == (
        "Gym, every Tuesday and Thursday, the first on Tuesday from 7 to 7:45 am, "
        "is in your calendar."
    )
    shown = [start for start, _ in talk.shown("2026-11-23", 14)]
    assert shown == ["11-24 07:00", "11-26 07:00", "12-01 07:00", "12-03 07:00"]


def test_a_repetition_with_an_exception(talk: Talk) -> None:
    talk(
        "create",
        title="choir",
        start=at("2026-11-24 19:00"),
        repeat={
            "rrule": "FREQ=WEEKLY;BYDAY=TU",
            "excluded": [between("2026-12-20", "2027-01-10")],
        },
    )
    shown = [start for start, _ in talk.shown("2026-12-10", 40)]
    assert shown == ["12-15 19:00", "01-12 19:00"]


@pytest.mark.parametrize(
    "rrule",
    [
        "",
        "FREQ=SECONDLY",
        "FREQ=MINUTELY",
        "FREQ=DAILY;INTERVAL=0",
        "rubbish",
        "FREQ=WEEKLY;COUNT=0",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;UNTIL=20200101",
        "FREQ=DAILY;BYDAY=XX",
        "FREQ=WEEKLY;BYEASTER=0",
    ],
)
def test_a_repetition_that_cannot_be_kept_is_refused(talk: Talk, rrule: str) -> None:
    with pytest.raises(BadRequest):
        talk("create", title="x", start=at("2026-11-24 09:00"), repeat={"rrule": rrule})
    assert talk.shown("2026-11-22", 30) == []


def test_a_time_that_is_skipped_or_comes_twice(talk_at: Callable[..., Talk]) -> None:
    talk = talk_at(now=datetime.fromisoformat("2026-03-01 09:00"))
    skipped = talk("create", title="night", start="2026-03-29T02:30:00+01:00")
    assert skipped.data["meeting"]["start"] == "2026-03-29T03:30:00+02:00"
    first = talk("create", title="one", start="2026-10-25T02:30:00+02:00", duration="PT10M")
    second = talk("create", title="two", start="2026-10-25T02:30:00+01:00", duration="PT10M")
    assert first.data["meeting"]["start"] == "2026-10-25T02:30:00+02:00"
    assert second.data["meeting"]["start"] == "2026-10-25T02:30:00+01:00"
    assert second.data["clashes"] == []


def test_nobody_sees_the_calendar_of_another(talk: Talk, talk_at: Callable[..., Talk]) -> None:
    talk("create", title="lunch", start=at("2026-11-23 12:00"))
    other = talk_at(user="other")
    assert other.shown("2026-11-23") == []
    with pytest.raises(BadRequest):
        other("cancel", title="lunch")
    assert len(talk.shown("2026-11-23")) == 1
