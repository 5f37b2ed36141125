"""Every value that crosses a room goes to JSON and back."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wlm import types
from wlm.plugins.slots import parse_duration
from wlm.types import Action, Event, EventRef, Failure, Question, Reply, Route, State, Turn

ROUTE = Route("meeting", "meeting.create", {"title": "lunch", "people": ["Anna"]}, 0.97, "local")
REPLY = Reply("Done.", "Done.\nAll of it.", {"id": "x"})
VALUES = [
    ROUTE,
    REPLY,
    Question("input", "Which Tom?", "who", [{"label": "Tom Baker", "value": {"id": "1"}}]),
    Failure("provider_away", "It is away.", "Try later.", True),
    Event(
        id="e", owner="local", state=State.RETRYING, route=ROUTE, effect="send", attempts=2,
        created_at=datetime(2026, 3, 29, 1, 30, tzinfo=UTC), reply=REPLY,
        error=Failure("provider_away", "It is away."),
    ),
    Turn(
        "t", "c", "lunch with Anna", [Action(ROUTE, EventRef("e", State.SUCCEEDED, 1), REPLY)],
        REPLY, {"total": 12.5},
    ),
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_round_trip(value: types.Json) -> None:
    assert type(value).from_json(value.to_json()) == value
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(value, dataclasses.fields(value)[0].name, None)  # type: ignore[arg-type]


@given(st.text(), st.dictionaries(st.text(), st.integers() | st.text() | st.booleans()))
def test_any_reply_round_trips(text: str, data: dict[str, object]) -> None:
    reply = Reply(text, data=data)
    assert Reply.from_json(reply.to_json()) == reply


def test_a_turn_has_the_published_shape() -> None:
    turn = VALUES[-1].to_dict()
    assert {"id", "conversation", "text", "actions", "timings_ms"} <= turn.keys()
    action = turn["actions"][0]
    assert action.keys() == {"route", "event", "reply"}
    assert action["route"].keys() == {"skill", "intent", "slots", "confidence", "router"}
    assert action["event"].keys() == {"id", "state", "attempts"}
    assert action["reply"].keys() == {"speech", "display", "data"}


def test_ids_sort_by_time_and_do_not_repeat() -> None:
    ids = [types.new_id() for _ in range(5000)]
    assert len(set(ids)) == len(ids)
    assert [i[:10] for i in ids] == sorted(i[:10] for i in ids)


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=400)))
def test_durations_round_trip_to_the_second(value: timedelta) -> None:
    whole = timedelta(seconds=int(value.total_seconds()))
    assert parse_duration(types.iso_duration(whole)) == whole


@pytest.mark.parametrize("text", ["", "P", "PT", "1H", "P1Y", "PT1H banana"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_duration(text)
