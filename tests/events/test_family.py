"""What an event came from and what it caused."""

from __future__ import annotations

import pytest

from tests.support import lab
from wlm.errors import NotFound
from wlm.events.engine import Engine
from wlm.types import Event, Route, State


def born(engine: Engine, n: int) -> tuple[Event, list[Event]]:
    """A parent and its children, all of which have run."""
    parent = engine.run(engine.accept("local", Route("lab", "lab.family", {"n": n})).id)
    engine.run_due()
    return parent, [event for event in engine.list("local") if event.parent == parent.id]


def test_a_tree_from_any_of_its_events(engine: Engine) -> None:
    parent, children = born(engine, 3)
    born(engine, 1)
    for event in (parent, *children):
        tree = engine.family("local", event.id)
        assert tree[0] == (0, parent)
        assert {(1, child.id) for child in children} == {(d, e.id) for d, e in tree[1:]}
    with pytest.raises(NotFound):
        engine.family("somebody else", parent.id)


def test_a_long_line_is_cut(engine: Engine, clock: lab.Clock) -> None:
    """A daily event that emits the next one, for a month."""
    engine.run(engine.accept("local", Route("lab", "lab.daily")).id)
    for _ in range(30):
        clock.step(days=1)
        engine.run_due()
    newest = engine.list("local", limit=1)[0]
    tree = engine.family("local", newest.id)
    assert (len(tree), tree[-1]) == (11, (10, newest))


def test_lists_of_several_states_keep_their_order(engine: Engine, clock: lab.Clock) -> None:
    ids = []
    for n in range(9):
        clock.step(seconds=1)
        intent = ("lab.say", "lab.refuse", "lab.ask")[n % 3]
        slots = {"text": "x"} if intent == "lab.say" else {}
        ids.append(engine.run(engine.accept("local", Route("lab", intent, slots)).id).id)
    states = [State.SUCCEEDED, State.FAILED, State.WAITING_INPUT]
    first = engine.list("local", states=states, limit=4)
    rest = engine.list("local", states=states, limit=9, before=first[-1].id)
    assert [e.id for e in [*first, *rest]] == ids[::-1]
    assert [e.id for e in engine.list("local", states=[State.FAILED])] == ids[7::-3]
    assert engine.list("local", skill="other") == []
    assert len(engine.list("local", skill="lab", states=states)) == 9
