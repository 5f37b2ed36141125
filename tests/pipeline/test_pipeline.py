"""Utterances in, turns out: one process, real skills, a clock that the test holds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.support import mailbox
from wlm import Assistant
from wlm.types import State, Turn

BERLIN = ZoneInfo("Europe/Berlin")


class Clock:
    """The time that the assistant sees."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, 10, 0, tzinfo=BERLIN)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def assistant(home: Path, clock: Clock) -> Iterator[Assistant]:
    with Assistant(clock=clock) as made:
        yield made


@pytest.fixture
def with_mailbox(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mailbox.set_up(monkeypatch)


def only(turn: Turn, state: State) -> dict[str, object]:
    """The slots of the one action of a turn, which is in ``state``."""
    assert [action.event.state for action in turn.actions] == [state], turn
    return turn.actions[0].route.slots


def test_a_request_is_done_and_can_be_asked_for(assistant: Assistant) -> None:
    slots = only(assistant.ask("schedule lunch with Anna tomorrow at noon"), State.SUCCEEDED)
    assert slots == {
        "title": "lunch",
        "people": ["Anna"],
        "start": "2026-11-23T12:00:00+01:00",
    }
    listed = assistant.ask("what meetings do I have tomorrow")
    only(listed, State.SUCCEEDED)
    assert "lunch" in listed.reply.speech.casefold()
    assert "Anna" in listed.reply.speech


def test_a_turn_is_stored_with_its_reasons(assistant: Assistant) -> None:
    turn = assistant.ask("what meetings do I have tomorrow")
    why = assistant.why(turn.actions[0].event.id)
    assert why["turn"] == turn.id
    assert why["decision"]["outcome"] == "act"
    assert why["decision"]["candidates"][0]["intent"] == "meeting.list"
    assert set(turn.timings_ms) == {"transcribe", "route", "skill", "total"}
    stored = assistant.turns.find(assistant.owner, turn.id)
    assert stored is not None
    assert stored.turn == turn


def test_a_missing_slot_is_asked_for_and_the_answer_goes_on(assistant: Assistant) -> None:
    asked = assistant.ask("set up a meeting with Tom")
    only(asked, State.WAITING_INPUT)
    done = assistant.ask("Thursday at three")
    assert done.conversation == asked.conversation
    assert done.actions[0].event.id == asked.actions[0].event.id
    slots = only(done, State.SUCCEEDED)
    assert slots["start"] == "2026-11-26T15:00:00+01:00"


def test_never_mind_drops_what_waits(assistant: Assistant) -> None:
    asked = assistant.ask("set up a meeting with Tom")
    only(assistant.ask("never mind"), State.CANCELLED)
    assert assistant.event(asked.actions[0].event.id).state is State.CANCELLED


def test_a_new_request_leaves_what_waits(assistant: Assistant) -> None:
    asked = assistant.ask("set up a meeting with Tom")
    other = assistant.ask("what meetings do I have tomorrow")
    assert other.actions[0].route.intent == "meeting.list"
    assert assistant.event(asked.actions[0].event.id).state is State.WAITING_INPUT


def test_another_conversation_is_not_continued(assistant: Assistant) -> None:
    asked = assistant.ask("set up a meeting with Tom", conversation="one")
    assistant.ask("Thursday at three", conversation="two")
    assert assistant.event(asked.actions[0].event.id).state is State.WAITING_INPUT


def test_a_conversation_closes_after_a_while(assistant: Assistant, clock: Clock) -> None:
    first = assistant.ask("what meetings do I have tomorrow")
    clock.now += timedelta(minutes=9)
    second = assistant.ask("what meetings do I have on Friday")
    clock.now += timedelta(minutes=11)
    third = assistant.ask("what meetings do I have today")
    assert first.conversation == second.conversation != third.conversation


def test_an_ambiguous_name_is_asked_back_and_chosen(assistant: Assistant) -> None:
    assistant.ask("add Tom Baker to my contacts, phone 030 5550 1111")
    assistant.ask("add Tom Miller to my contacts, phone 030 5550 2222")
    # In the same conversation it would be the Tom just spoken of.
    asked = assistant.ask("what's Tom's phone number", conversation="another")
    only(asked, State.WAITING_INPUT)
    assert len(asked.reply.data["candidates"]) == 2
    answered = assistant.ask("Miller", conversation="another")
    only(answered, State.SUCCEEDED)
    assert "2222" in answered.reply.display.replace(" ", "")


def test_a_send_waits_for_a_yes_with_its_exact_words(
    with_mailbox: None, assistant: Assistant
) -> None:
    assistant.ask("add Anna Berg to my contacts, her email is anna at example dot org")
    asked = assistant.ask("email Anna that I'm running late")
    only(asked, State.WAITING_CONFIRMATION)
    assert "I'm running late" in asked.reply.speech
    assert "Anna" in asked.reply.speech
    refused = assistant.ask("no")
    only(refused, State.CANCELLED)


def test_what_no_skill_serves_gets_an_honest_reply(assistant: Assistant) -> None:
    turn = assistant.ask("how do I prune an apple tree")
    assert turn.actions == []
    assert turn.reply.data["code"] == "not_understood"


@pytest.mark.parametrize(
    "text", ["", "   ", "?!", "🦊🦊🦊", "一二三四", "x" * 50_000, "'; DROP TABLE events; --"]
)
def test_odd_text_does_nothing(assistant: Assistant, text: str) -> None:
    assert assistant.ask(text).actions == []


def test_several_actions_in_the_order_they_were_said(assistant: Assistant) -> None:
    turn = assistant.ask(
        "schedule lunch with Anna tomorrow at noon and remind me to call mum on Friday at nine"
    )
    assert [a.route.intent for a in turn.actions] == ["meeting.create", "meeting.remind"]
    assert [a.event.state for a in turn.actions] == [State.SUCCEEDED] * 2


def test_a_reminder_is_told_when_it_is_due_and_once(assistant: Assistant, clock: Clock) -> None:
    only(assistant.ask("remind me to water the plants tomorrow at nine"), State.SUCCEEDED)
    assert assistant.notices() == []
    clock.now = datetime(2026, 11, 23, 9, 0, 1, tzinfo=BERLIN)
    told = assistant.notices()
    assert len(told) == 1
    assert "water the plants" in told[0]
    assert assistant.notices() == []


def test_route_decides_and_stores_nothing(assistant: Assistant) -> None:
    routes = assistant.route("schedule lunch with Anna tomorrow at noon")
    assert [r.intent for r in routes] == ["meeting.create"]
    assert assistant.events() == []
    assert assistant.turns.last(assistant.owner) is None


def test_no_skill_at_all(home: Path) -> None:
    with Assistant(plugins="-") as assistant:
        turn = assistant.ask("what meetings do I have tomorrow")
    assert turn.actions == []
    assert turn.reply.data["code"] == "skill_missing"
