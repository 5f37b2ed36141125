"""Claiming several events at once, and ending several in one transaction."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from sqlalchemy import func, select, update

from tests.support.lab import Lab
from wlm.errors import StorageFault
from wlm.events import stock as stocks
from wlm.events.claims import Claim, Claims, Limits
from wlm.events.engine import Engine
from wlm.events.stock import Stock
from wlm.events.suspects import Suspects
from wlm.store.engine import Store
from wlm.store.tables import event_log, events
from wlm.types import Event, Route, State

ME = "local"


def accept(engine: Engine, owner: str = ME, priority: int = 0) -> Event:
    return engine.accept(owner, Route("lab", "lab.say", {"text": "x"}), priority=priority)


def owners(claims: list[Claim]) -> list[str]:
    return [claim.row["owner"] for claim in claims]


def test_several_are_taken_at_once_in_the_order_of_their_turns(engine: Engine) -> None:
    for owner in ("a", "a", "b"):
        accept(engine, owner)
    accept(engine, "c", priority=9)
    claims = Claims(engine._ledger, Limits())
    assert owners(claims.next(10, most=4)) == ["a", "b", "a"]
    assert owners(claims.next(10)) == ["c"]
    assert claims.next(10) == []


@pytest.mark.parametrize("limits", [Limits(user=2), Limits(skill=2)])
def test_a_batch_keeps_to_the_limits(engine: Engine, limits: Limits) -> None:
    for _ in range(5):
        accept(engine)
    claims = Claims(engine._ledger, limits)
    first = claims.next(10)
    assert len(first) == 2
    assert claims.next(10) == []
    engine.finish(first[0])
    assert len(claims.next(10)) == 1


def test_what_may_have_ended_a_process_is_not_one_of_many(engine: Engine, store: Store) -> None:
    made = [accept(engine, str(number)) for number in range(3)]
    with store.write() as connection:
        lost = update(events).where(events.c.id == made[1].id).values(losses=1)
        connection.execute(lost)
    claims = Claims(engine._ledger, Limits())
    assert owners(claims.next(10, suspects=Suspects.NOT)) == ["0", "2"]
    assert owners(claims.next(10, suspects=Suspects.ONLY)) == ["1"]


def test_only_quick_events_are_held_in_stock(engine: Engine, store: Store) -> None:
    for _ in range(20):
        accept(engine)
    stock = Stock(Claims(engine._ledger, Limits()))
    running = select(func.count()).where(events.c.lease_token.is_not(None))

    def taken() -> int:
        with store.read() as connection:
            return connection.execute(running).scalar_one()

    assert stock.next() is not None and taken() == 1, "nothing is known of them yet"
    for _ in range(50):
        stock.took(0.002)
    assert stock.next() is not None and taken() > 3
    held = taken()
    assert stock.next() is not None and taken() == held, "from the stock"
    stock.took(0.05)
    back = stock.give_back()
    assert len(back) == held - 3 and taken() == 3
    assert all(engine.get(ME, id_).state is State.QUEUED for id_ in back)
    assert all(engine.get(ME, id_).attempts == 0 for id_ in back), "they were not begun"
    assert stock.next() is not None and taken() == 4, "slow ones are left to others"


def test_threads_that_ask_meanwhile_ask_together(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        accept(engine)
    claims = Claims(engine._ledger, Limits())
    stock, may_go = Stock(claims), threading.Event()
    asked: list[int] = []
    claim_next = claims.next

    def slowly(count: int, **more: Any) -> list[Claim]:
        asked.append(count)
        assert may_go.wait(30)
        return claim_next(count, **more)

    monkeypatch.setattr(claims, "next", slowly)
    found: list[Claim | None] = []
    threads = [threading.Thread(target=lambda: found.append(stock.next())) for _ in range(4)]
    threads[0].start()
    while not asked:
        threads[0].join(0.001)
    for thread in threads[1:]:
        thread.start()
    while not stock._boarding or stock._boarding[9].seats < 3:
        threads[0].join(0.001)
    may_go.set()
    for thread in threads:
        thread.join(30)
    assert asked == [1, 3]
    assert len(found) == 4 and found.count(None) == 1, "there were three"
    assert len({claim.row["id"] for claim in found if claim is not None}) == 3


def test_who_asked_together_with_one_that_fails_asks_again(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    accept(engine)
    claims = Claims(engine._ledger, Limits())
    stock = Stock(claims)

    def fails(*_: Any, **__: Any) -> list[Claim]:
        raise StorageFault("The database is away.", retryable=True)

    with monkeypatch.context() as patch:
        patch.setattr(claims, "next", fails)
        with pytest.raises(StorageFault):
            stock.next()
    assert stock.next() is not None


def test_what_stands_behind_something_slow_is_not_begun_here(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    accept(engine)
    accept(engine)
    stock = Stock(Claims(engine._ledger, Limits()))
    for _ in range(50):
        stock.took(0.001)
    assert stock.next() is not None
    monkeypatch.setattr(stocks, "OLD_SECONDS", 0.0)
    assert stock.next() is None, "it may not be ours any more"
    assert len(stock.give_back(0.0)) == 1
    assert stock.give_back(0.0) == []


def test_a_thread_runs_all_that_is_ready_and_every_end_is_written(
    engine: Engine, store: Store
) -> None:
    made = [accept(engine, str(number % 3)) for number in range(40)]
    gone = made[-1]
    told: list[str] = []

    def taken_away() -> None:
        engine.cancel(gone.owner, gone.id)

    def source(stock: Stock) -> Claim | None:
        claim = stock.next()
        if claim is None:
            # So many have run that their user or skill may have no more at once before their
            # ends are written: a worker waits for a bell here.
            assert engine._endings.flush(30)
            claim = stock.next()
        if claim is not None and claim.row["id"] == gone.id:
            taken_away()
        return claim

    threads = [threading.Thread(target=engine.work, args=[source]) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert engine._endings.flush(30)
    told = [engine.get(event.owner, event.id).state for event in made]
    assert told.count(State.SUCCEEDED) == 39 and told[-1] is State.CANCELLED
    assert engine.runner.running() == []
    with store.read() as connection:
        lines = select(func.count()).where(event_log.c.state == State.SUCCEEDED.value)
        assert connection.execute(lines).scalar_one() == 39


def test_a_handler_that_hangs_is_left_behind_and_the_others_run(engine: Engine, skill: Lab) -> None:
    hung = engine.accept(ME, Route("lab", "lab.hang", {}))
    after = [accept(engine) for _ in range(3)]
    engine.work(lambda stock: stock.next())
    assert engine._endings.flush(30)
    assert engine.get(ME, hung.id).state is State.FAILED
    assert {engine.get(ME, event.id).state for event in after} == {State.SUCCEEDED}
    assert engine.runner.hands.stuck == 1
