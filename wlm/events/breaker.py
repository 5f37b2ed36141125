"""A provider that is away is left alone for a while, instead of being asked by every event.

Counted for each skill and user (a mailbox of one's own may be down), and for each skill as
a whole (``EVERYBODY``), which opens later, so that it takes several users to open it. After
the pause one event may try; if it fails, too, the next pause is twice as long.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from wlm.store.tables import breakers

EVERYBODY = ""
OPENS_AT = {True: 5, False: 10}
"""Failures in a row that open it: for one user, and for everybody."""
FIRST_PAUSE = timedelta(seconds=10)
LONGEST_PAUSE = timedelta(minutes=5)


class Trouble(NamedTuple):
    """A breaker that has opened: whether it is closed to all (``shut``) or lets one try."""

    skill: str
    owner: str
    shut: bool


def read(connection: Connection, now: datetime) -> tuple[list[Trouble], frozenset[str]]:
    """The breakers that have opened, and the skills that have failed at all of late."""
    rows = connection.execute(select(breakers)).all()
    opened = [
        # A pause that ends later than any can is one of a clock that was set back since.
        Trouble(row.skill, row.owner, now < row.open_until <= now + LONGEST_PAUSE)
        for row in rows
        if row.open_until is not None
    ]
    return opened, frozenset(row.skill for row in rows)


def failed(connection: Connection, skill: str, owner: str, now: datetime) -> None:
    """Count a failure of the provider behind ``skill``, met by ``owner``."""
    over = 0
    for who in (owner, EVERYBODY):
        if who == EVERYBODY and over > 0:
            return  # one user's failures do not add up to everybody's
        mine = (breakers.c.skill == skill, breakers.c.owner == who)
        query = update(breakers).where(*mine).values(failures=breakers.c.failures + 1)
        row = connection.execute(query.returning(breakers.c.failures)).first()
        if row is None:
            _first(connection, {"skill": skill, "owner": who, "failures": 1})
            continue
        over = row.failures - OPENS_AT[who != EVERYBODY]
        if over >= 0:
            pause = min(FIRST_PAUSE * 2 ** min(over, 10), LONGEST_PAUSE)
            connection.execute(update(breakers).where(*mine).values(open_until=now + pause))


def worked(connection: Connection, skill: str, owner: str) -> None:
    """The provider answered: nothing counts against it any more."""
    names = breakers.c.owner.in_([owner, EVERYBODY])
    connection.execute(delete(breakers).where(breakers.c.skill == skill, names))


def _first(connection: Connection, row: Mapping[str, Any]) -> None:
    try:
        with connection.begin_nested():
            connection.execute(insert(breakers).values(row))
    except IntegrityError:
        pass  # another worker counted first; one failure more or less does not matter
