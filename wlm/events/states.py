"""The state machine: from which state an event may go to which."""

from __future__ import annotations

from collections.abc import Mapping

from wlm.types import State

TRANSITIONS: Mapping[State, frozenset[State]] = {
    State.ACCEPTED: frozenset({State.QUEUED, State.CANCELLED}),
    State.QUEUED: frozenset({State.RUNNING, State.CANCELLED}),
    State.RUNNING: frozenset(
        {
            State.SUCCEEDED,
            State.FAILED,
            State.DEAD,
            State.RETRYING,
            State.WAITING_INPUT,
            State.WAITING_CONFIRMATION,
            State.QUEUED,  # its worker died, or handed it back
            State.CANCELLED,
        }
    ),
    State.WAITING_INPUT: frozenset({State.QUEUED, State.CANCELLED}),
    State.WAITING_CONFIRMATION: frozenset({State.QUEUED, State.CANCELLED}),
    State.RETRYING: frozenset({State.RUNNING, State.QUEUED, State.CANCELLED}),
    State.FAILED: frozenset({State.QUEUED}),  # by hand
    State.DEAD: frozenset({State.QUEUED}),  # by hand
    State.SUCCEEDED: frozenset(),
    State.CANCELLED: frozenset(),
}

RUNNABLE = frozenset({State.QUEUED, State.RETRYING})
"""The states from which a worker may take an event, once ``run_at`` has come."""


def sources(target: State) -> frozenset[State]:
    """The states from which an event may come to ``target``."""
    return frozenset(state for state, targets in TRANSITIONS.items() if target in targets)
