"""The figures that the gateway shows."""

from __future__ import annotations

import pytest
from sqlalchemy import delete

from tests.support.lab import Clock, Lab
from wlm.events.engine import Engine
from wlm.events.metrics import snapshot
from wlm.events.overview import Overview
from wlm.store.engine import Store
from wlm.store.tables import events
from wlm.types import Route


def test_the_figures_are_those_of_the_rows(
    engine: Engine, store: Store, skill: Lab, clock: Clock
) -> None:
    say = Route("lab", "lab.say", {"text": "x"})
    assert snapshot(store, clock()).oldest == 0
    done = engine.accept("one", say)
    clock.step(seconds=2)
    engine.run(done.id)
    engine.accept("two", say)
    clock.step(seconds=3)
    engine.accept("three", Route("lab", "lab.write"))
    told = snapshot(store, clock())
    assert told.depth == {("lab.say", "queued"): 1, ("lab.write", "queued"): 1}
    assert told.oldest == 3
    assert told.to_start["lab.say", "succeeded"] == (1, 2.0, 2.0, 2.0)
    assert told.run_time["lab.say", "succeeded"].longest == 0
    assert told.paused == {}
    skill.failures = 5
    for _ in range(5):
        engine.run(engine.accept("one", Route("lab", "lab.flaky")).id)
    assert snapshot(store, clock()).paused == {("lab", ""): 1}


def test_events_are_counted_by_state_and_what_ended_anew_once_an_hour(
    engine: Engine, store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    overview = Overview(store, clock)
    say = Route("lab", "lab.say", {"text": "x"})
    first = engine.run(engine.accept("one", say).id)
    engine.accept("two", say)
    assert overview.states() == {"succeeded": 1, "queued": 1}
    clock.step(seconds=1)
    engine.run(engine.accept("one", say).id)
    engine.run(engine.accept("one", Route("lab", "lab.refuse")).id)
    assert overview.states() == {"succeeded": 2, "failed": 1, "queued": 1}
    with store.write() as connection:
        connection.execute(delete(events).where(events.c.id == first.id))
    assert overview.states()["succeeded"] == 2
    monkeypatch.setattr("wlm.events.overview.COUNTED_SECONDS", 0.0)
    assert overview.states() == {"succeeded": 1, "failed": 1, "queued": 1}
