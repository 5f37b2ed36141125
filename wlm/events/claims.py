"""Taking the next event: the lowest ticket that nothing stands in the way of.

What stands in the way is read from the rows in the same transaction: users and skills with
as many running events as they may have, and providers that are away. On SQLite writers take
turns, so that is exact. On Postgres two workers may count at the same time; so each counts
again once its claim is committed, and steps back if it is one too many. (Of those that would
be too many, the one that committed last sees all the others, so the limit holds.)
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, bindparam, func, not_, select

from wlm.events import breaker
from wlm.events.ledger import Ledger
from wlm.events.rows import Row, held
from wlm.events.stopwatch import elapsed
from wlm.events.suspects import Suspects
from wlm.store.tables import events
from wlm.types import State

BACKGROUND = 5
"""From this priority on an event is background work."""

# Made once: putting a statement together takes longer than the database does for it.
_RUNNING = (
    select(events.c.owner, events.c.skill, func.count().label("n"))
    .where(events.c.lease_token.is_not(None))
    .group_by(events.c.owner, events.c.skill)
)


@functools.cache
def _next(suspects: Suspects) -> Select[Any]:
    return (
        select(events.c.id, events.c.owner, events.c.skill)
        .where(suspects.ready, events.c.priority <= bindparam("most"))
        .order_by(events.c.ticket, events.c.id)
        .limit(bindparam("count"))
        .with_for_update(skip_locked=True)  # those that another worker is taking are passed over
    )


@functools.cache
def _waiting(suspects: Suspects) -> Select[Any]:
    found = select(events.c.id).where(suspects.ready).limit(bindparam("limit")).subquery()
    return select(func.count()).select_from(found)


class Limits(NamedTuple):
    """How many events may run at once, over all workers; 0: as many as there are threads."""

    user: int = 0
    skill: int = 0


class Claim(NamedTuple):
    """A claimed event. ``troubled``: its skill's provider has failed of late. ``at``: when its
    lease began, or a little before, by ``stopwatch.elapsed``."""

    row: Row
    troubled: bool
    at: float


class Claims:
    """Picks and takes events for workers."""

    def __init__(self, ledger: Ledger, limits: Limits) -> None:
        self._ledger = ledger
        self._limits = limits

    def next(
        self, count: int = 1, *, most: int = 9, suspects: Suspects = Suspects.ALSO
    ) -> list[Claim]:
        """Take the next events, up to ``count``, with a priority of ``most`` or less."""
        store, at = self._ledger.store, elapsed()
        if store.sqlite:
            if not self.ready(1, suspects):
                return []  # looking needs no turn at writing
        elif (claims := self._at_once(count, most, suspects, at)) is not None:
            return claims
        with store.write(durable=False) as connection:
            opened, failing = breaker.read(connection, self._ledger.clock())
            room = _Room(self._limits, opened, connection.execute(_RUNNING))
            barred = room.barred()
            query = _next(suspects).where(*barred) if barred else _next(suspects)
            found = connection.execute(query, {"most": most, "count": count})
            ids = [one.id for one in found if room.take(one)]
            rows = self._ledger.take(connection, ids) if ids else []
        return self._claimed(rows, failing, at)

    def _at_once(self, count: int, most: int, suspects: Suspects, at: float) -> list[Claim] | None:
        """Take events by one statement; ``None`` if something stands in its way."""
        from wlm.events import claims_postgres

        least = min((limit for limit in self._limits if limit), default=0)
        taken = claims_postgres.take(self._ledger, count, most, least, suspects)
        return None if taken.hindered else self._claimed(taken.rows, taken.failing, at)

    def _claimed(self, rows: list[Row], failing: frozenset[str], at: float) -> list[Claim]:
        if rows and not self._ledger.store.sqlite and any(self._limits):
            rows = self._within(rows)
        return [Claim(row, row["skill"] in failing, at) for row in rows]

    def give_back(self, row: Row, detail: str) -> Row | None:
        """Queue a claimed event again, at its place, as if it had not been taken."""
        return self._ledger.move(
            State.QUEUED, held(row), detail=detail, attempts=row["attempts"] - 1
        )

    def ready(self, limit: int, suspects: Suspects = Suspects.ALSO) -> int:
        """How many events wait for a worker, counted up to ``limit``."""
        with self._ledger.store.read() as connection:
            found: int = connection.execute(_waiting(suspects), {"limit": limit}).scalar_one()
        return found

    def _within(self, rows: list[Row]) -> list[Row]:
        """Those of just claimed events that are within the limits; the last ones step back."""
        with self._ledger.store.read() as connection:
            room = _Room(self._limits, (), connection.execute(_RUNNING))
        kept = list(rows)
        for row in reversed(rows):
            if room.over(row["owner"], row["skill"]):
                room.leave(row["owner"], row["skill"])
                self.give_back(row, "others were first")
                kept.remove(row)
        return kept


class _Room:
    """How much of what may run at once is left."""

    def __init__(
        self, limits: Limits, opened: Iterable[breaker.Trouble], running: Iterable[Any]
    ) -> None:
        self._limits = limits
        self._opened = list(opened)
        self._users: Counter[str] = Counter()
        self._skills: Counter[str] = Counter()
        self._pairs: Counter[tuple[str, str]] = Counter()
        for row in running:
            self._users[row.owner] += row.n
            self._skills[row.skill] += row.n
            self._pairs[row.skill, row.owner] += row.n

    def over(self, owner: str, skill: str) -> bool:
        """Whether more run than may."""
        return (
            0 < self._limits.user < self._users[owner]
            or 0 < self._limits.skill < self._skills[skill]
        )

    def leave(self, owner: str, skill: str) -> None:
        """One of them does not run after all."""
        self._users[owner] -= 1
        self._skills[skill] -= 1

    def barred(self) -> list[ColumnElement[bool]]:
        """Conditions that leave out what may not start now."""
        full = [u for u, n in self._users.items() if 0 < self._limits.user <= n]
        stuck = {s for s, n in self._skills.items() if 0 < self._limits.skill <= n}
        conditions: list[ColumnElement[bool]] = []
        for skill, owner, shut in self._opened:
            if owner == breaker.EVERYBODY:
                if shut or self._skills[skill]:
                    stuck.add(skill)
            elif shut or self._pairs[skill, owner]:
                conditions.append(not_(and_(events.c.skill == skill, events.c.owner == owner)))
        if full:
            conditions.append(events.c.owner.not_in(full))
        if stuck:
            conditions.append(events.c.skill.not_in(sorted(stuck)))
        return conditions

    def take(self, one: Any) -> bool:
        """Whether this event, which was not barred, may start beside those taken before it."""
        if self._tried(one):
            return False
        self._users[one.owner] += 1
        self._skills[one.skill] += 1
        self._pairs[one.skill, one.owner] += 1
        if self.over(one.owner, one.skill):
            self._pairs[one.skill, one.owner] -= 1
            self.leave(one.owner, one.skill)
            return False
        return True

    def _tried(self, one: Any) -> bool:
        """Whether another one tries already whether its provider is back."""
        return any(
            skill == one.skill
            and (self._skills[skill] if owner == breaker.EVERYBODY else self._pairs[skill, owner])
            and owner in (breaker.EVERYBODY, one.owner)
            for skill, owner, _ in self._opened
        )
