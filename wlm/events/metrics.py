"""Figures about the events, read from the rows: for the gateway's ``/metrics`` and for people.

Whatever process asks gets the same answer, since nothing is counted in memory.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, case, func, select

from wlm.events import breaker
from wlm.events.overview import open_events
from wlm.store.engine import Store
from wlm.store.tables import breakers, events

OWN = "own"
"""In the place of the names of users' own servers."""
_RECENT = 5_000


class Spread(NamedTuple):
    """How long something took, in seconds, over so many recent ``events``."""

    events: int
    p50: float
    p95: float
    longest: float


class Snapshot(NamedTuple):
    """The queue at one moment.

    ``depth`` counts events that have not ended, by (intent, state). ``oldest`` is how long
    the one that is ready has waited longest, in seconds (0: none waits). ``to_start`` and
    ``run_time`` are of events that ended of late, by (intent, state). ``paused`` is for how
    many users each (skill, provider) is left alone now: 1 for everybody, too.
    """

    depth: dict[tuple[str, str], int]
    oldest: float
    to_start: dict[tuple[str, str], Spread]
    run_time: dict[tuple[str, str], Spread]
    paused: dict[tuple[str, str], int]


def snapshot(store: Store, now: datetime, *, window: timedelta = timedelta(minutes=5)) -> Snapshot:
    """Read the figures; those of ended events are of the ``window`` before ``now``, the last
    5,000 at most."""
    columns = events.c
    with store.read() as connection:
        counted = (
            select(columns.intent, columns.state, func.count())
            .where(open_events)
            .group_by(columns.intent, columns.state)
        )
        depth = {(intent, state): n for intent, state, n in connection.execute(counted)}
        ready = columns.ticket.is_not(None) & columns.lease_token.is_(None)
        first = connection.execute(select(func.min(columns.run_at)).where(ready)).scalar_one()
        recent = (
            select(
                columns.intent, columns.state, columns.run_at, columns.started_at,
                columns.finished_at,
            )
            .where(columns.finished_at >= now - window)
            .order_by(columns.finished_at.desc())
            .limit(_RECENT)
        )  # fmt: skip
        started: dict[tuple[str, str], list[float]] = defaultdict(list)
        ran: dict[tuple[str, str], list[float]] = defaultdict(list)
        for row in connection.execute(recent):
            if row.started_at is not None:
                key = (row.intent, row.state)
                started[key].append((row.started_at - row.run_at).total_seconds())
                ran[key].append((row.finished_at - row.started_at).total_seconds())
        left_alone = paused(connection, now)
    return Snapshot(
        depth,
        max(0.0, (now - first).total_seconds()) if first else 0.0,
        {key: _spread(values) for key, values in started.items()},
        {key: _spread(values) for key, values in ran.items()},
        left_alone,
    )


def paused(connection: Connection, now: datetime) -> dict[tuple[str, str], int]:
    """For how many users each (skill, provider) is left alone.

    The provider is "" for the skill as a whole, and ``OWN`` for the users' own servers.
    """
    name = case((breakers.c.own, OWN), else_=breakers.c.provider).label("name")
    latest = now + breaker.LONGEST_PAUSE
    query = (
        select(breakers.c.skill, name, func.count(breakers.c.owner.distinct()))
        .where(breakers.c.open_until > now, breakers.c.open_until <= latest)
        .group_by(breakers.c.skill, name)
        .order_by(breakers.c.skill, name)
    )
    return {(skill, provider): n for skill, provider, n in connection.execute(query)}


def _spread(values: list[float]) -> Spread:
    # A clock that was stepped in between may have made one negative.
    ordered = sorted(max(0.0, value) for value in values)
    last = len(ordered) - 1
    return Spread(len(ordered), ordered[last // 2], ordered[last * 95 // 100], ordered[last])
