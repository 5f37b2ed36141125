"""Taking back: which event is meant, and the one that undoes it.

A handler records with ``ctx.undo`` what takes its work back: an intent of its skill and
slots. Undoing is an event like any other, accepted once for what it takes back.
"""

from __future__ import annotations

from datetime import timedelta

from wlm.errors import BadRequest, NotFound
from wlm.events.ledger import Ledger
from wlm.events.rows import Row, one
from wlm.store.scope import mine
from wlm.store.tables import events
from wlm.types import Route, State

ROUTER = "undo"
"""The router's name in the route of an event that undoes another."""
_LOOKED_AT = 20


class Undoing:
    """Finds what can be undone; ``window`` is how long that is possible."""

    def __init__(self, ledger: Ledger, window: timedelta) -> None:
        self._ledger = ledger
        self._window = window

    def find(self, owner: str, event_id: str | None, conversation: str | None) -> Row:
        """The event to undo: the one named, else the last that changed something.

        Raises ``NotFound`` if there is none, ``BadRequest`` if it cannot be undone.
        """
        if event_id is not None:
            row = self._ledger.fetch(one(owner, event_id))
            if self._undone(row):
                raise BadRequest("That was undone already.", hint="It can be asked for again.")
        else:
            row = self._last(owner, conversation)
        self._check(row)
        return row

    def key(self, row: Row) -> str:
        """The idempotency key that makes an undoing happen once."""
        return f"undo:{row['id']}"

    def route(self, row: Row) -> Route:
        """Where the undoing event goes."""
        record = row["undo"]
        return Route(row["skill"], record["intent"], record["slots"], 1.0, ROUTER)

    def _last(self, owner: str, conversation: str | None) -> Row:
        where = [
            mine(events, owner),
            events.c.effect.in_(["write", "send"]),
            events.c.state == State.SUCCEEDED.value,
            events.c.router != ROUTER,
            events.c.finished_at >= self._ledger.clock() - self._window,
            events.c.parent.is_(None),
        ]
        if conversation is not None:
            where.append(events.c.conversation == conversation)
        for row in self._ledger.page(*where, before=None, limit=_LOOKED_AT):
            if not self._undone(row):
                return row
        minutes = f"{self._window.total_seconds() / 60:g}"
        raise NotFound(
            f"Nothing was changed in the last {minutes} minutes that could be undone.",
            hint="`wlm history` shows what was done; `undo_minutes` sets the time for it.",
        )

    def _check(self, row: Row) -> None:
        if row["state"] != State.SUCCEEDED or row["effect"] == "read":
            raise BadRequest("That changed nothing; there is nothing to undo.", hint=_SEE)
        if row["effect"] == "send":
            raise BadRequest("What was sent cannot be taken back.", hint=_SEE)
        if row["undo"] is None:
            raise BadRequest(
                f"The skill {row['skill']!r} cannot undo that; it stays as it is.", hint=_SEE
            )
        if row["finished_at"] < self._ledger.clock() - self._window:
            raise BadRequest("That is too long ago to be undone.", hint=_SEE)

    def _undone(self, row: Row) -> bool:
        found = self._ledger.page(
            mine(events, row["owner"]),
            events.c.idempotency_key == self.key(row),
            events.c.state == State.SUCCEEDED.value,
            before=None,
            limit=1,
        )
        return bool(found)


_SEE = "`wlm events list` shows what was done."
