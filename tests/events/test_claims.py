"""Whose turn it is: tickets, limits, breakers, and the look before a second send."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from tests.support.lab import Clock, Lab
from wlm import config
from wlm.events import breaker
from wlm.events.engine import Engine
from wlm.events.witness import Witness
from wlm.plugins.manager import Registry
from wlm.store.engine import Store
from wlm.store.tables import events
from wlm.types import Event, Route, State

ME = "local"
START = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def accept(engine: Engine, owner: str = ME, priority: int = 0, **slots: object) -> Event:
    return engine.accept(owner, Route("lab", "lab.say", {"text": "x", **slots}), priority=priority)


def order(engine: Engine) -> list[str]:
    """Owners in the order in which their events are taken and run."""
    taken = []
    while (claim := engine.claim()) is not None:
        taken.append(claim.row["owner"])
        engine.finish(claim)
    return taken


def test_users_take_turns_however_much_one_asks_for(engine: Engine) -> None:
    for _ in range(4):
        accept(engine, "greedy")
    for _ in range(2):
        accept(engine, "modest")
    assert order(engine) == ["greedy", "modest", "greedy", "modest", "greedy", "greedy"]


def test_a_newcomer_does_not_stand_behind_a_flood(engine: Engine) -> None:
    for _ in range(10):
        accept(engine, "greedy")
    for _ in range(5):
        claim = engine.claim()
        assert claim is not None
        engine.finish(claim)
        engine.tend(1)
    accept(engine, "late")
    assert order(engine).index("late") <= 1


def test_background_waits_and_is_not_starved(engine: Engine) -> None:
    slow = accept(engine, "slow", priority=9)
    accept(engine, "quick")
    first = engine.claim()
    assert first is not None and first.row["owner"] == "quick"
    engine.finish(first)
    for _ in range(100):  # somebody urgent is there, always
        engine.tend(1)
        accept(engine, "quick")
        claim = engine.claim()
        assert claim is not None
        engine.finish(claim)
        if claim.row["id"] == slow.id:
            break
    assert engine.get("slow", slow.id).state is State.SUCCEEDED


def test_the_last_thread_can_be_kept_for_the_urgent(engine: Engine) -> None:
    accept(engine, priority=5)
    assert engine.claim(most=4) is None
    accept(engine)
    claim = engine.claim(most=4)
    assert claim is not None and claim.row["priority"] == 0


@pytest.mark.parametrize("name", ["user_limit", "skill_limit"])
def test_so_many_at_once_and_no_more(
    store: Store, registry: Registry, settings: config.Settings, clock: Clock, name: str
) -> None:
    limited = settings._replace(config=settings.config.model_copy(update={name: 2}))
    engine = Engine(store, registry, limited, clock=clock)
    for _ in range(3):
        accept(engine, "one")
    accept(engine, "two")
    claims = [engine.claim() for _ in range(4)]
    owners = [claim.row["owner"] for claim in claims if claim]
    assert owners == (["one", "two", "one"] if name == "user_limit" else ["one", "two"])
    assert claims[0] is not None
    engine.finish(claims[0])
    following = engine.claim()
    assert following is not None and following.row["owner"] == "one"


def test_a_provider_that_is_away_is_left_alone_for_a_while(
    engine: Engine, skill: Lab, clock: Clock
) -> None:
    skill.failures = 1000
    for _ in range(8):
        engine.accept(ME, Route("lab", "lab.flaky", {}))
    other = engine.accept("other", Route("lab", "lab.flaky", {}))
    assert order(engine).count(ME) == breaker.OPENS_AT[True], "then nothing more is tried"
    assert engine.get("other", other.id).state is State.RETRYING, "for others it may be there"
    clock.step(seconds=breaker.FIRST_PAUSE.total_seconds() + 1)
    first = engine.claim()
    assert first is not None and first.row["owner"] == ME
    assert engine.claim() is None, "one may try"
    skill.failures = 0
    engine.finish(first)
    assert order(engine).count(ME) == 2, "it is back"


def test_a_clock_that_is_set_back_keeps_no_breaker_open(engine: Engine, store: Store) -> None:
    now = engine._clock()
    with store.write() as connection:
        for _ in range(5):
            breaker.failed(connection, breaker.Provider("lab"), ME, now + timedelta(hours=1))
    accept(engine)
    assert engine.claim() is not None


@pytest.mark.parametrize("when", ["before it began", "while it ran"])
def test_a_retry_that_a_stepped_clock_put_off_is_due(
    engine: Engine, skill: Lab, clock: Clock, when: str
) -> None:
    skill.failures = 1
    if when == "before it began":
        clock.step(hours=1)
    event = engine.accept(ME, Route("lab", "lab.flaky", {}))
    claim = engine.claim()
    assert claim is not None
    if when == "while it ran":
        clock.step(hours=1)
    retries = engine.finish(claim)
    assert retries is not None and retries.state is State.RETRYING
    clock.step(seconds=5)  # so that it is not further away than a retry may be
    clock.step(hours=-1)
    assert [e.id for e in engine.run_due()] == [event.id]


def test_a_retry_waits_its_pause(engine: Engine, skill: Lab, clock: Clock) -> None:
    skill.failures = 1
    event = engine.accept(ME, Route("lab", "lab.flaky", {"after": 600}))
    retries = engine.run(event.id)
    assert 600 <= (retries.run_at - clock.now).total_seconds() < 660
    assert engine.run_due() == []
    clock.step(seconds=660)
    assert [e.id for e in engine.run_due()] == [event.id]


def test_who_runs_is_told_by_watching_not_by_clocks() -> None:
    watch = [0.0]
    witness = Witness(30, lambda: watch[0])

    def silent(until: float, hours: float = 0) -> set[str]:
        now = START + timedelta(hours=hours)
        row = {"id": "e", "lease_token": "t", "lease_until": START + timedelta(seconds=until)}
        return witness.silent([row], now)  # type: ignore[list-item]

    assert not silent(30)
    assert not silent(30, hours=1), "a clock that is an hour ahead ends no run"
    watch[0] = 29
    assert not silent(30, hours=-1)
    watch[0] = 31
    assert silent(30) == {"e"}, "it has stood still for as long as a lease lasts"
    assert not silent(60), "it was heard of again"


@pytest.mark.parametrize(
    ("text", "state", "calls"),
    [
        ("sent", State.SUCCEEDED, ["look"]),
        ("unsent", State.SUCCEEDED, ["look", "post"]),
        ("who knows", State.WAITING_CONFIRMATION, ["look"]),
    ],
)
def test_the_skill_is_asked_before_a_send_is_repeated(
    engine: Engine,
    store: Store,
    skill: Lab,
    clock: Clock,
    text: str,
    state: State,
    calls: list[str],
) -> None:
    event = engine.accept(ME, Route("lab", "lab.post", {"text": text}), confirmed=True)
    claim = engine.claim()
    assert claim is not None
    with store.write() as connection:
        connection.execute(update(events).values(begun=True))
    clock.step(hours=3)
    assert [e.state for e in engine.run_due()] == [state]
    assert skill.calls == calls
    if state is State.WAITING_CONFIRMATION:
        engine.confirm(ME, event.id)
        assert engine.run(event.id).state is State.SUCCEEDED
        assert skill.calls == ["look", "post"], "the user's word is enough"


def test_what_a_worker_that_ends_gives_back_is_as_it_was(engine: Engine, store: Store) -> None:
    event = accept(engine)
    accept(engine)
    engine.stock._seconds = 0.001
    claim = engine.stock.next()
    assert claim is not None and claim.row["id"] == event.id
    assert engine.hand_back() == 1
    with store.read() as connection:
        rows = connection.execute(select(events.c.state, events.c.attempts, events.c.ticket)).all()
    assert sorted(row[:2] for row in rows) == [("queued", 0), ("running", 1)]
    assert all(row.ticket is not None for row in rows)
