"""Events whose worker is gone, and two workers that want the same one."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from tests.support.lab import Clock, Lab, dead_worker, ledger
from wlm import config
from wlm.events.audit import audit
from wlm.events.claims import Claim
from wlm.events.engine import Engine
from wlm.events.ports import RunOver
from wlm.events.retry import LONGEST_SECONDS, delay
from wlm.events.stopwatch import elapsed
from wlm.events.suspects import Suspects
from wlm.events.worker import is_dead, this_worker
from wlm.plugins.manager import Registry
from wlm.store.engine import Store
from wlm.store.tables import events
from wlm.types import Event, Route, State

ME = "local"


def accept(engine: Engine, intent: str, **slots: object) -> Event:
    yes = intent == "lab.send"
    return engine.accept(ME, Route("lab", intent, slots), confirmed=yes)


def abandon(engine: Engine, store: Store, event: Event, **values: object) -> None:
    """Leave the event as a process does that dies while it runs it."""
    assert engine._ledger.claim(event.id) is not None
    if values:
        with store.write() as connection:
            connection.execute(update(events).where(events.c.id == event.id).values(**values))


def test_who_is_dead() -> None:
    me = this_worker()
    node, pid, started = me.split("/")
    assert pid == str(os.getpid()) and not is_dead(me)
    assert is_dead(dead_worker())
    assert is_dead(f"{node}/{pid}/{started}9"), "another process has that number now"
    for unknown in (f"elsewhere/{pid}/1", "", None, f"{node}/x/1"):
        assert not is_dead(unknown)


def test_an_unreaped_process_is_dead() -> None:
    program = "from wlm.events.worker import this_worker; print(this_worker(), flush=True)"
    child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    name = child.stdout.readline().strip()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert is_dead(name)
    child.communicate()


def test_a_lease_that_ended_or_a_dead_worker_frees_the_event(
    engine: Engine, store: Store, clock: Clock
) -> None:
    mine = accept(engine, "lab.write")
    abandon(engine, store, mine)
    assert engine.recover() == 0, "its worker lives and its lease, too"
    assert engine.run_due() == []
    clock.step(hours=3)
    assert engine.recover() == 1
    theirs = accept(engine, "lab.write")
    abandon(engine, store, theirs, worker=dead_worker())
    assert [e.state for e in engine.run_due()] == [State.SUCCEEDED] * 2
    assert [e.code for e in engine.history(ME, theirs.id)][3] == "worker_lost"
    assert engine.get(ME, theirs.id).attempts == 2
    assert list(audit(store)) == []


def test_an_event_that_kills_its_worker_ends_dead(
    engine: Engine, store: Store, clock: Clock
) -> None:
    event = accept(engine, "lab.die")
    for _ in range(3):
        abandon(engine, store, event)
        clock.step(hours=3)
        assert engine.recover() == 1
    dead = engine.get(ME, event.id)
    assert dead.state is State.DEAD and dead.error is not None and "3 times" in dead.error.message
    assert engine.retry(ME, event.id).state is State.QUEUED


def test_of_two_that_were_lost_together_none_is_charged(engine: Engine, store: Store) -> None:
    accept(engine, "lab.write")
    accept(engine, "lab.die")
    first = dead_worker()
    for _ in range(2):
        assert engine.claim() is not None
    with store.write() as connection:
        connection.execute(update(events).values(worker=first))
    assert engine.recover() == 2
    assert engine.claim(suspects=Suspects.NOT) is None, "nothing may run beside a suspect"
    for _ in range(4):  # if they do run together all the same, nobody learns anything
        assert [engine.claim(suspects=Suspects.ONLY) is not None for _ in range(2)] == [True] * 2
        with store.write() as connection:
            connection.execute(update(events).values(worker=first))
        assert engine.recover() == 2
    with store.read() as connection:
        rows = connection.execute(select(events.c.state, events.c.losses)).all()
    assert [tuple(row) for row in rows] == [("queued", 1)] * 2


def test_alone_a_suspect_shows_which_one_it_was(engine: Engine, store: Store) -> None:
    innocent, culprit = accept(engine, "lab.write"), accept(engine, "lab.die")
    gone = dead_worker()
    for _ in range(2):
        assert engine.claim() is not None
    with store.write() as connection:
        connection.execute(update(events).values(worker=gone))
    assert engine.recover() == 2
    while (claim := engine.claim(suspects=Suspects.ONLY)) is not None:
        if claim.row["id"] == innocent.id:
            engine.finish(claim)
            continue
        abandoned = update(events).where(events.c.id == culprit.id).values(worker=gone)
        with store.write() as connection:
            connection.execute(abandoned)
        assert engine.recover() == 1
    assert engine.get(ME, innocent.id).state is State.SUCCEEDED
    dead = engine.get(ME, culprit.id)
    assert dead.state is State.DEAD and dead.error is not None and "3 times" in dead.error.message
    engine.retry(ME, culprit.id)
    assert engine.claim(suspects=Suspects.NOT) is None, "it is run alone by hand, too"
    assert engine.claim(suspects=Suspects.ONLY) is not None


def test_a_try_that_a_neighbour_ended_is_given_again(
    engine: Engine, store: Store, skill: Lab, clock: Clock
) -> None:
    skill.failures = 10
    event = accept(engine, "lab.flaky")
    accept(engine, "lab.write")
    for _ in range(2):
        assert engine.claim() is not None
    with store.write() as connection:
        connection.execute(update(events).values(worker=dead_worker()))
    engine.recover()
    ran = []
    while engine.get(ME, event.id).state is not State.DEAD:
        clock.step(hours=1)
        ran.append(engine.run(event.id).state)
    assert ran == [State.RETRYING, State.RETRYING, State.DEAD], "all tries that its intent has"


def test_a_send_that_was_begun_is_never_repeated_blindly(
    engine: Engine, store: Store, clock: Clock
) -> None:
    before = accept(engine, "lab.send", to=["Anna"], text="before")
    begun = accept(engine, "lab.send", to=["Anna"], text="begun")
    abandon(engine, store, before)
    abandon(engine, store, begun, begun=True)
    clock.step(hours=3)
    assert engine.recover() == 2
    assert engine.get(ME, before.id).state is State.QUEUED, "nothing was sent yet"
    ran = {event.id: event for event in engine.run_due()}
    assert ran[before.id].state is State.SUCCEEDED
    asked = ran[begun.id]  # the skill was asked to look, and did not know either
    assert asked.state is State.WAITING_CONFIRMATION and asked.question is not None
    assert "not known whether it was done" in asked.question.text
    assert "Send begun to Anna?" in asked.question.text
    engine.confirm(ME, begun.id)
    assert engine.run(begun.id).state is State.SUCCEEDED


def test_a_send_that_crashed_asks_before_it_is_retried(engine: Engine) -> None:
    event = accept(engine, "lab.send", to=["Anna"], text="crash")
    assert engine.run(event.id).state is State.FAILED
    engine.retry(ME, event.id)
    asked = engine.run(event.id)
    assert asked.state is State.WAITING_CONFIRMATION and asked.question is not None
    assert "not known whether it was done" in asked.question.text
    again = engine.run(event.id)
    assert again.question == asked.question


def test_a_lost_event_of_a_lost_skill_still_asks(
    engine: Engine, store: Store, clock: Clock, registry: Registry
) -> None:
    event = accept(engine, "lab.send", to=["Anna"], text="x")
    abandon(engine, store, event, begun=True)
    registry.skills.clear()
    clock.step(hours=3)
    engine.recover()
    assert engine.get(ME, event.id).state is State.WAITING_CONFIRMATION


def test_an_accepted_row_is_queued(engine: Engine, store: Store) -> None:
    event = accept(engine, "lab.write")
    with store.write() as connection:
        connection.execute(update(events).values(state="accepted"))
    assert engine.recover() == 1
    assert engine.run(event.id).state is State.SUCCEEDED


def test_a_long_run_keeps_its_lease(
    store: Store, registry: Registry, settings: config.Settings, skill: Lab, clock: Clock
) -> None:
    engine = Engine(store, registry, settings, clock=clock, lease=30, beat=0.02)
    event = accept(engine, "lab.send", to=["Anna"], text="hang")
    runner = threading.Thread(target=engine.run, args=[event.id])
    runner.start()

    def lease() -> object:
        with store.read() as connection:
            return connection.execute(select(events.c.lease_until)).scalar_one()

    while (first := lease()) is None:
        runner.join(0.01)
    clock.step(seconds=29)
    while lease() == first:
        runner.join(0.01)
    clock.step(seconds=29)
    assert engine.recover() == 0
    skill.gate.set()
    runner.join()
    assert engine.get(ME, event.id).state is State.SUCCEEDED


def test_a_run_that_was_taken_over_may_not_finish(
    engine: Engine, store: Store, skill: Lab, clock: Clock
) -> None:
    event = accept(engine, "lab.write")
    row = engine._ledger.claim(event.id)
    assert row is not None
    clock.step(hours=3)
    assert [e.state for e in engine.run_due()] == [State.SUCCEEDED]
    late = engine._contexts.for_run(row, engine._intake.accept_child)
    with pytest.raises(RunOver):
        late.once("line", lambda: 1)
    with pytest.raises(RunOver):
        late.db.insert(ledger, {"event": event.id, "what": "late"})
    assert engine.runner.run(Claim(row, troubled=True, at=elapsed())) is None
    assert engine.get(ME, event.id).state is State.SUCCEEDED


def test_many_workers_run_each_event_once(
    engine: Engine, store: Store, registry: Registry, settings: config.Settings, clock: Clock
) -> None:
    ids = {accept(engine, "lab.write").id for _ in range(12)}
    ran: list[str] = []

    def work() -> None:
        ran.extend(e.id for e in Engine(store, registry, settings, clock=clock).run_due())

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ran) == sorted(ids)
    with store.read() as connection:
        assert connection.execute(select(func.count()).select_from(ledger)).scalar_one() == 12
    assert list(audit(store)) == []


def test_the_audit_names_what_cannot_be(engine: Engine, store: Store) -> None:
    event = accept(engine, "lab.write")
    with store.write() as connection:
        connection.execute(update(events).values(state="succeeded"))
    complaints = [complaint for id_, complaint in audit(store) if id_ == event.id]
    assert complaints == [
        "succeeded without a reply",
        "ended at no time, or has a time and not ended",
        "is in another state than its history says",
    ]


def test_the_delay_doubles_to_a_cap_and_heeds_the_provider() -> None:
    for attempt in range(1, 30):
        seconds = delay(attempt).total_seconds()
        middle = min(2.0 * 2 ** (attempt - 1), LONGEST_SECONDS)
        assert middle / 2 <= seconds <= middle * 1.5
    assert delay(1, 60) == timedelta(seconds=60)
    assert delay(1, 1e9) == timedelta(hours=1)
    assert len({delay(3) for _ in range(5)}) > 1
