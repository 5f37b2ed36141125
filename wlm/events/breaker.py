"""A provider that is away is left alone for a while, instead of being asked by every event.

Counted for each provider that a skill asks under ``Context.provider``, and, for failures outside
of that, for the skill as a whole (``SKILL``). Each is counted for one user (a mailbox of one's own
may be down), and for everybody (``EVERYBODY``), which opens later, so that it takes several users
to open it; a server of the user's own counts for that user alone. After the pause one event may
try; if it fails, too, the next pause is twice as long.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from wlm.store.tables import breakers

EVERYBODY = ""
SKILL = ""
"""In the place of a provider: the skill as a whole."""
OPENS_AT = {True: 5, False: 10}
"""Failures in a row that open it: for one user, and for everybody."""
FIRST_PAUSE = timedelta(seconds=10)
LONGEST_PAUSE = timedelta(minutes=5)

# Made once: putting a statement together takes longer than the database does for it.
_SKILLS = select(breakers).where(breakers.c.provider == SKILL)


class Provider(NamedTuple):
    """Whose failures are counted: what ``skill`` calls ``name``; ``own``: the user's own server."""

    skill: str
    name: str = SKILL
    own: bool = False

    def those(self, owner: str) -> ColumnElement[bool]:
        """The condition for the rows that are about it, for this owner and for everybody."""
        return and_(
            breakers.c.skill == self.skill,
            breakers.c.provider == self.name,
            breakers.c.owner.in_([owner, EVERYBODY]),
        )


class Trouble(NamedTuple):
    """A skill's breaker that has opened: whether it is closed to all (``shut``) or lets one try."""

    skill: str
    owner: str
    shut: bool


def shut(open_until: datetime, now: datetime) -> bool:
    """Whether a breaker that was opened until then lets nobody through now."""
    # A pause that ends later than any can is one of a clock that was set back since.
    return now < open_until <= now + LONGEST_PAUSE


def read(connection: Connection, now: datetime) -> tuple[list[Trouble], frozenset[str]]:
    """The skills' breakers that have opened, and the skills that have failed at all of late."""
    rows = connection.execute(_SKILLS).all()
    opened = [
        Trouble(row.skill, row.owner, shut(row.open_until, now))
        for row in rows
        if row.open_until is not None
    ]
    return opened, frozenset(row.skill for row in rows)


def failed(connection: Connection, provider: Provider, owner: str, now: datetime) -> None:
    """Count a failure of a provider, met by ``owner``."""
    over = 0
    for who in (owner, EVERYBODY):
        if who == EVERYBODY and (provider.own or over > 0):
            return  # one user's failures do not add up to everybody's
        mine = _row(provider, who)
        query = update(breakers).where(mine).values(failures=breakers.c.failures + 1)
        row = connection.execute(query.returning(breakers.c.failures)).first()
        if row is None:
            key = {"skill": provider.skill, "provider": provider.name, "owner": who}
            _first(connection, {**key, "own": provider.own, "failures": 1})
            continue
        over = row.failures - OPENS_AT[who != EVERYBODY]
        if over >= 0:
            pause = _pause(row.failures, who)
            connection.execute(update(breakers).where(mine).values(open_until=now + pause))


def worked(connection: Connection, provider: Provider, owner: str) -> None:
    """The provider answered: nothing counts against it any more."""
    connection.execute(delete(breakers).where(provider.those(owner)))


def may_try(
    connection: Connection, provider: Provider, opened: Sequence[Any], now: datetime
) -> bool:
    """Be the one that tries whether a provider is back; ``False`` if another one is.

    ``opened`` are the rows of its breakers as they were read. Others see a new pause, which
    holds if this one ends without a word.
    """
    for row in opened:
        mine = and_(_row(provider, row.owner), breakers.c.open_until == row.open_until)
        until = now + _pause(row.failures, row.owner)
        if connection.execute(update(breakers).where(mine).values(open_until=until)).rowcount != 1:
            return False
    return True


def _row(provider: Provider, owner: str) -> ColumnElement[bool]:
    return and_(
        breakers.c.skill == provider.skill,
        breakers.c.provider == provider.name,
        breakers.c.owner == owner,
    )


def _pause(failures: int, owner: str) -> timedelta:
    over = failures - OPENS_AT[owner != EVERYBODY]
    doubled: int = 1 << max(min(over, 10), 0)
    return min(FIRST_PAUSE * doubled, LONGEST_PAUSE)


def _first(connection: Connection, row: Mapping[str, Any]) -> None:
    try:
        with connection.begin_nested():
            connection.execute(insert(breakers).values(row))
    except IntegrityError:
        pass  # another worker counted first; one failure more or less does not matter
