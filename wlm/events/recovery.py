"""Events whose worker is gone: back to the queue, to the user, or to an end."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, and_, func, select

from wlm.errors import WlmError
from wlm.events.ledger import Ledger
from wlm.events.prepare import confirmation
from wlm.events.rows import Row, held
from wlm.events.suspects import LOSSES
from wlm.plugins.skill import can_look
from wlm.store.tables import events
from wlm.types import Question, State

if TYPE_CHECKING:
    from wlm.config import Settings
    from wlm.plugins.manager import Registry

log = logging.getLogger(__name__)

WORKER_LOST, WORKER_STOPPED = "worker_lost", "worker_stopped"


def _worker(row: Row) -> str:
    return row["worker"] or ""


def _held_by(connection: Connection, rows: Sequence[Row]) -> int:
    """How many events the worker of these rows runs, as far as anybody knows; none of them is
    brought back by another before this transaction ends."""
    mine = events.c.id.in_([row["id"] for row in rows])
    connection.execute(select(events.c.id).where(mine).order_by(events.c.id).with_for_update())
    held_now = (events.c.worker == rows[0]["worker"], events.c.lease_token.is_not(None))
    return connection.execute(select(func.count()).where(*held_now)).scalar_one()


class Recovery:
    """Brings events back. Safe with many at once: every move is fenced with the lease."""

    def __init__(self, ledger: Ledger, registry: Registry, settings: Settings) -> None:
        self._ledger = ledger
        self._registry = registry
        self._settings = settings

    def lost(self, code: str = WORKER_LOST) -> list[Row]:
        """Bring back what has no living worker; the rows as they stand now."""
        found = []
        left = sorted(self._ledger.lost(), key=_worker)
        for _, rows in groupby(left, _worker):
            found += self._of_one_worker(list(rows), code)
        for row in self._ledger.accepted():
            if (moved := self._ledger.move(State.QUEUED, events.c.id == row["id"])) is not None:
                found.append(moved)
        return found

    def _of_one_worker(self, rows: list[Row], code: str) -> list[Row]:
        """Bring back what one worker has left, in one transaction: another that does so, too,
        must not see a part of it and take that for all that ran beside each other."""
        found = []
        with self._ledger.store.write() as connection:
            alone = _held_by(connection, rows) <= 1
            # By owner: notices lock theirs, and all must do so in one order.
            for row in sorted(rows, key=itemgetter("owner")):
                if (moved := self._bring_back(row, code, alone=alone)) is not None:
                    log.warning("event %s: %s", row["id"], code)
                    found.append(moved)
        return found

    def _bring_back(self, row: Row, code: str, *, alone: bool) -> Row | None:
        # As it was seen: a worker that has been heard of since has it still.
        unheard = and_(held(row), events.c.lease_until == row["lease_until"])
        looks = can_look(self._registry, row["skill"])
        values: dict[str, Any] = {}
        detail = None
        if code == WORKER_LOST:
            values["losses"] = row["losses"] + 1 if alone else max(row["losses"], 1)
            if not alone:
                # It may not have been the cause, so that run does not count as one of its tries.
                values["max_attempts"] = row["max_attempts"] + 1
                detail = "others ran beside it"
        spent = values.get("losses", 0) >= LOSSES
        if row["begun"] and (spent or not looks):
            question = self._asked_again(row)
            return self._ledger.move(
                State.WAITING_CONFIRMATION,
                unheard,
                code=code,
                detail="it was begun, and whether it was done is not known",
                question=question.to_dict(),
                confirmed=False,
                **values,
            )
        if spent:
            failure = {
                "code": WlmError.code,
                "message": f"The process that ran it ended {values['losses']} times.",
                "hint": "`wlm events retry` tries it again.",
                "retryable": False,
            }
            return self._ledger.move(State.DEAD, unheard, code=code, error=failure, **values)
        now = self._ledger.clock()
        return self._ledger.move(
            State.QUEUED, unheard, code=code, detail=detail, run_at=now, **values
        )

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
