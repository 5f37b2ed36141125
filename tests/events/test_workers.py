"""A worker as people run it: whatever a skill does, its event ends and the worker lives."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support import lab, postgres
from tests.support.redis import BINARY, MISSING, RedisServer
from wlm import config
from wlm.events.engine import Engine
from wlm.store.migrate import open_store
from wlm.types import Event, Route, State

ROOT = Path(__file__).parents[2]
ME = "local"


PATIENCE = 300.0
"""Seconds that a machine with too much to do may take to start a process or two."""


@pytest.fixture(scope="module", params=["embedded", "many machines"])
def gate(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    """An engine that leaves its events to a worker, which runs through all tests: with the
    embedded queue, and on Postgres with Redis."""
    with ExitStack() as stack:
        environment = stack.enter_context(pytest.MonkeyPatch.context())
        for name in [name for name in os.environ if name.startswith("WLM_")]:
            environment.delenv(name)
        environment.setenv("WLM_HOME", str(tmp_path_factory.mktemp("crew")))
        if request.param == "many machines":
            if BINARY is None:
                pytest.skip(MISSING)
            redis = stack.enter_context(RedisServer())
            environment.setenv("WLM_DATABASE_URL", postgres.server().database())
            environment.setenv("WLM_QUEUE_URL", redis.url)
        settings = config.load()
        store = open_store(settings)
        with store.write() as connection:
            lab.tables.create_all(connection)
        engine = Engine(store, lab.registry(), settings, leave_to_workers=True)
        worker = subprocess.Popen([sys.executable, "-m", "tests.support.crew"], cwd=ROOT)
        yield engine
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(PATIENCE) == 0, "it drained, and nothing had to be killed"
        engine.close()
        store.close()


def accept(engine: Engine, intent: str, **slots: object) -> Event:
    return engine.accept(ME, Route(intent.partition(".")[0], intent, slots))


def test_whatever_a_skill_does_its_event_ends_and_the_worker_lives(gate: Engine) -> None:
    odd = {
        "no such intent": accept(gate, "lab.nothing"),
        "a skill that was removed": accept(gate, "gone.do"),
        "raises": accept(gate, "lab.crash"),
        "exits": accept(gate, "lab.crash", how="exit"),
        "nonsense": accept(gate, "lab.nonsense"),
        "hangs": accept(gate, "lab.hang"),
        "fills the memory": accept(gate, "lab.fill"),
    }
    ended = {what: gate.wait(event.id, PATIENCE) for what, event in odd.items()}
    told = {what: (e.state, e.error.message if e.error else "") for what, e in ended.items()}
    for what, (state, message) in told.items():
        assert state in (State.FAILED, State.DEAD) and message, (what, state, message)
    assert "did not finish within" in told["hangs"][1]
    assert "MemoryError" in told["fills the memory"][1]
    after = gate.wait(accept(gate, "lab.say", text="hello").id, PATIENCE)
    assert after.state is State.SUCCEEDED
    assert "Anna" not in str(told), "what a foreign exception says is no cause to tell"


def test_what_ends_its_process_takes_no_neighbours_with_it(gate: Engine) -> None:
    innocent = [accept(gate, "lab.linger"), accept(gate, "lab.linger")]
    culprit = accept(gate, "lab.die")
    ended = gate.wait(culprit.id, PATIENCE)
    assert ended.state is State.DEAD and ended.error is not None
    assert "3 times" in ended.error.message
    for event in innocent:
        assert gate.wait(event.id, PATIENCE).state is State.SUCCEEDED
        lost = [e for e in gate.history(ME, event.id) if e.code == "worker_lost"]
        assert len(lost) <= 1, "it ran alone from then on"
    tries = [e.worker for e in gate.history(ME, culprit.id) if e.state is State.RUNNING]
    assert len(set(tries)) == 3, "each of them ended a process"


def test_a_killed_worker_is_replaced_and_its_event_is_not_lost(gate: Engine) -> None:
    first = gate.wait(accept(gate, "lab.write").id, PATIENCE)
    assert first.state is State.SUCCEEDED
    worker = gate.history(ME, first.id)[-1].worker
    assert worker is not None
    os.kill(int(worker.split("/")[1]), signal.SIGKILL)
    again = gate.wait(accept(gate, "lab.write").id, PATIENCE)
    assert again.state is State.SUCCEEDED
    assert gate.history(ME, again.id)[-1].worker != worker


def test_an_event_is_run_when_its_time_has_come(gate: Engine) -> None:
    route = Route("lab", "lab.say", {"text": "x"})
    later = gate.accept(ME, route, run_at=datetime.now(UTC) + timedelta(seconds=1))
    assert later.state is State.QUEUED
    assert gate.wait(later.id, PATIENCE).state is State.SUCCEEDED


def test_who_waits_is_woken(home: Path) -> None:
    settings = config.load()
    store = open_store(settings)
    waits = Engine(store, lab.registry(), settings, leave_to_workers=True)
    runs = Engine(store, lab.registry(), settings)
    event = accept(waits, "lab.say", text="hello")
    woken: list[State] = []
    thread = threading.Thread(target=lambda: woken.append(waits.wait(event.id, 60).state))
    thread.start()
    while not waits._waiting._awaited:
        time.sleep(0.001)
    claim = runs.claim()
    assert claim is not None
    runs.finish(claim)
    thread.join(30)
    assert woken == [State.SUCCEEDED]
    assert waits.wait(accept(waits, "lab.say", text="x").id, 0.01).state is State.QUEUED
    for engine in (waits, runs):
        engine.close()
    store.close()
