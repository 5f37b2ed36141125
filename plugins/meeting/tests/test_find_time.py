"""Free time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plugins.meeting.tests.talk import BERLIN, Talk, at, between, day


@pytest.fixture
def busy(talk: Talk) -> Talk:
    """A Monday with three meetings."""
    talk("create", title="standup", start=at("2026-11-23 09:00"), duration="PT15M")
    talk("create", title="lunch", start=at("2026-11-23 12:00"))
    talk("create", title="review", start=at("2026-11-23 12:30"), duration="PT2H")
    return talk


def free(reply: object) -> list[tuple[str, str]]:
    spans = reply.data["free"]  # type: ignore[attr-defined]
    return [(span["start"][11:16], span["end"][11:16]) for span in spans]


def test_a_day(busy: Talk) -> None:
    reply = busy("find_time", when=day("2026-11-23"))
    assert free(reply) == [("09:15", "12:00"), ("14:30", "18:00")]
    assert reply.speech == "You are free tomorrow from 9:15 am to noon and from 2:30 to 6 pm."


def test_long_enough(busy: Talk) -> None:
    assert free(busy("find_time", when=day("2026-11-23"), duration="PT3H")) == [("14:30", "18:00")]
    reply = busy("find_time", when=day("2026-11-23"), duration="PT4H")
    assert reply.speech == "You have no 4 hours free tomorrow."


def test_part_of_a_day_is_taken_as_said(busy: Talk) -> None:
    evening = between("2026-11-23 18:00", "2026-11-23 22:00")
    assert free(busy("find_time", when=evening)) == [("18:00", "22:00")]


def test_a_weekend_only_if_it_was_said(busy: Talk) -> None:
    week = busy("find_time", when=day("2026-11-23", 7))
    assert {span["start"][8:10] for span in week.data["free"]} == {"23", "24", "25", "26", "27"}
    weekend = busy("find_time", when=day("2026-11-28", 2))
    assert {span["start"][8:10] for span in weekend.data["free"]} == {"28", "29"}


def test_yes_or_no(busy: Talk) -> None:
    reply = busy("find_time", when=between("2026-11-23 10:00", "2026-11-23 11:00"))
    assert reply.speech == "Yes, you are free tomorrow from 10 to 11 am."
    reply = busy("find_time", when=between("2026-11-23 14:00", "2026-11-23 15:00"))
    assert reply.speech == "No, tomorrow from 2 to 3 pm you have review until 2:30 pm."


def test_other_people_are_not_known(busy: Talk) -> None:
    reply = busy("find_time", when=day("2026-11-23"), people=["Anna", "Tom"])
    assert reply.speech.endswith("That is your own calendar; I cannot see that of Anna or Tom.")
    assert "own calendar" not in busy("find_time", when=day("2026-11-23")).speech


def test_all_day_is_named_and_leaves_the_time(busy: Talk) -> None:
    busy("create", title="vacation", when=day("2026-11-24", 2))
    reply = busy("find_time", when=day("2026-11-24"))
    assert free(reply) == [("09:00", "18:00")]
    assert reply.speech.endswith("Note: vacation, from Tuesday to Wednesday.")


def test_nothing_of_the_past(busy: Talk) -> None:
    busy.later("2026-11-23 16:07")
    assert free(busy("find_time", when=day("2026-11-23"))) == [("16:15", "18:00")]
    assert busy("find_time", when=day("2026-11-20")).speech.startswith("There is no time left")


def test_working_hours_are_a_setting(talk_at: Callable[..., Talk]) -> None:
    talk = talk_at(settings={"day_starts": 7, "day_ends": 12})
    assert free(talk("find_time", when=day("2026-11-23"))) == [("07:00", "12:00")]


def test_on_the_day_of_a_change_of_clocks(talk: Talk) -> None:
    talk.later("2026-10-20 09:00")
    assert free(talk("find_time", when=day("2026-10-25"))) == [("09:00", "18:00")]


def test_the_next_week_if_nothing_was_said(busy: Talk) -> None:
    assert len(busy("find_time").data["free"]) == 6


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    taken=st.lists(
        st.tuples(st.integers(0, 40), st.integers(1, 12)), max_size=8, unique_by=lambda t: t[0]
    )
)
def test_free_and_taken_make_the_day(talk: Talk, taken: list[tuple[int, int]]) -> None:
    first = datetime(2026, 11, 23, 8, tzinfo=BERLIN)
    for number, (quarter, length) in enumerate(taken):
        start = first + timedelta(minutes=15 * quarter)
        minutes = timedelta(minutes=15 * length)
        talk("create", title=f"m{number}", start=start, duration=minutes)
    reply = talk("find_time", when=day("2026-11-23"), duration="PT15M")
    for entry in talk.calendar.all():
        talk.calendar.remove(entry)
    quarters = {quarter + n for quarter, length in taken for n in range(length)}
    expected = [q for q in range(4, 40) if q not in quarters]
    found = [
        4 * (start.hour - 8) + start.minute // 15 + n
        for start, end in (
            (datetime.fromisoformat(s["start"]), datetime.fromisoformat(s["end"]))
            for s in reply.data["free"]
        )
        for n in range(int((end - start) / timedelta(minutes=15)))
    ]
    assert found == expected
