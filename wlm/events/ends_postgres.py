"""Ending many runs on Postgres in one statement; one for each costs more than the rows do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    JSON,
    Connection,
    Text,
    bindparam,
    cast,
    column,
    func,
    insert,
    literal,
    select,
    update,
)

from wlm.store.sealed import Token
from wlm.store.tables import event_log, events
from wlm.types import State


def _statement(values: Mapping[str, Any]) -> Any:
    arrays = (bindparam(name, type_=ARRAY(Text)) for name in ("ids", "replies"))
    columns = column("id", Text), column("reply", Text)
    given = func.unnest(*arrays).table_valued(*columns, name="given").render_derived()
    now = bindparam("now", type_=event_log.c.at.type)
    ended = (
        update(events)
        .where(events.c.id == given.c.id)
        .values(**values, finished_at=now, reply=cast(given.c.reply, JSON))
        .returning(events.c.id, events.c.owner, events.c.attempts)
        .cte("ended")
    )
    line = {
        "event_id": ended.c.id,
        "owner": ended.c.owner,
        "at": now,
        "state": literal(State.SUCCEEDED.value),
        "attempt": ended.c.attempts,
        "worker": bindparam("by", type_=events.c.worker.type),
    }
    logged = (
        insert(event_log)
        .from_select(list(line), select(*line.values()), include_defaults=False)
        .cte("logged")
    )
    return select(func.count()).select_from(ended).add_cte(logged)


class Ends:
    """The statement. ``values``: what an event becomes, beside its reply and when."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._statement = _statement(values)

    def write(
        self, connection: Connection, replies: Mapping[str, Token], now: datetime, worker: str
    ) -> None:
        """End these events, which the transaction has locked, with the replies as stored."""
        values = {
            "ids": list(replies),
            "replies": [json.dumps(reply) for reply in replies.values()],
            "now": now,
            "by": worker,
        }
        connection.execute(self._statement, values)
