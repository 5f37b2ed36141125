"""Providers of a skill: one that is away is left alone, and so many are asked at once."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine as Database
from sqlalchemy import event, func, insert, select, update

from tests.support import far
from tests.support.lab import Clock, dead_worker
from wlm import config
from wlm.errors import ProviderAway, ProviderPaused
from wlm.events import breaker, semaphore
from wlm.events.breaker import Provider
from wlm.events.engine import Engine
from wlm.events.metrics import snapshot
from wlm.events.providers import Providers
from wlm.plugins.manager import Registry
from wlm.store.engine import Store
from wlm.store.tables import breakers, events, permits
from wlm.types import Event, Route, State

ROOT = Path(__file__).parents[2]
TRIES = breaker.OPENS_AT[True]


@pytest.fixture
def registry(store: Store) -> Registry:
    with store.write() as connection:
        far.tables.create_all(connection)
    return far.registry()


@pytest.fixture
def skill(registry: Registry) -> far.Far:
    made = registry.skills["far"].skill
    assert isinstance(made, far.Far)
    return made


def run(engine: Engine, what: str, owner: str = "anna", **slots: object) -> Event:
    return engine.run(engine.accept(owner, Route("far", f"far.{what}", slots)).id)


def wear_out(engine: Engine, skill: far.Far, which: str, owner: str = "anna") -> None:
    """Let one provider fail until it is left alone."""
    skill.dead.add(which)
    for _ in range(TRIES):
        run(engine, "ask", owner, which=which)
    skill.asked.clear()


def test_one_that_is_away_does_not_stop_the_skills_other_one(
    engine: Engine, skill: far.Far
) -> None:
    wear_out(engine, skill, "first")
    refused = run(engine, "ask", which="first")
    assert refused.error is not None and refused.error.code == ProviderPaused.code
    assert refused.state is State.DEAD, "who waits for an answer is told at once"
    assert run(engine, "ask", which="second").state is State.SUCCEEDED
    assert run(engine, "either").state is State.SUCCEEDED
    assert skill.asked == ["second", "second"], "the dead one was asked no more"
    assert engine.claim() is None
    engine.accept("anna", Route("far", "far.ask", {"which": "second"}))
    assert engine.claim() is not None, "nor does the skill as a whole stand still"


def test_it_takes_several_users_to_close_it_for_all(engine: Engine, skill: far.Far) -> None:
    wear_out(engine, skill, "first", "anna")
    run(engine, "ask", "ben", which="first")
    assert skill.asked == ["first"], "for others it may be there"
    wear_out(engine, skill, "first", "ben")
    run(engine, "ask", "carla", which="first")
    assert skill.asked == []


def test_a_dead_account_of_one_user_is_nobody_elses_trouble(engine: Engine, skill: far.Far) -> None:
    skill.dead |= {"mine of anna", "mine of ben", "mine of dora"}
    for owner in ("anna", "ben", "dora"):
        for _ in range(TRIES):
            run(engine, "push", owner)
    skill.asked.clear()
    assert run(engine, "push", "anna").state is State.RETRYING
    assert skill.asked == []
    assert run(engine, "push", "carla").state is State.SUCCEEDED


def test_what_nobody_waits_for_stands_back_and_loses_no_try(
    engine: Engine, skill: far.Far, clock: Clock, store: Store
) -> None:
    skill.dead.add("mine")
    for _ in range(TRIES):
        run(engine, "push")
    skill.asked.clear()
    put_off = run(engine, "push")
    assert (put_off.state, put_off.attempts) == (State.RETRYING, 0)
    assert put_off.run_at - clock() >= breaker.FIRST_PAUSE
    skill.dead.clear()
    clock.step(seconds=1 + 2 * breaker.FIRST_PAUSE.total_seconds())
    engine.run_due()
    assert engine.get("anna", put_off.id).state is State.SUCCEEDED
    with store.read() as connection:
        left = connection.execute(select(func.count()).select_from(breakers)).scalar_one()
    assert left == 0, "nothing counts against it any more"


def test_an_old_event_stands_back_no_more(engine: Engine, skill: far.Far, store: Store) -> None:
    skill.dead.add("mine")
    for _ in range(TRIES):
        run(engine, "push")
    old = engine.accept("anna", Route("far", "far.push"))
    with store.write() as connection:
        long_ago = old.created_at - timedelta(days=2)
        these = update(events).where(events.c.id == old.id)
        connection.execute(these.values(created_at=long_ago, max_attempts=1))
    assert engine.run(old.id).state is State.DEAD


def test_after_the_pause_one_may_try_and_only_one(
    engine: Engine, skill: far.Far, store: Store, clock: Clock
) -> None:
    wear_out(engine, skill, "first")
    clock.step(seconds=breaker.FIRST_PAUSE.total_seconds() + 1)
    first = Provider("far", "first")
    others = Providers(store, clock, 0, 0)
    with contextlib.suppress(ProviderAway), engine._contexts.providers.asked(first, "anna"):
        with pytest.raises(ProviderPaused) as refused, others.asked(first, "anna"):
            pytest.fail("two of them asked")
        raise ProviderAway
    assert refused.value.retry_after is not None
    with pytest.raises(ProviderPaused) as longer, engine._contexts.providers.asked(first, "anna"):
        pass
    assert longer.value.retry_after == 2 * breaker.FIRST_PAUSE.total_seconds()
    clock.step(seconds=longer.value.retry_after + 1)
    with engine._contexts.providers.asked(first, "anna"):
        pass
    skill.dead.clear()
    assert run(engine, "ask", which="first").state is State.SUCCEEDED


def test_a_refusal_is_an_answer(engine: Engine, skill: far.Far, store: Store) -> None:
    skill.dead.add("first")
    for _ in range(TRIES - 1):
        run(engine, "ask")
    skill.dead = {"refuses: first"}
    assert run(engine, "ask").state is State.FAILED
    with store.read() as connection:
        assert connection.execute(select(breakers)).all() == []


def test_a_provider_that_hangs_is_counted_and_not_its_skill(
    engine: Engine, skill: far.Far, store: Store
) -> None:
    run(engine, "hang")
    skill.gate.set()
    with store.read() as connection:
        rows = connection.execute(select(breakers.c.provider, breakers.c.owner)).all()
    assert set(rows) == {("first", "anna"), ("first", breaker.EVERYBODY)}


def test_no_provider_is_asked_inside_a_transaction(engine: Engine, skill: far.Far) -> None:
    assert run(engine, "inside").state is State.FAILED
    assert skill.asked == []


def test_a_clock_that_is_set_back_keeps_none_shut(
    engine: Engine, skill: far.Far, clock: Clock
) -> None:
    clock.step(hours=1)
    wear_out(engine, skill, "first")
    clock.step(hours=-1)
    run(engine, "ask", which="first")
    assert skill.asked == ["first"]


def test_the_figures_name_what_all_share_and_no_users_server(
    engine: Engine, skill: far.Far, store: Store, clock: Clock
) -> None:
    wear_out(engine, skill, "first")
    skill.dead.add("mine")
    for owner in ("anna", "ben"):
        for _ in range(TRIES):
            run(engine, "push", owner)
    assert snapshot(store, clock()).paused == {("far", "first"): 1, ("far", "own"): 2}


def test_a_call_costs_no_statement_where_nothing_is_wrong(
    store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("KEPT_SECONDS", "IDLE_SECONDS", "LEASE_SECONDS"):
        monkeypatch.setattr(semaphore, name, 3600.0)  # however slow this machine is
    providers = Providers(store, clock, 4, 8)
    providers.fresh = 3600.0
    shared, own = Provider("far", "first"), Provider("far", "mine", own=True)
    with providers.asked(shared, "anna"), providers.asked(own, "anna"):
        pass
    said: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        said.append(statement)

    event.listen(Database, "before_cursor_execute", note)
    try:
        for _ in range(20):
            with providers.asked(own, "anna"), providers.asked(shared, "anna"):
                pass
    finally:
        event.remove(Database, "before_cursor_execute", note)
    assert said == [], "the permit is kept for what comes next"
    providers.close()


def test_no_more_at_once_than_may_be(
    store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(semaphore, "PATIENCE_SECONDS", 0.05)
    it, one, two = (
        Provider("far", "it"),
        Providers(store, clock, 2, 2),
        Providers(store, clock, 2, 2),
    )
    with one.asked(it, "anna"), two.asked(it, "ben"):
        with pytest.raises(ProviderPaused, match="as many as may"), one.asked(it, "anna"):
            pytest.fail("three of them asked")
        with one.asked(Provider("far", "another"), "anna"):
            pass
        with one.asked(Provider("far", "it", own=True), "anna"), one.asked(it, "local"):
            pass
    one.close()
    with two.asked(it, "ben"), two.asked(it, "ben"):
        pass
    two.close()
    with store.read() as connection:
        assert connection.execute(select(permits)).all() == [], "all were given back"


def test_who_waits_gets_the_permit_of_who_is_done(
    store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(semaphore, "PATIENCE_SECONDS", 60.0)
    it, providers = Provider("far", "it"), Providers(store, clock, 1, 8)
    got = threading.Event()

    def wait() -> None:
        with providers.asked(it, "ben"):
            got.set()

    with providers.asked(it, "anna"):
        other = threading.Thread(target=wait)
        other.start()
        assert not got.is_set()
    other.join()
    assert got.is_set()
    providers.close()


@pytest.mark.parametrize(
    "why", ["its process is gone", "its lease is over", "the clock was set back"]
)
def test_a_permit_that_nobody_gives_back_comes_back(store: Store, clock: Clock, why: str) -> None:
    ends = {"its lease is over": -1, "the clock was set back": 3600}.get(why, 30)
    row = {"skill": "far", "provider": "it", "number": 0, "holder": "x", "worker": "elsewhere/1/1"}
    if why == "its process is gone":
        row["worker"] = dead_worker()
    with store.write() as connection:
        until = clock() + timedelta(seconds=ends)
        connection.execute(insert(permits).values(**row, until=until))
    providers = Providers(store, clock, 1, 8)
    with providers.asked(Provider("far", "it"), "anna"):
        pass
    providers.close()


def test_the_limit_holds_over_processes(
    settings: config.Settings, store: Store, registry: Registry, database_url: str, home: Path
) -> None:
    names = {
        **os.environ,
        "WLM_HOME": str(home),
        "WLM_DATABASE_URL": database_url,
        "WLM_PROVIDER_LIMIT": "2",
    }
    program = [sys.executable, "-m", "tests.support.far", "4", "3"]
    crowd = [
        subprocess.Popen(program, cwd=ROOT, env=names, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    most = [int(one.communicate()[0]) for one in crowd]
    assert max(most) <= 2
    assert [one.returncode for one in crowd] == [0, 0]
    with store.read() as connection:
        assert connection.execute(select(permits)).all() == []
