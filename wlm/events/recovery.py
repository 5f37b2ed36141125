"""Events whose worker is gone: back to the queue, to the user, or to an end."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from sqlalchemy import and_

from wlm.errors import WlmError
from wlm.events.ledger import Ledger
from wlm.events.prepare import confirmation
from wlm.events.rows import Row, held
from wlm.plugins.skill import can_look
from wlm.store.tables import events
from wlm.types import Question, State

if TYPE_CHECKING:
    from wlm.config import Settings
    from wlm.plugins.manager import Registry

log = logging.getLogger(__name__)

WORKER_LOST, WORKER_STOPPED = "worker_lost", "worker_stopped"
LOSSES = 3
"""So often may the process that runs an event end before the event counts as its cause."""


class Recovery:
    """Brings events back. Safe with many at once: every move is fenced with the lease."""

    def __init__(self, ledger: Ledger, registry: Registry, settings: Settings) -> None:
        self._ledger = ledger
        self._registry = registry
        self._settings = settings

    def lost(self, code: str = WORKER_LOST) -> list[Row]:
        """Bring back what has no living worker; the rows as they stand now."""
        found = []
        for row in self._ledger.lost():
            if (moved := self._bring_back(row, code)) is not None:
                log.warning("event %s: %s", row["id"], code)
                found.append(moved)
        return found

    def _bring_back(self, row: Row, code: str) -> Row | None:
        if row["state"] == State.ACCEPTED:
            return self._ledger.move(State.QUEUED, events.c.id == row["id"])
        # As it was seen: a worker that has been heard of since has it still.
        unheard = and_(held(row), events.c.lease_until == row["lease_until"])
        looks = can_look(self._registry, row["skill"])
        spent = row["attempts"] >= max(row["max_attempts"], LOSSES)
        if row["begun"] and (spent or not looks):
            question = self._asked_again(row)
            return self._ledger.move(
                State.WAITING_CONFIRMATION,
                unheard,
                code=code,
                detail="it was begun, and whether it was done is not known",
                question=question.to_dict(),
                confirmed=False,
            )
        if spent and code == WORKER_LOST:
            failure = {
                "code": WlmError.code,
                "message": f"The process that ran it ended {row['attempts']} times.",
                "hint": "`wlm events retry` tries it again.",
                "retryable": False,
            }
            return self._ledger.move(State.DEAD, unheard, code=code, error=failure)
        return self._ledger.move(State.QUEUED, unheard, code=code, run_at=self._ledger.clock())

    def _asked_again(self, row: Row) -> Question:
        try:
            spec = self._registry.intent(row["intent"])
            values = {
                slot.name: slot.decode(row["slots"][slot.name])
                for slot in spec.slots
                if slot.name in row["slots"]
            }
            return confirmation(spec, values, self._settings.zone, again=True)
        except WlmError:
            return Question(
                "confirmation",
                "This was begun before, and it is not known whether it was done. Again?",
            )
