"""The one statement that takes events on Postgres: what it takes, what not, and how safely."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.support import lab, postgres
from wlm import config
from wlm.events import breaker
from wlm.events.claims_postgres import take
from wlm.events.engine import Engine
from wlm.events.suspects import Suspects
from wlm.store.migrate import open_store
from wlm.types import Event, Route, State

ME = "local"


@pytest.fixture
def engine(home: object, clock: lab.Clock) -> Iterator[Engine]:
    """An engine on Postgres."""
    settings = config.load({"database_url": postgres.server().database()})
    store = open_store(settings)
    with store.write() as connection:
        lab.tables.create_all(connection)
    yield Engine(store, lab.registry(), settings, clock=clock)
    store.close()


def accept(engine: Engine, intent: str = "lab.say", owner: str = ME) -> Event:
    slots = {"text": "x"} if intent == "lab.say" else {}
    return engine.accept(owner, Route("lab", intent, slots))


def test_only_what_reads_is_claimed_without_waiting_for_the_disk(engine: Engine) -> None:
    reads, writes = accept(engine), accept(engine, "lab.write")
    first = take(engine._ledger, 1, 9, 0, Suspects.NOT)
    assert [row["id"] for row in first.rows] == [reads.id] and first.lightly
    second = take(engine._ledger, 1, 9, 0, Suspects.NOT)
    assert [row["id"] for row in second.rows] == [writes.id] and not second.lightly
    accept(engine)
    accept(engine, "lab.write")
    both = take(engine._ledger, 2, 9, 0, Suspects.NOT)
    assert len(both.rows) == 2 and not both.lightly
    nothing = take(engine._ledger, 2, 9, 0, Suspects.NOT)
    assert nothing.rows == [] and not nothing.lightly and not nothing.hindered


def test_a_claim_stands_in_the_row_and_in_the_history(engine: Engine) -> None:
    event = accept(engine)
    claim = engine.claim()
    assert claim is not None and not claim.troubled and claim.row["slots"] == {"text": "x"}
    assert engine.get(ME, event.id).state is State.RUNNING
    last = engine.history(ME, event.id)[-1]
    assert (last.state, last.attempt, last.worker) == (State.RUNNING, 1, engine._ledger.worker)
    done = engine.finish(claim)
    assert done is not None and done.reply is not None
    assert engine.get(ME, event.id) == done
    assert [e.state for e in engine.history(ME, event.id)][-2:] == [
        State.RUNNING,
        State.SUCCEEDED,
    ]


def test_what_hinders_is_left_to_the_long_way(engine: Engine) -> None:
    accept(engine)
    assert len(take(engine._ledger, 9, 9, 1, Suspects.NOT).rows) == 1
    other = accept(engine, owner="other")
    full = take(engine._ledger, 9, 9, 1, Suspects.NOT)
    assert full.hindered and full.rows == [], "one runs, and no limit allows for more"
    lab = breaker.Provider("lab")
    with engine._store.write() as connection:
        breaker.failed(connection, lab, ME, engine._clock())
    assert take(engine._ledger, 0, 9, 0, Suspects.NOT).rows == []
    with engine._store.write() as connection:
        for _ in range(breaker.OPENS_AT[True]):
            breaker.failed(connection, lab, ME, engine._clock() + timedelta(seconds=1))
    shut = take(engine._ledger, 9, 9, 0, Suspects.NOT)
    assert shut.hindered and shut.rows == []
    claim = engine.claim()
    assert claim is not None and claim.row["id"] == other.id and claim.troubled


def test_the_server_breaks_down_with_a_claim_in_its_memory(engine: Engine) -> None:
    """What the first run does then is refused, and the event runs again to its end."""
    made = accept(engine)
    claim = engine.claim()
    assert claim is not None
    with engine._store.write() as connection:  # as it is after a commit that was lost
        connection.exec_driver_sql(
            "UPDATE events SET state = 'queued', attempts = 0, lease_token = NULL, "
            "lease_until = NULL, worker = NULL, started_at = NULL"
        )
    again = engine.claim()
    assert again is not None and again.row["id"] == made.id
    assert engine.finish(claim) is None
    done = engine.finish(again)
    assert done is not None and done.state is State.SUCCEEDED and done.attempts == 1


def test_statements_are_no_transaction(engine: Engine) -> None:
    with engine._store.write(), pytest.raises(RuntimeError), engine._store.statements():
        pass


def test_a_run_in_a_long_transaction_is_heard_of(engine: Engine, clock: lab.Clock) -> None:
    watch = [0.0]
    settings, registry = engine._settings, engine._registry
    looks = Engine(engine._store, registry, settings, clock=clock, stopwatch=lambda: watch[0])
    event = accept(looks)
    assert looks.claim() is not None and looks.recover() == 0
    with engine._store.aside() as handler:  # its transaction locks the row, so no beat can move it
        handler.exec_driver_sql("SELECT id FROM events FOR UPDATE")
        watch[0] = 40
        assert looks.recover() == 0
    watch[0] = 60
    assert looks.recover() == 0, "its worker has had no time yet to move the lease"
    watch[0] = 80
    assert looks.recover() == 1
    assert looks.get(ME, event.id).state is State.QUEUED
