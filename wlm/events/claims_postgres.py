"""Taking events on Postgres in one statement, which is one transaction and one round trip.

It serves the common case: no provider is away, and fewer events run than any limit allows.
Else it takes nothing and says so (``hindered``), and ``claims`` goes step by step.

Where all that was taken only reads, the commit waits for no disk (``synchronous_commit`` off).
If the server itself breaks down before the next commit that does, nobody has taken those
events, and they are taken again. What writes or sends is begun only once its claim is on the
disk.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

from sqlalchemy import (
    Integer,
    bindparam,
    case,
    exists,
    func,
    insert,
    literal,
    select,
    true,
    update,
)

from wlm.events.breaker import SKILL
from wlm.events.ledger import Ledger
from wlm.events.rows import Row
from wlm.events.suspects import Suspects
from wlm.store.tables import breakers, event_log, events
from wlm.types import State, new_id


class Taken(NamedTuple):
    """The rows as they are now, the skills among them whose provider has failed of late,
    whether something stood in the way that this statement does not look through, and whether
    the claim may be lost with the server's memory."""

    rows: list[Row]
    failing: frozenset[str]
    hindered: bool
    lightly: bool


@functools.cache
def _statement(suspects: Suspects) -> Any:
    running = select(func.count()).where(events.c.lease_token.is_not(None)).scalar_subquery()
    limit, count = bindparam("limit", type_=Integer), bindparam("count", type_=Integer)
    # Where there is no limit nothing is counted.
    free = case((limit > 0, func.least(limit - running, count)), else_=count)
    away = exists().where(breakers.c.provider == SKILL, breakers.c.open_until.is_not(None))
    hall = select(case((away, 0), else_=free).label("free")).cte("hall")
    picked = (
        select(events.c.id)
        .where(suspects.ready, events.c.priority <= bindparam("most"))
        .order_by(events.c.ticket, events.c.id)
        .limit(select(func.greatest(hall.c.free, 0)).scalar_subquery())
        .with_for_update(skip_locked=True)
        .cte("picked")
    )
    now = bindparam("now", type_=event_log.c.at.type)
    worker = bindparam("by", type_=events.c.worker.type)
    taken = (
        update(events)
        .where(events.c.id.in_(select(picked.c.id)))
        .values(
            state=State.RUNNING.value,
            attempts=events.c.attempts + 1,
            lease_token=bindparam("token"),
            lease_until=bindparam("until"),
            worker=worker,
            started_at=now,
        )
        .returning(events)
        .cte("taken")
    )
    line = {
        "event_id": taken.c.id,
        "owner": taken.c.owner,
        "at": now,
        "state": literal(State.RUNNING.value),
        "attempt": taken.c.attempts,
        "worker": worker,
    }
    logged = (
        insert(event_log)
        .from_select(list(line), select(*line.values()), include_defaults=False)
        .cte("logged")
    )
    only_reads = select(func.bool_and(taken.c.effect == "read").label("yes")).subquery("reads")
    lightly = (
        select(func.set_config("synchronous_commit", "off", True))
        .where(only_reads.c.yes)
        .scalar_subquery()
    )
    counted = (breakers.c.provider == SKILL, breakers.c.skill == taken.c.skill)
    failing = exists().where(*counted).label("failing")
    return (
        select(hall.c.free, lightly.label("lightly"), failing, *taken.c)
        .select_from(hall.outerjoin(taken, true()))
        .order_by(taken.c.ticket, taken.c.id)
        .add_cte(logged)
    )


def take(ledger: Ledger, count: int, most: int, limit: int, suspects: Suspects) -> Taken:
    """Take up to ``count`` events with a priority of ``most`` or less.

    ``limit``: the least of all limits on what may run at once; 0: there is none.
    """
    now = ledger.clock()
    values = {
        "count": count,
        "most": most,
        "limit": limit,
        "now": now,
        "token": new_id(),
        "until": now + ledger.lease,
        "by": ledger.worker,
    }
    with ledger.store.statements() as connection:
        found = connection.execute(_statement(suspects), values).mappings().all()
    rows: list[Row] = [row for row in found if row["id"] is not None]
    failing = frozenset(row["skill"] for row in rows if row["failing"])
    return Taken(rows, failing, found[0]["free"] < 1, found[0]["lightly"] == "off")
