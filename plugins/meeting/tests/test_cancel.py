"""What is taken out, and what is asked before."""

from __future__ import annotations

import pytest

from plugins.meeting.tests.talk import Talk, at, between, day
from wlm.errors import BadRequest


@pytest.fixture
def busy(talk: Talk) -> Talk:
    """A calendar with a series, two lunches and a reminder."""
    talk(
        "create",
        title="standup",
        start=at("2026-11-23 09:00"),
        duration="PT15M",
        repeat={"rrule": "FREQ=DAILY;COUNT=4"},
    )
    talk("create", title="lunch", people=["Anna"], start=at("2026-11-23 12:00"))
    talk("create", title="lunch", people=["Tom"], start=at("2026-11-24 12:30"))
    talk("remind", title="call mom", start=at("2026-11-23 18:00"))
    talk.ctx.memory.clear()  # type: ignore[attr-defined]
    return talk


def test_by_person(busy: Talk) -> None:
    reply = busy("cancel", people=["Tom"])
    assert reply.speech == "Lunch with Tom, on Tuesday at 12:30 pm, is cancelled."
    assert busy.shown("2026-11-24") == [("11-24 09:00", "standup")]
    assert busy.again("cancel", people=["Tom"]) == reply


def test_by_time(busy: Talk) -> None:
    busy("cancel", start=at("2026-11-23 12:00"))
    busy("cancel", when=between("2026-11-24 12:00", "2026-11-24 13:00"))
    assert {t for _, t in busy.shown("2026-11-23", 7)} == {"standup", "call mom"}


def test_asks_which_one(busy: Talk) -> None:
    question = busy.asks("cancel", title="lunch")
    assert question.text == (
        "Which one: lunch with Anna tomorrow at noon or lunch with Tom on Tuesday at 12:30 pm?"
    )
    assert question.slot == "start"
    assert len(busy.shown("2026-11-23", 7)) == 7
    busy.answer("cancel", 0, title="lunch")
    assert ("11-23 12:00", "lunch") not in busy.shown("2026-11-23")


def test_asks_by_title_where_times_are_the_same(busy: Talk) -> None:
    busy("create", title="walk", start=at("2026-11-23 12:00"))
    question = busy.asks("cancel", start=at("2026-11-23 12:00"))
    assert question.slot == "title"
    busy.answer("cancel", 1, start=at("2026-11-23 12:00"))
    assert ("11-23 12:00", "walk") not in busy.shown("2026-11-23")


def test_of_two_that_are_the_same_one_goes(talk: Talk) -> None:
    talk("create", title="lunch", start=at("2026-11-23 12:00"))
    talk("create", title="lunch", start=at("2026-11-23 12:00"), repeat={"rrule": "FREQ=WEEKLY"})
    talk("cancel", title="lunch", start=at("2026-11-23 12:00"))
    assert len(talk.shown("2026-11-23")) == 1


def test_the_wrong_day_or_name_asks_for_the_right_one(busy: Talk) -> None:
    question = busy.asks("cancel", title="lunch", people=["Anna"], when=day("2026-11-25"))
    assert question.text == "There is none then. Did you mean lunch with Anna tomorrow at noon?"
    slots = {"title": "lunch", "people": ["Anna"], "when": day("2026-11-25")}
    assert busy.answer("cancel", 0, **slots).data["cancelled"][0]["title"] == "lunch"
    question = busy.asks("cancel", title="dentist", when=day("2026-11-24"))
    assert question.slot == "title"
    assert [c["value"] for c in question.candidates] == ["standup", "lunch"]


def test_nothing_of_the_kind(busy: Talk) -> None:
    with pytest.raises(BadRequest, match="nothing was changed") as error:
        busy("cancel", title="Secret affair")
    assert "ecret" not in error.value.message


def test_a_series_asks_for_one_or_all(busy: Talk) -> None:
    question = busy.asks("cancel", title="standup")
    assert question.text.startswith("Standup repeats. Only the next one, tomorrow at 9 am")
    reply = busy.answer("cancel", 0, title="standup")
    assert reply.speech.endswith("is cancelled. The others stay.")
    assert next(s for s, t in busy.shown("2026-11-23", 7) if t == "standup") == "11-24 09:00"
    busy("cancel", title="standup", scope="all")
    assert "standup" not in {t for _, t in busy.shown("2026-11-23", 7)}


def test_a_day_means_that_occurrence(busy: Talk) -> None:
    busy("cancel", title="standup", when=day("2026-11-25"))
    shown = [s for s, t in busy.shown("2026-11-23", 7) if t == "standup"]
    assert shown == ["11-23 09:00", "11-24 09:00", "11-26 09:00"]


def test_an_occurrence_that_was_moved(busy: Talk) -> None:
    busy("update", title="standup", old=day("2026-11-25"), start=at("2026-11-25 11:00"))
    busy("cancel", title="standup", start=at("2026-11-25 11:00"))
    shown = [s for s, t in busy.shown("2026-11-23", 7) if t == "standup"]
    assert shown == ["11-23 09:00", "11-24 09:00", "11-26 09:00"]


def test_all_within_a_time(busy: Talk) -> None:
    reply = busy("cancel", scope="all", when=day("2026-11-23", 2))
    assert len(reply.data["cancelled"]) == 5
    assert reply.speech.startswith("5 are cancelled: standup tomorrow at 9 am")
    assert [s for s, _ in busy.shown("2026-11-23", 7)] == ["11-25 09:00", "11-26 09:00"]
    assert busy.pending == []


def test_everything_is_not_cancelled_by_three_words(busy: Talk) -> None:
    assert busy.asks("cancel", scope="all").slot == "when"


def test_it(busy: Talk) -> None:
    busy("list", people=["Tom"])
    assert busy("cancel", title="it").data["cancelled"][0]["people"] == ["Tom"]
    question = busy.asks("cancel")
    assert question.text.startswith("Which one: ")


@pytest.mark.parametrize("title", ["all standups", "every standup"])
def test_all_of_a_name_within_a_time(busy: Talk, title: str) -> None:
    reply = busy("cancel", title=title, when=day("2026-11-24", 2))
    assert reply.speech.startswith("2 are cancelled: standup on Tuesday")
    assert [t for _, t in busy.shown("2026-11-23", 7) if t == "standup"] == ["standup", "standup"]
