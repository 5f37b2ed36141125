"""Reminders: the event in the future, its repetition, its end, and alarms of meetings."""

from __future__ import annotations

from datetime import datetime

import pytest

from plugins.meeting.tests.talk import Talk, at, between, day
from wlm.errors import BadRequest


def when(text: str) -> datetime:
    return datetime.fromisoformat(at(text))


def test_at_a_time(talk: Talk) -> None:
    slots = {"title": "call mom", "start": at("2026-11-22 18:00")}
    reply = talk("remind", **slots)
    assert reply.speech == "I will remind you today at 6 pm: call mom."
    (event,) = talk.ports.emitted
    assert (event.intent, event.run_at) == ("meeting.notify", when("2026-11-22 18:00"))
    assert talk.again("remind", **slots) == reply
    assert len(talk.ports.emitted) == 1
    assert talk.due().speech == "Reminder: call mom."
    assert len(talk.ports.emitted) == 1


def test_notify_is_never_routed_to(talk: Talk) -> None:
    spec = talk.skill.intents()["meeting.notify"]
    assert spec.phrases["en"].examples == ()


@pytest.mark.parametrize(
    ("said", "due"),
    [
        (day("2026-11-23"), "2026-11-23 09:00"),
        (between("2026-11-22 18:00", "2026-11-22 22:00"), "2026-11-22 18:00"),
        (day("2026-11-30", 7), "2026-11-30 09:00"),
    ],
)
def test_without_a_clock_time(talk: Talk, said: dict[str, str], due: str) -> None:
    talk("remind", title="call mom", when=said)
    assert talk.pending == [when(due)]


def test_asks_for_what_was_not_said(talk: Talk) -> None:
    assert talk.asks("remind", start=at("2026-11-23 09:00")).text == "Remind you of what?"
    assert talk.asks("remind", title="call mom").text == "When should I remind you?"
    question = talk.asks("remind", title="call mom", when=day("2026-11-22"))
    assert question.text == "At what time should I remind you?"


def test_too_late(talk: Talk) -> None:
    with pytest.raises(BadRequest, match="no reminder was set"):
        talk("remind", title="call mom", start=at("2026-11-22 08:00"))
    assert talk.ports.emitted == []


def test_late_is_said_so(talk: Talk) -> None:
    talk("remind", title="call mom", start=at("2026-11-22 18:00"))
    child = talk.ports.emitted[-1]
    talk.later("2026-11-23 08:00")
    talk.ports.emitted[-1] = child._replace(run_at=talk.ctx.now)
    assert talk.due().speech == "Reminder, due yesterday at 6 pm: call mom."


def test_recurring_is_a_schedule(talk: Talk) -> None:
    talk(
        "remind",
        title="take pills",
        start=at("2026-11-22 20:00"),
        repeat={"rrule": "FREQ=DAILY;COUNT=3"},
    )
    for expected in ("11-22", "11-23", "11-24"):
        assert talk.pending == [when(f"2026-{expected} 20:00")]
        assert talk.fires().speech == "Reminder: take pills."
    assert talk.pending == [] and talk.ports.emitted == []


def test_late_in_a_series_is_said_so(talk: Talk) -> None:
    talk("remind", title="pills", start=at("2026-11-22 20:00"), repeat={"rrule": "FREQ=DAILY"})
    talk.later("2026-11-26 07:00")
    (plan, _) = next(iter(talk.ports.planned.values()))
    assert plan.catch_up is not None and plan.catch_up.days == 7
    (step,) = plan.steps
    due = when("2026-11-25 20:00")
    said = talk.skill.notify(talk.ctx, step.slots["entry"], due)
    assert said.speech == "Reminder, due yesterday at 8 pm: pills."


def test_across_a_change_of_clocks(talk: Talk) -> None:
    talk.later("2026-10-24 07:00")
    talk("remind", title="pills", start=at("2026-10-24 08:00"), repeat={"rrule": "FREQ=DAILY"})
    (first,) = talk.pending
    talk.fires()
    (second,) = talk.pending
    assert second == when("2026-10-25 08:00")
    assert (second - first).total_seconds() == 25 * 3600


def test_one_of_a_series_that_is_moved_is_said_at_its_new_time(talk: Talk) -> None:
    talk("remind", title="pills", start=at("2026-11-22 20:00"), repeat={"rrule": "FREQ=DAILY"})
    talk(
        "update",
        title="pills",
        old=day("2026-11-22"),
        start=at("2026-11-22 21:00"),
    )
    assert talk.ports.planned == {}, "a schedule cannot say that"
    assert talk.pending == [when("2026-11-22 21:00")]
    assert talk.due().speech == "Reminder: pills."
    assert talk.pending[-1] == when("2026-11-23 20:00")


def test_cancelled_and_moved(talk: Talk) -> None:
    talk("remind", title="call mom", start=at("2026-11-22 18:00"))
    talk("update", title="call mom", start=at("2026-11-22 19:00"))
    assert talk.pending == [when("2026-11-22 19:00")]
    talk("cancel", title="reminder to call mom")
    assert talk.pending == []


def test_an_event_that_is_out_of_date_is_silent(talk: Talk) -> None:
    talk("remind", title="call mom", start=at("2026-11-22 18:00"))
    talk("update", title="call mom", start=at("2026-11-22 19:00"))
    assert talk.due(0).speech == ""
    assert len(talk.ports.emitted) == 2


def test_one_of_many_is_cancelled(talk: Talk) -> None:
    talk("remind", title="pills", start=at("2026-11-22 20:00"), repeat={"rrule": "FREQ=DAILY"})
    talk("cancel", title="pills", when=day("2026-11-22"))
    assert talk.pending == [when("2026-11-23 20:00")]
    talk("cancel", scope="all", when=day("2026-11-23", 3))
    assert talk.pending == [when("2026-11-26 20:00")]
    talk("cancel", title="pills", scope="all")
    assert talk.pending == []


def test_said_twice_it_is_set_once(talk: Talk) -> None:
    talk("remind", title="call mom", start=at("2026-11-22 18:00"))
    assert talk("remind", title="Call Mom", start=at("2026-11-22 18:00")).data["created"] is False
    assert len(talk.ports.emitted) == 1


def test_before_a_meeting_also_when_it_moves(talk: Talk) -> None:
    talk("create", title="lunch", people=["Anna"], start=at("2026-11-23 12:00"))
    reply = talk("remind", title="lunch", before="PT30M")
    assert reply.speech == (
        "I will remind you half an hour before lunch with Anna tomorrow at noon."
    )
    assert talk.pending == [when("2026-11-23 11:30")]
    talk("update", title="lunch", start=at("2026-11-23 14:00"))
    assert talk.pending == [when("2026-11-23 13:30")]
    assert talk.due().speech == "Reminder: lunch with Anna today at 2 pm."
    assert talk.shown("2026-11-23") == [("11-23 14:00", "lunch")]


def test_before_each_of_a_series(talk: Talk) -> None:
    talk("create", title="yoga", start=at("2026-11-23 18:00"), repeat={"rrule": "FREQ=DAILY"})
    talk("remind", title="yoga", before="PT1H")
    assert talk.pending == [when("2026-11-23 17:00")]
    assert talk.fires().speech == "Reminder: yoga today at 6 pm."
    assert talk.pending == [when("2026-11-24 17:00")]
    talk("cancel", title="yoga", scope="all")
    assert talk.pending == []


def test_too_late_before_a_meeting(talk: Talk) -> None:
    talk("create", title="lunch", start=at("2026-11-22 09:20"))
    with pytest.raises(BadRequest, match="too late"):
        talk("remind", title="lunch", before="PT30M")
