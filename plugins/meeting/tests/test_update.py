"""What is changed: time, length, name, place, people; one occurrence or the series."""

from __future__ import annotations

import pytest

from plugins.meeting.tests.talk import Talk, at, between, day
from wlm.errors import BadRequest


@pytest.fixture
def busy(talk: Talk) -> Talk:
    """A calendar with a series, and meetings of two people."""
    talk(
        "create",
        title="standup",
        start=at("2026-11-23 09:00"),
        duration="PT15M",
        repeat={"rrule": "FREQ=WEEKLY;BYDAY=MO,WE"},
    )
    talk("create", title="lunch", people=["Anna"], start=at("2026-11-27 12:00"))
    talk("create", title="sync", people=["Tom"], start=at("2026-11-27 15:00"), duration="PT30M")
    return talk


def test_to_a_time_on_a_day(busy: Talk) -> None:
    slots = {"people": ["Tom"], "start": at("2026-11-27 16:00")}
    reply = busy("update", **slots, old=between("2026-11-27 15:00", "2026-11-27 16:00"))
    assert reply.speech == "Sync with Tom is now on Friday at 4 pm."
    assert reply.data["before"]["start"] == at("2026-11-27 15:00")
    assert busy.shown("2026-11-27") == [("11-27 12:00", "lunch"), ("11-27 16:00", "sync")]
    assert busy.again("update", **slots) == reply


def test_a_clock_time_alone_keeps_the_day(busy: Talk) -> None:
    """The filler gives the next 4 o'clock, which is today; lunch is on Friday and stays there."""
    reply = busy("update", title="lunch", start=at("2026-11-22 16:00"))
    assert reply.data["meeting"]["start"] == at("2026-11-27 16:00")


def test_a_day_that_was_said_is_taken(busy: Talk) -> None:
    reply = busy("update", title="lunch", start=at("2026-11-24 13:00"))
    assert reply.data["meeting"]["start"] == at("2026-11-24 13:00")
    near = at("2026-11-22 16:00")
    reply = busy("update", title="lunch", start=near, when=day("2026-11-22"))
    assert reply.data["meeting"]["start"] == near


def test_to_another_day_keeps_the_clock_time(busy: Talk) -> None:
    reply = busy("update", title="lunch", when=day("2026-11-30"))
    assert reply.data["meeting"]["start"] == at("2026-11-30 12:00")
    assert reply.data["meeting"]["end"] == at("2026-11-30 13:00")


def test_to_part_of_a_day_asks_for_the_time(busy: Talk) -> None:
    afternoon = between("2026-11-27 14:00", "2026-11-27 18:00")
    question = busy.asks("update", title="lunch", when=afternoon)
    assert question.slot == "start"
    assert question.candidates[0]["value"] == at("2026-11-27 14:00")
    assert at("2026-11-27 15:00") not in [c["value"] for c in question.candidates]


@pytest.mark.parametrize(
    ("slots", "start", "end"),
    [
        ({"duration": "PT2H"}, "12:00", "14:00"),
        ({"duration": "PT30M", "change": "longer"}, "12:00", "13:30"),
        ({"duration": "PT15M", "change": "shorter"}, "12:00", "12:45"),
        ({"duration": "PT30M", "change": "later"}, "12:30", "13:30"),
        ({"duration": "PT1H", "change": "earlier"}, "11:00", "12:00"),
        ({"start": at("2026-11-27 13:00"), "duration": "PT90M"}, "13:00", "14:30"),
    ],
)
def test_length_and_shifts(busy: Talk, slots: dict[str, str], start: str, end: str) -> None:
    slots = {k: v.replace("PT90M", "PT1H30M") for k, v in slots.items()}
    made = busy("update", title="lunch", **slots).data["meeting"]
    assert (made["start"], made["end"]) == (at(f"2026-11-27 {start}"), at(f"2026-11-27 {end}"))


def test_nothing_is_left_of_it(busy: Talk) -> None:
    with pytest.raises(BadRequest, match="stays as it was"):
        busy("update", title="lunch", duration="PT1H", change="shorter")
    assert ("11-27 12:00", "lunch") in busy.shown("2026-11-27")


def test_name_place_and_people(busy: Talk) -> None:
    reply = busy("update", title="lunch", new_title="brunch")
    assert reply.speech == "Lunch with Anna is now brunch with Anna, on Friday at noon."
    reply = busy("update", title="brunch", location="Café Nero")
    assert reply.speech.endswith("on Friday at noon, at Café Nero.")
    reply = busy("update", title="brunch", people=["Kofi"])
    assert reply.data["meeting"]["people"] == ["Anna", "Kofi"]


def test_what_was_last_spoken_of(busy: Talk) -> None:
    busy("list", title="sync")
    assert busy("update", start=at("2026-11-27 17:00")).data["meeting"]["title"] == "sync"
    assert busy("update", title="it", duration="PT1H").data["meeting"]["end"] == at(
        "2026-11-27 18:00"
    )


def test_asks_which(busy: Talk) -> None:
    question = busy.asks("update", old=day("2026-11-27"), start=at("2026-11-27 17:00"))
    assert question.slot == "old"
    assert [c["label"] for c in question.candidates] == [
        "lunch with Anna on Friday at noon",
        "sync with Tom on Friday at 3 pm",
    ]
    reply = busy.answer("update", 1, old=day("2026-11-27"), start=at("2026-11-27 17:00"))
    assert reply.data["meeting"]["title"] == "sync"


def test_asks_what_to_change(busy: Talk) -> None:
    assert busy.asks("update", title="lunch").text == "Lunch with Anna: to what time?"


def test_a_clash_is_named(busy: Talk) -> None:
    reply = busy("update", title="lunch", start=at("2026-11-27 14:30"))
    assert reply.speech.endswith("It clashes with sync with Tom, on Friday from 3 to 3:30 pm.")


def test_into_the_past_is_refused(busy: Talk) -> None:
    with pytest.raises(BadRequest, match="stays as it was"):
        busy("update", title="lunch", when=day("2026-11-20"))
    assert ("11-27 12:00", "lunch") in busy.shown("2026-11-27")


def test_one_of_a_series(busy: Talk) -> None:
    reply = busy("update", title="standup", old=day("2026-11-25"), start=at("2026-11-25 10:00"))
    assert reply.speech == "Standup is now on Wednesday at 10 am."
    assert [s for s, _ in busy.shown("2026-11-23", 7) if _ == "standup"] == [
        "11-23 09:00",
        "11-25 10:00",
    ]
    again = busy("update", title="standup", old=day("2026-11-25"), start=at("2026-11-25 11:00"))
    assert again.data["meeting"]["start"] == at("2026-11-25 11:00")
    assert len(busy.calendar.all()) == 4


def test_asks_whether_one_or_all(busy: Talk) -> None:
    slots = {"title": "standup", "start": at("2026-11-23 10:00")}
    question = busy.asks("update", **slots)
    assert question.slot == "scope"
    assert [c["value"] for c in question.candidates] == ["one", "all"]
    busy.answer("update", 0, **slots)
    assert [s for s, t in busy.shown("2026-11-23", 7) if t == "standup"] == [
        "11-23 10:00",
        "11-25 09:00",
    ]


def test_all_of_a_series_with_what_was_changed_in_it(busy: Talk) -> None:
    busy("update", title="standup", old=day("2026-11-25"), start=at("2026-11-25 11:00"))
    busy("cancel", title="standup", when=day("2026-11-30"))
    reply = busy("update", title="standup", start=at("2026-11-23 10:00"), scope="all")
    assert reply.speech.startswith("Standup is now every Monday and Wednesday, the next one")
    shown = [s for s, t in busy.shown("2026-11-23", 15) if t == "standup"]
    assert shown == ["11-23 10:00", "11-25 11:00", "12-02 10:00", "12-07 10:00"]


def test_all_of_a_series_by_way_of_a_changed_one(busy: Talk) -> None:
    busy("update", title="standup", start=at("2026-11-23 11:00"), scope="one")
    busy("update", title="standup", start=at("2026-11-23 08:30"), scope="all")
    shown = [s for s, t in busy.shown("2026-11-23", 7) if t == "standup"]
    assert shown == ["11-23 11:00", "11-25 08:30"]


def test_a_series_to_another_weekday(busy: Talk) -> None:
    busy(
        "create",
        title="yoga",
        start=at("2026-11-24 18:00"),
        repeat={"rrule": "FREQ=WEEKLY;BYDAY=TU"},
    )
    busy("update", title="yoga", when=day("2026-11-26"), scope="all")
    assert [s for s, t in busy.shown("2026-11-23", 14) if t == "yoga"] == [
        "11-26 18:00",
        "12-03 18:00",
    ]


def test_a_series_that_cannot_turn(busy: Talk) -> None:
    busy(
        "create", title="rent", start=at("2026-12-01 08:00"),
        repeat={"rrule": "FREQ=MONTHLY;BYMONTHDAY=1"},
    )  # fmt: skip
    with pytest.raises(BadRequest, match="as a whole"):
        busy("update", title="rent", when=day("2026-12-03"), scope="all")


def test_a_series_is_renamed_as_a_whole(busy: Talk) -> None:
    busy("update", title="standup", old=day("2026-11-25"), start=at("2026-11-25 11:00"))
    busy("update", title="standup", new_title="daily")
    assert {t for _, t in busy.shown("2026-11-23", 14)} == {"daily", "lunch", "sync"}


def test_a_meeting_becomes_a_series(busy: Talk) -> None:
    busy("update", title="sync", repeat={"rrule": "FREQ=WEEKLY;INTERVAL=2"})
    assert [s for s, t in busy.shown("2026-11-23", 30) if t == "sync"] == [
        "11-27 15:00",
        "12-11 15:00",
    ]


def test_all_day_moves_by_days_and_gets_a_time(talk: Talk) -> None:
    talk("create", title="vacation", when=day("2026-12-07", 3))
    made = talk("update", title="vacation", when=day("2026-12-14")).data["meeting"]
    assert (made["start"], made["end"]) == (at("2026-12-14"), at("2026-12-17"))
    made = talk("update", title="vacation", start=at("2026-12-14 10:00")).data["meeting"]
    assert (made["all_day"], made["end"]) == (False, at("2026-12-14 11:00"))


def test_what_is_not_there(busy: Talk) -> None:
    with pytest.raises(BadRequest, match="no such meeting") as error:
        busy("update", title="dentist", start=at("2026-11-23 10:00"))
    assert "dentist" not in str(error.value)
