"""Taking the next event: the lowest ticket that nothing stands in the way of.

What stands in the way is read from the rows in the same transaction: users and skills with
as many running events as they may have, and providers that are away. On SQLite writers take
turns, so that is exact. On Postgres two workers may count at the same time; so each counts
again once its claim is committed, and steps back if it is one too many. (Of those that would
be too many, the one that committed last sees all the others, so the limit holds.)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, and_, func, not_, select

from wlm.events import breaker
from wlm.events.ledger import Ledger, Row, held
from wlm.store.tables import events
from wlm.types import State

BACKGROUND = 5
"""From this priority on an event is background work."""

_RUNNING = (
    select(events.c.owner, events.c.skill, func.count().label("n"))
    .where(events.c.lease_token.is_not(None))
    .group_by(events.c.owner, events.c.skill)
)
_READY = and_(events.c.ticket.is_not(None), events.c.lease_token.is_(None))


class Limits(NamedTuple):
    """How many events may run at once, over all workers; 0: as many as there are threads."""

    user: int = 0
    skill: int = 0


class Claim(NamedTuple):
    """A claimed event. ``troubled``: its skill's provider has failed of late."""

    row: Row
    troubled: bool


class Claims:
    """Picks and takes events for workers."""

    def __init__(self, ledger: Ledger, limits: Limits) -> None:
        self._ledger = ledger
        self._limits = limits

    def next(self, *, most: int = 9) -> Claim | None:
        """Take the next event with a priority of ``most`` or less; ``None`` if there is none."""
        store = self._ledger.store
        if store.sqlite and not self.ready(1):
            return None  # looking needs no turn at writing
        with store.write(durable=False) as connection:
            opened, failing = breaker.read(connection, self._ledger.clock())
            barred = self._barred(connection, opened)
            query = select(events.c.id).where(_READY, *barred)
            if most < 9:
                query = query.where(events.c.priority <= most)
            row = self._ledger.take(connection, _first(query).scalar_subquery())
        if row is None:
            return None
        if not store.sqlite and self._too_many(row):
            self.give_back(row, "others were first")
            return None
        return Claim(row, row["skill"] in failing)

    def give_back(self, row: Row, detail: str) -> Row | None:
        """Queue a claimed event again, at its place, as if it had not been taken."""
        return self._ledger.move(
            State.QUEUED, held(row), detail=detail, attempts=row["attempts"] - 1
        )

    def ready(self, limit: int) -> int:
        """How many events wait for a worker, counted up to ``limit``."""
        query = select(events.c.id).where(_READY).limit(limit).subquery()
        with self._ledger.store.read() as connection:
            return connection.execute(select(func.count()).select_from(query)).scalar_one()

    def _barred(
        self, connection: Connection, opened: Iterable[breaker.Trouble]
    ) -> list[ColumnElement[bool]]:
        """Conditions that leave out what may not start now."""
        users: Counter[str] = Counter()
        skills: Counter[str] = Counter()
        pairs: Counter[tuple[str, str]] = Counter()
        for row in connection.execute(_RUNNING):
            users[row.owner] += row.n
            skills[row.skill] += row.n
            pairs[row.skill, row.owner] += row.n
        full = [u for u, n in users.items() if 0 < self._limits.user <= n]
        stuck = {s for s, n in skills.items() if 0 < self._limits.skill <= n}
        conditions: list[ColumnElement[bool]] = []
        for skill, owner, shut in opened:
            if owner == breaker.EVERYBODY:
                if shut or skills[skill]:
                    stuck.add(skill)
            elif shut or pairs[skill, owner]:
                conditions.append(not_(and_(events.c.skill == skill, events.c.owner == owner)))
        if full:
            conditions.append(events.c.owner.not_in(full))
        if stuck:
            conditions.append(events.c.skill.not_in(sorted(stuck)))
        return conditions

    def _too_many(self, row: Row) -> bool:
        limits = (("owner", self._limits.user), ("skill", self._limits.skill))
        counts = [
            func.count().filter(events.c[name] == row[name]) for name, limit in limits if limit
        ]
        if not counts:
            return False
        query = select(*counts).where(events.c.lease_token.is_not(None))
        with self._ledger.store.read() as connection:
            found = connection.execute(query).one()
        most = [limit for _, limit in limits if limit]
        return any(n > limit for n, limit in zip(found, most, strict=True))


def _first(query: Select[tuple[str]]) -> Select[tuple[str]]:
    """The lowest ticket; on Postgres, rows that another worker is taking are passed over."""
    return query.order_by(events.c.ticket, events.c.id).limit(1).with_for_update(skip_locked=True)
