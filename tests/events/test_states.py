"""The state machine, exhaustively: every pair of states, in the table and in the database."""

from __future__ import annotations

import itertools

import pytest

from wlm.events.engine import Engine
from wlm.events.rows import one
from wlm.events.states import RUNNABLE, TRANSITIONS, sources
from wlm.store.engine import Store
from wlm.store.tables import events
from wlm.types import FINAL_STATES, WAITING_STATES, Route, State, new_id

PAIRS = list(itertools.product(State, State))


def test_the_table_knows_every_state() -> None:
    assert set(TRANSITIONS) == set(State)
    for state, target in PAIRS:
        assert (state in sources(target)) == (target in TRANSITIONS[state])


def test_what_the_states_promise() -> None:
    for state in FINAL_STATES:
        assert TRANSITIONS[state] <= {State.QUEUED}, "only a retry by hand leaves an end"
    assert not TRANSITIONS[State.SUCCEEDED] and not TRANSITIONS[State.CANCELLED]
    for state in set(State) - FINAL_STATES:
        assert State.CANCELLED in TRANSITIONS[state], "cancel works until the end"
    for state in WAITING_STATES:
        assert TRANSITIONS[state] == {State.QUEUED, State.CANCELLED}
    assert sources(State.RUNNING) == RUNNABLE
    assert sources(State.SUCCEEDED) == {State.RUNNING}
    reached, edge = {State.ACCEPTED}, {State.ACCEPTED}
    while edge:
        edge = set().union(*(TRANSITIONS[state] for state in edge)) - reached
        reached |= edge
    assert reached == set(State)


@pytest.mark.parametrize("source", list(State))
def test_a_row_moves_only_as_the_table_says(engine: Engine, store: Store, source: State) -> None:
    for target in set(State) - {State.RUNNING}:
        event = engine.accept("local", Route("lab", "lab.say", {"text": "x"}))
        lease = new_id() if source is State.RUNNING else None
        with store.write() as connection:
            connection.execute(
                events.update()
                .where(events.c.id == event.id)
                .values(state=source.value, lease_token=lease)
            )
        moved = engine._ledger.move(target, one("local", event.id))
        assert (moved is not None) == (target in TRANSITIONS[source])
        wanted = target if moved is not None else source
        assert engine.get("local", event.id).state is wanted
