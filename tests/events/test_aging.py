"""What was said long ago goes, with its recording; what has not ended stays."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest

from tests.support import lab
from wlm import config
from wlm.events.aging import Aging, Old
from wlm.events.engine import Engine
from wlm.plugins.manager import Registry
from wlm.store.engine import Store
from wlm.store.turns import Turns
from wlm.types import Reply, Route, Turn, new_id


@pytest.fixture
def settings(home: Path, database_url: str) -> config.Settings:
    """What is said is kept for a year here; where nothing is set it is kept for ever."""
    return config.load({"database_url": database_url, "keep_turns_days": 365})


def said(store: Store, clock: lab.Clock, owner: str = "local") -> str:
    turn = Turn(new_id(), "main", "a thing", [], Reply("yes"), {})
    Turns(store, clock=clock).save(owner, turn)
    return turn.id


def kept(store: Store, owner: str = "local") -> set[str]:
    return {turn.id for turn in Turns(store).list(owner)}


def record(data: Path, turn: str, clock: lab.Clock) -> Path:
    path = data / "recordings" / f"{turn}.sealed"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"sealed")
    now = clock().timestamp()
    os.utime(path, (now, now))
    return path


def test_the_sweep_removes_what_is_old(engine: Engine, store: Store, clock: lab.Clock) -> None:
    old, others = said(store, clock), said(store, clock, "anna")
    clock.step(days=364)
    recent = said(store, clock)
    engine.upkeep.run()
    assert kept(store) == {old, recent}
    clock.step(days=2)
    assert engine.upkeep.aging.waiting() == Old(2, 0)
    engine.upkeep.run()
    assert kept(store) == {recent}
    assert others not in kept(store, "anna")


def test_nothing_goes_where_nothing_is_set(
    store: Store, registry: Registry, database_url: str, clock: lab.Clock
) -> None:
    plain = config.load({"database_url": database_url})
    with contextlib.closing(Engine(store, registry, plain, clock=clock)) as engine:
        turn = said(store, clock)
        clock.step(days=4000)
        assert engine.upkeep.aging.step() == Old(0, 0) and kept(store) == {turn}


def test_what_has_not_ended_keeps_its_turn(engine: Engine, store: Store, clock: lab.Clock) -> None:
    turn = said(store, clock)
    event = engine.accept("local", Route("lab", "lab.ask"), turn=turn)
    engine.run(event.id)  # it waits to be told something
    clock.step(days=400)
    assert engine.upkeep.aging.step() == Old(0, 0) and kept(store) == {turn}
    engine.cancel("local", event.id)
    assert engine.upkeep.aging.step() == Old(1, 0) and not kept(store)


def test_recordings_go_earlier_and_with_their_turn(
    store: Store, clock: lab.Clock, tmp_path: Path
) -> None:
    turn = said(store, clock)
    path = record(tmp_path, turn, clock)
    both = Aging(store, clock, tmp_path, turn_days=365, recording_days=30)
    like_turns = Aging(store, clock, tmp_path, turn_days=365, recording_days=0)
    never = Aging(store, clock, tmp_path, turn_days=0, recording_days=0)
    clock.step(days=29)
    assert both.all() == Old(0, 0) and path.exists()
    clock.step(days=2)
    assert like_turns.all() == Old(0, 0)
    assert both.waiting() == both.all() == Old(0, 1)
    assert not path.exists() and kept(store) == {turn}
    record(tmp_path, turn, clock)
    clock.step(days=400)
    assert never.all() == Old(0, 0)
    assert like_turns.step().turns == 1 and not path.exists()


def test_it_goes_in_batches(store: Store, clock: lab.Clock, tmp_path: Path) -> None:
    for _ in range(7):
        said(store, clock)
    clock.step(days=1000)
    aging = Aging(store, clock, tmp_path, turn_days=365, recording_days=30)
    assert [aging.step(3).turns for _ in range(4)] == [3, 3, 1, 0]
