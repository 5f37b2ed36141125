"""Whose turn it is: every event that is ready holds a ticket, and the lowest is served next.

It is the draw-a-number machine of an office, with two rules. Who already waits with ``k``
events draws ``k`` numbers further on, so users take turns however much one of them asks for.
And less urgent work draws a number that is ``STEP`` further on for each step of priority.
Nobody starves: the number that is served never goes down, every sweep moves it on by one,
and nobody can draw a number below it. So a ticket is overtaken only by what drew before the
number served had come near, whatever the clocks say: no time enters into it.
"""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, case, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from wlm.store.tables import events, tickets

STEP = 10
"""How many numbers one step of priority (0 to 9) is worth; also about how many seconds."""

_place = events.c.ticket
_NUMBERS = select(
    select(func.max(tickets.c.served)).scalar_subquery().label("served"),
    select(func.max(_place))
    .where(events.c.lease_token.is_not(None))
    .scalar_subquery()
    .label("running"),
    select(func.max(_place))
    .where(
        _place.is_not(None),
        events.c.owner == bindparam("owner"),
        events.c.priority == bindparam("priority"),
    )
    .scalar_subquery()
    .label("own"),
)


def draw(connection: Connection, owner: str, priority: int) -> int:
    """The ticket for an event that becomes ready now. Two may get the same; the older is first."""
    numbers = connection.execute(_NUMBERS, {"owner": owner, "priority": priority}).one()
    now_serving = max(numbers.served or 0, numbers.running or 0)
    following = -1 if numbers.own is None else numbers.own
    return int(max(now_serving + STEP * priority, following + 1))


def move_on(connection: Connection) -> None:
    """Count on: what runs was served, and each sweep is worth one number more."""
    running = select(func.max(_place)).where(events.c.lease_token.is_not(None)).scalar_subquery()
    served, reached = tickets.c.served, func.coalesce(running, 0)
    query = update(tickets).values(served=case((reached > served, reached), else_=served) + 1)
    if connection.execute(query).rowcount:
        return
    try:
        with connection.begin_nested():
            connection.execute(insert(tickets).values(id=1, served=1))
    except IntegrityError:
        pass  # another worker made it
