"""Turns: saved, found, searched, forgotten, exported, erased."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support import lab
from wlm import config
from wlm.errors import NotFound
from wlm.events.engine import Engine
from wlm.store.engine import Store
from wlm.store.personal import erase, export, forget, remove_recordings
from wlm.store.turns import Turns
from wlm.types import Action, EventRef, Reply, Route, State, Turn, new_id

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


@pytest.fixture
def clock() -> lab.Clock:
    return lab.Clock(NOW)


@pytest.fixture
def turns(store: Store, clock: lab.Clock) -> Turns:
    return Turns(store, clock=clock)


def say(
    turns: Turns, clock: lab.Clock, text: str, owner: str = "me", conversation: str = "c"
) -> Turn:
    clock.step(minutes=1)
    turn = Turn(new_id(), conversation, text, reply=Reply(f"Re: {text}"), timings_ms={"total": 1.5})
    turns.save(owner, turn, {"outcome": "act"})
    return turn


def test_a_turn_comes_back_as_it_was(turns: Turns, clock: lab.Clock) -> None:
    turn = say(turns, clock, "hello")
    found = turns.find("me", turn.id)
    assert found is not None
    assert found.turn == turn and found.decision == {"outcome": "act"}
    assert found.created_at == clock.now and found.created_at.tzinfo is UTC
    action = Action(
        Route("lab", "lab.say", {"text": "x"}), EventRef("e", State.DEAD, 2), Reply("Oh.")
    )
    done = Turn(turn.id, "c", "hello", [action], Reply("Oh.", "oh", {"a": [1]}), {"total": 2.0})
    turns.update("me", done)
    assert turns.find("me", turn.id).turn == done  # type: ignore[union-attr]
    with pytest.raises(NotFound):
        turns.update("you", done)


def test_nobody_finds_the_turns_of_another(turns: Turns, clock: lab.Clock) -> None:
    turn = say(turns, clock, "hello")
    assert turns.find("you", turn.id) is None
    assert turns.last("you") is None
    assert turns.list("you") == turns.search("you", "hello") == []
    with pytest.raises(NotFound):
        turns.list("you", before=turn.id)


def test_the_last_and_the_pages(turns: Turns, clock: lab.Clock) -> None:
    said = [say(turns, clock, f"n {n}", conversation="ab"[n % 2]) for n in range(5)]
    ids = [turn.id for turn in reversed(said)]
    assert turns.last("me").id == ids[0]  # type: ignore[union-attr]
    assert turns.last("me", "b").id == ids[1]  # type: ignore[union-attr]
    assert turns.last("me", "z") is None
    assert [t.id for t in turns.list("me")] == ids
    assert [t.id for t in turns.list("me", limit=2, before=ids[1])] == ids[2:4]
    assert [t.id for t in turns.list("me", conversation="b")] == [ids[1], ids[3]]
    assert [t.id for t in turns.list("me", since=NOW + timedelta(minutes=4))] == ids[:2]


def test_search(turns: Turns, clock: lab.Clock) -> None:
    for n in range(520):  # more than one page of rows
        say(turns, clock, f"filler {n}")
    first = say(turns, clock, "Lunch with ANNA")
    say(turns, clock, "lunch with Straße")
    other = say(turns, clock, "anna, again, about lunch")
    assert [t.id for t in turns.search("me", "lunch anna")] == [other.id, first.id]
    assert [t.id for t in turns.search("me", "LUNCH Anna", limit=1)] == [other.id]
    assert [t.id for t in turns.search("me", "anna", before=other.id)] == [first.id]
    assert turns.search("me", "anna", conversation="d") == []
    assert len(turns.search("me", "strasse")) == 1
    assert [t.text for t in turns.search("me", "filler 0", limit=999)][-1] == "filler 0"
    assert len(turns.search("me", "re:")) == 20, "answers count, too"


@pytest.fixture
def engine(store: Store, settings: config.Settings, clock: lab.Clock) -> Engine:
    with store.write() as connection:
        lab.tables.create_all(connection)
    return Engine(store, lab.registry(), settings, clock=clock)


def act(engine: Engine, turn: Turn, owner: str = "me", **more: object) -> str:
    """An event of the turn, run."""
    event = engine.accept(
        owner,
        Route("lab", "lab.flaky", {}),
        turn=turn.id,
        conversation=turn.conversation,
        **more,  # type: ignore[arg-type]
    )
    return engine.run(event.id).id


def gone(engine: Engine, id_: str, owner: str = "me") -> bool:
    try:
        engine.get(owner, id_)
    except NotFound:
        return True
    return False


def test_forget(turns: Turns, clock: lab.Clock, engine: Engine, store: Store) -> None:
    one, two = say(turns, clock, "one"), say(turns, clock, "two", conversation="d")
    three, yours = say(turns, clock, "three"), say(turns, clock, "yours", owner="you")
    ids = [act(engine, turn) for turn in (one, two, three)]
    theirs = act(engine, yours, owner="you")
    pending = act(engine, one, run_at=clock.now + timedelta(days=1))
    assert forget(store, "me", turn=one.id) == (1, 1, 1, [one.id])
    assert [gone(engine, id_) for id_ in (*ids, pending)] == [True, False, False, False]
    assert [row["table"] for row in export(store, "me")].count("effects") == 2
    assert forget(store, "me", conversation="d").ids == [two.id]
    assert forget(store, "me", since=clock.now + timedelta(days=2)) == (0, 0, 0, [])
    assert forget(store, "me", since=NOW + timedelta(minutes=3)) == (1, 1, 0 + 1, [three.id])
    assert turns.list("me") == []
    assert not gone(engine, theirs, "you") and len(turns.list("you")) == 1
    clock.step(days=2)
    assert [e.state for e in engine.run_due()] == [State.SUCCEEDED]
    assert forget(store, "me") == (0, 1, 0, [])


def test_export_and_erase(turns: Turns, clock: lab.Clock, engine: Engine, store: Store) -> None:
    mine, yours = say(turns, clock, "mine"), say(turns, clock, "yours", owner="you")
    event = act(engine, mine)
    act(engine, yours, owner="you")
    before = list(export(store, "you"))
    rows = list(export(store, "me"))
    names = [row["table"] for row in rows]
    assert set(names) == {"turns", "events", "event_log", "effects", "lab_ledger"}
    assert names.index("events") < names.index("effects"), "parents come first"
    (turn,) = (row["row"] for row in rows if row["table"] == "turns")
    assert turn["text"] == "mine" and turn["decision"] == {"outcome": "act"}
    assert datetime.fromisoformat(turn["created_at"]) == NOW + timedelta(minutes=1)
    assert {row["row"]["owner"] for row in rows} == {"me"}
    counts = erase(store, "me")
    assert counts["turns"] == counts["events"] == counts["effects"] == counts["lab_ledger"] == 1
    assert list(export(store, "me")) == [] and gone(engine, event)
    assert list(export(store, "you")) == before


def test_what_was_forgotten_is_in_no_file(home: Path) -> None:
    from wlm.store.migrate import open_store

    store = open_store(config.load())
    turns = Turns(store)
    turns.save("me", Turn(new_id(), "c", "the quick brown secret"), {})
    files = config.load().paths.data
    assert turns.last("me").text == "the quick brown secret"  # type: ignore[union-attr]
    for _ in range(2):
        assert not any(b"brown" in file.read_bytes() for file in files.rglob("*") if file.is_file())
        erase(store, "me")
    store.close()


def test_recordings_go_with_their_turns(tmp_path: Path) -> None:
    folder = tmp_path / "recordings"
    folder.mkdir()
    for name in "abc":
        (folder / f"{name}.sealed").touch()
    assert remove_recordings(tmp_path, ["a", "z"]) == 1
    assert sorted(path.stem for path in folder.iterdir()) == ["b", "c"]
    assert remove_recordings(tmp_path / "nowhere", ["a"]) == 0
