"""Runs that went well: their ends, many in one transaction."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Connection, bindparam, select, update

from wlm.events import breaker
from wlm.events.ledger import NO_LEASE, Ledger
from wlm.events.rows import Row
from wlm.store.sealed import Token, plain_bytes
from wlm.store.tables import events
from wlm.types import State

if TYPE_CHECKING:
    from wlm.events.ends_postgres import Ends

_ENDED = {
    **NO_LEASE,
    "state": State.SUCCEEDED.value,
    "ticket": None,
    "begun": False,
    "question": None,
    "error": None,
}
# Made once: putting a statement together takes longer than the database does for it.
_TOKENS = (
    select(events.c.id, events.c.lease_token)
    .where(events.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(events.c.id)  # two that lock many do so in one order
    .with_for_update()
)
_SUCCEED = (
    update(events)
    .where(events.c.id == bindparam("event"))
    .values(**_ENDED, finished_at=bindparam("new_end"), reply=bindparam("new_reply"))
)
_SLOTS = (
    update(events).where(events.c.id == bindparam("event")).values(slots=bindparam("new_slots"))
)


class Success(NamedTuple):
    """A run that went well: the row as it was claimed, the reply, and what the slots became.

    ``troubled``: something may count against its skill (``breaker``).
    """

    row: Row
    reply: dict[str, Any]
    slots: dict[str, Any] | None = None
    troubled: bool = False


def succeed(ledger: Ledger, ended: Sequence[Success]) -> list[Row]:
    """Bring running events to ``succeeded``, in one transaction; the rows of those that their
    runs still held."""
    with ledger.store.write() as connection:
        ids = [one.row["id"] for one in ended]
        held_by = {row.id: row.lease_token for row in connection.execute(_TOKENS, {"ids": ids})}
        ours = [one for one in ended if held_by.get(one.row["id"]) == one.row["lease_token"]]
        if not ours:
            return []
        now = ledger.clock()
        seal = _seals(ledger, connection, {one.row["owner"] for one in ours})
        rows = [_succeeded(one, now) for one in ours]
        replies = {one.row["id"]: seal(one.row, "reply", one.reply) for one in ours}
        if ledger.store.sqlite:
            values = [
                {"event": id_, "new_end": now, "new_reply": reply} for id_, reply in replies.items()
            ]
            connection.execute(_SUCCEED, values)
            ledger.log(connection, rows, State.SUCCEEDED)
        else:
            _postgres().write(connection, replies, now, ledger.worker)
        for one in ours:
            if one.slots not in (None, one.row["slots"]):
                slots = seal(one.row, "slots", one.slots)
                connection.execute(_SLOTS, {"event": one.row["id"], "new_slots": slots})
        for skill, owner in {(o.row["skill"], o.row["owner"]) for o in ours if o.troubled}:
            breaker.worked(connection, breaker.Provider(skill), owner)
        if ledger.on_end is not None:
            # By owner: notices lock theirs, and all must do so in one order.
            for row in sorted(rows, key=lambda row: str(row["owner"])):
                ledger.on_end(connection, row, State.SUCCEEDED)
    return rows


@functools.cache
def _postgres() -> Ends:
    from wlm.events.ends_postgres import Ends

    return Ends(_ENDED)


def _seals(
    ledger: Ledger, connection: Connection, owners: set[str]
) -> Callable[[Row, str, Any], Token]:
    """What seals a JSON value for a column of an event's row."""
    seals = ledger.store.vault.sealers(connection, owners)

    def seal(row: Row, column: str, value: Any) -> Token:
        plain = plain_bytes(value, as_json=True)
        return Token(seals[row["owner"]](events.name, column, row["id"], plain))

    return seal


def _succeeded(ended: Success, now: datetime) -> Row:
    """The row as it is in the database now."""
    slots = ended.row["slots"] if ended.slots is None else ended.slots
    changed: Mapping[str, Any] = {"finished_at": now, "reply": ended.reply, "slots": slots}
    return {**ended.row, **_ENDED, **changed}
