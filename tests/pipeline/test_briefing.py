"""What is to be done again and again: understood, scheduled, told, stopped."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from wlm import Assistant
from wlm.types import State, Turn

BERLIN = ZoneInfo("Europe/Berlin")


class Clock:
    """The time that the assistant sees: a Wednesday."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 25, 10, 0, tzinfo=BERLIN)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def assistant(home: Path, clock: Clock) -> Iterator[Assistant]:
    with Assistant(clock=clock, timezone="Europe/Berlin", offline=True) as made:
        yield made


def intents(turn: Turn) -> list[str]:
    return [action.route.intent for action in turn.actions]


@pytest.mark.parametrize(
    ("text", "rule", "start", "does"),
    [
        (
            "every weekday at eight tell me the weather and the headlines",
            "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
            "2026-11-26T08:00",
            ["weather.forecast", "news.headlines"],
        ),
        ("read me the news every morning", "FREQ=DAILY", "2026-11-25T08:00", ["news.headlines"]),
        ("at half past six every evening tell me the weather", "FREQ=DAILY", "2026-11-25T18:30",
         ["weather.forecast"]),
        ("check my mail every two hours", "FREQ=HOURLY;INTERVAL=2", "2026-11-25T11:00",
         ["email.list"]),
        ("every Monday at 9 what meetings do I have today", "FREQ=WEEKLY;BYDAY=MO",
         "2026-11-30T09:00", ["meeting.list"]),
    ],
)  # fmt: skip
def test_a_repetition_makes_a_schedule(
    assistant: Assistant, text: str, rule: str, start: str, does: list[str]
) -> None:
    turn = assistant.ask(text)
    assert intents(turn) == ["schedule.create"]
    assert turn.actions[0].event.state is State.SUCCEEDED
    (schedule,) = assistant.schedules()
    assert (schedule.rrule, [route.intent for route in schedule.routes]) == (rule, does)
    assert f"{schedule.start:%Y-%m-%dT%H:%M}" == start
    assert "The first time is" in turn.reply.speech


@pytest.mark.parametrize(
    "text",
    [
        "schedule a standup with Anna every Tuesday at nine",
        "remind me every other Tuesday at eight to put the bins out",
        "read me the daily news",
        "what meetings do I have on Mondays",
        "what meetings do I have every Monday",
        "email Anna that I am late every day",
        "every day at 7 am and 6 pm tell me the weather",
        "every day at 8 tell me the weather on Saturday",
        "every",
    ],
)
def test_what_is_none(assistant: Assistant, text: str) -> None:
    assert "schedule.create" not in [route.intent for route in assistant.route(text)]


def test_times_are_those_of_the_day_on_which_it_is_done(assistant: Assistant, clock: Clock) -> None:
    assistant.ask("every evening at 9 what meetings do I have tomorrow")
    for day in (26, 27, 28):
        clock.now = datetime(2026, 11, day - 1, 21, 0, tzinfo=BERLIN)
        assistant.notices()
        newest = assistant.events(limit=1)[0]
        assert newest.route.slots["when"]["start"] == f"2026-11-{day}T00:00:00+01:00"


def test_the_time_is_asked_for(assistant: Assistant) -> None:
    asked = assistant.ask("every day tell me the news")
    assert (asked.reply.speech, assistant.schedules()) == ("At what time?", [])
    done = assistant.ask("at 7:30 am")
    assert done.reply.speech == (
        "Every day at 7:30 am: the news. The first time is tomorrow at 7:30 am."
    )


def test_it_is_told_at_its_time_and_stopped(assistant: Assistant, clock: Clock) -> None:
    assistant.ask("every day at 8 what meetings do I have today")
    assert assistant.notices() == []
    clock.now = datetime(2026, 11, 26, 8, 0, tzinfo=BERLIN)
    (told,) = assistant.notices()
    assert "calendar" in told or "meeting" in told
    assert assistant.notices() == []
    clock.now += timedelta(days=1, hours=2)
    assert assistant.notices()[0].startswith("(due Friday 27 November, 08:00) ")
    assert intents(assistant.ask("stop the daily briefing")) == ["schedule.stop"]
    assert assistant.schedules() == []


def test_which_one(assistant: Assistant) -> None:
    assistant.ask("every weekday at 8 tell me the weather")
    assistant.ask("every weekday at 9 read me the news")
    assert assistant.ask("pause the news briefing").actions[0].event.state is State.SUCCEEDED
    assert [s.state for s in assistant.schedules()] == ["active", "paused"]
    assert "tomorrow at 9 am" in assistant.ask("resume the news briefing").reply.speech
    asked = assistant.ask("stop the daily briefing")
    assert asked.actions[0].event.state is State.WAITING_INPUT
    assistant.ask("the second")
    assert [s.title for s in assistant.schedules()] == ["the weather"]
    assert assistant.ask("stop telling me the weather").reply.speech.startswith("I stopped it")
    nothing = assistant.ask("stop the daily briefing")
    assert nothing.actions[0].event.state is State.FAILED


def test_what_is_scheduled(assistant: Assistant) -> None:
    assert intents(assistant.ask("what do I have scheduled")) == ["meeting.list"]
    assert "nothing" in assistant.ask("list my briefings").reply.speech
    assistant.ask("every weekday at 8 tell me the weather")
    both = assistant.ask("what do I have scheduled")
    assert intents(both) == ["meeting.list", "schedule.list"]
    assert "Every weekday at 8 am: the weather" in both.reply.speech


def test_a_reminder_that_repeats_is_a_schedule(assistant: Assistant, clock: Clock) -> None:
    said = assistant.ask("remind me every other Tuesday at 8 am to put the bins out")
    assert intents(said) == ["meeting.remind"]
    (schedule,) = assistant.schedules()
    assert (schedule.skill, schedule.rrule) == ("meeting", "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU")
    told = []
    for day in (1, 8, 15, 22):
        clock.now = datetime(2026, 12, day, 8, 0, tzinfo=BERLIN)
        told.append(assistant.notices())
    assert told == [["Reminder: put the bins out."], [], ["Reminder: put the bins out."], []]
    clock.now = datetime(2026, 12, 30, 9, 0, tzinfo=BERLIN)
    assert assistant.notices() == ["Reminder, due yesterday at 8 am: put the bins out."]


def test_nonsense_in_the_slots_is_a_clear_error(assistant: Assistant) -> None:
    from wlm.types import Route

    slots = {"repeat": {"rrule": "FREQ=DAILY", "start": "2026-11-26T08:00:00+01:00"}}
    for actions in ("[]", '[{"intent": 1}]', json.dumps([3])):
        route = Route("schedule", "schedule.create", {**slots, "actions": actions})
        event = assistant.engine.run(assistant.engine.accept("local", route).id)
        assert event.state is State.FAILED and event.error is not None
        assert event.error.code == "usage"
