"""What could let two workers be in one event at once, each cause by itself."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from sqlalchemy import update

from faults import kill, workload
from tests.support.lab import Clock, Lab, dead_worker
from wlm import config
from wlm.events import worker
from wlm.events.engine import Engine
from wlm.events.recovery import LOSSES
from wlm.events.stock import Stock
from wlm.events.stopwatch import elapsed
from wlm.plugins.manager import Registry
from wlm.store.engine import Store
from wlm.store.tables import events
from wlm.types import Event, Route, State

ME = "local"


def accept(engine: Engine, intent: str = "lab.write", **slots: object) -> Event:
    yes = intent == "lab.send"
    return engine.accept(ME, Route("lab", intent, slots), confirmed=yes)


def test_what_a_handler_is_in_is_not_handed_back(
    store: Store, registry: Registry, settings: config.Settings, clock: Clock, skill: Lab
) -> None:
    engine = Engine(store, registry, settings, clock=clock)
    event = accept(engine, "lab.send", to=["Anna"], text="hang")
    thread = threading.Thread(target=engine.run, args=[event.id])
    thread.start()
    while not engine.runner.running():
        thread.join(0.005)
    assert engine.hand_back() == 0
    assert engine.recover(stopped=True) == 0, "this process lives"
    assert engine.get(ME, event.id).state is State.RUNNING
    skill.gate.set()
    thread.join()
    assert engine.get(ME, event.id).state is State.SUCCEEDED


def test_what_a_stopped_worker_left_comes_back_as_often_as_it_takes(
    engine: Engine, store: Store
) -> None:
    event = accept(engine)
    for _ in range(LOSSES + 1):
        assert engine._ledger.claim(event.id) is not None
        with store.write() as connection:
            connection.execute(update(events).values(worker=dead_worker()))
        assert engine.recover(stopped=True) == 1
    assert engine.get(ME, event.id).state is State.QUEUED, "that it was stopped is not its fault"
    assert engine.history(ME, event.id)[-1].code == "worker_stopped"


def test_a_worker_that_is_heard_of_just_in_time_keeps_its_event(
    store: Store, registry: Registry, settings: config.Settings, clock: Clock
) -> None:
    watch = [0.0]
    looks = Engine(store, registry, settings, clock=clock, stopwatch=lambda: watch[0])
    event = accept(looks)
    row = looks._ledger.claim(event.id)
    assert row is not None
    looks._ledger.lost()
    watch[0] = 60
    seen = looks._ledger.lost()
    assert [one["id"] for one in seen] == [event.id], "it looks lost"
    clock.step(seconds=1)
    assert looks._ledger.extend(row), "but now its worker has the processor again"
    assert looks._recovery._of_one_worker(seen, "worker_lost") == []
    assert looks.get(ME, event.id).state is State.RUNNING


@pytest.mark.parametrize("taken", [True, False])
def test_a_claim_that_got_old_is_looked_at_before_it_is_begun(
    engine: Engine, store: Store, skill: Lab, taken: bool
) -> None:
    accept(engine)
    claim = engine.claim()
    assert claim is not None
    if taken:
        with store.write() as connection:
            connection.execute(update(events).values(lease_token="somebody else's"))
    ran = engine.finish(claim._replace(at=claim.at - 20))
    if taken:
        assert ran is None and skill.calls == [] and not engine.runner.running()
    else:
        assert ran is not None and ran.state is State.SUCCEEDED


def test_what_lay_in_stock_while_the_machine_slept_is_not_begun(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        accept(engine)
    stock = Stock(engine._claims)
    for _ in range(50):
        stock.took(0.001)
    slept = [0.0]
    monkeypatch.setattr("wlm.events.stock.elapsed", lambda: elapsed() + slept[0])
    assert stock.next() is not None
    slept[0] = 3600
    assert stock.next() is None


def test_a_process_that_cannot_be_looked_at_is_not_taken_for_dead(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    me = worker.this_worker()
    monkeypatch.setattr(worker, "_fields", lambda _: [])
    assert not worker.is_dead(me)


def noted(home: Path, runs: str, ended: str) -> int:
    """What the fault program counts for such notes."""
    (home / workload.RUNS).write_text(runs)
    (home / kill.ENDED).write_text(ended)
    return kill.at_once(home)


@pytest.mark.parametrize(
    ("what", "runs", "count"),
    [
        ("one after the other", "e begin 1 7/1\ne end 2 7/1\ne begin 3 8/1\ne end 4 8/1\n", 0),
        ("two processes", "e begin 1 7/1\ne begin 2 8/1\ne end 3 7/1\ne end 4 8/1\n", 1),
        ("two threads of one", "e begin 1 7/1\ne begin 2 7/2\ne end 3 7/1\ne end 4 7/2\n", 1),
        ("the first was killed", "e begin 1 7/1\ne begin 6 8/1\ne end 7 8/1\n", 0),
        (
            "tried again where it was killed, then elsewhere",
            "e begin 1 7/1\ne end 2 7/1\ne begin 3 7/1\ne begin 6 8/1\ne end 7 8/1\n",
            0,
        ),
        ("it was killed only later", "e begin 1 7/1\ne begin 4 8/1\ne end 6 8/1\n", 1),
        ("two events", "e begin 1 7/1\nf begin 2 8/1\ne end 3 7/1\nf end 4 8/1\n", 0),
    ],
)
def test_runs_at_once_are_counted_rightly(tmp_path: Path, what: str, runs: str, count: int) -> None:
    assert noted(tmp_path, runs, "7 5\n8 9\n") == count, what
