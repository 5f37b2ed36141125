"""Accounts that users share: who lets whom work with their account of a skill, and how far.

The account of a skill is what its owner set and keeps there: a calendar, an address book, a
mailbox. This is the one place that tells whether somebody may work with another's rows; it is
asked again each time, so a share that ends holds no longer. Each grant and end is in the audit log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple, cast, get_args

from sqlalchemy import Connection, Row, delete, insert, select, update

from wlm.errors import NotFound, ShareEnded, UsageError
from wlm.store.accounts.audit import Audit
from wlm.store.accounts.tables import account_choices as choices
from wlm.store.accounts.tables import shares, users
from wlm.store.engine import Store
from wlm.store.scope import LOCAL_OWNER, mine, party
from wlm.types import Share, new_id

Access = Literal["read", "write"]
_AT = "`wlm login --server URL` signs in to one."
_HINT = "`wlm share list` shows what there is."


class Granted(NamedTuple):
    """A share as it is stored. ``owner`` is whose account it is."""

    id: str
    owner: str
    skill: str
    grantee: str
    access: Access
    created_at: datetime


class Shares:
    """The shares of a store."""

    def __init__(self, store: Store, clock: Callable[[], datetime] | None = None) -> None:
        self._store = store
        self._clock = clock or (lambda: datetime.now(UTC))
        self._audit = Audit(store, self._clock)

    def give(self, owner: str, skill: str, grantee: str, access: str) -> Share:
        """Let ``grantee`` work with the account; again: with another access.

        Raises ``UsageError`` for oneself, for who is no user, and for an access there is not.
        """
        if access not in get_args(Access):
            raise UsageError("An account is shared to read or to write.", hint="read or write.")
        if owner == grantee:
            raise UsageError("One's own account needs no sharing.", hint="Name another user.")
        if LOCAL_OWNER in (owner, grantee):
            raise UsageError("Accounts are shared among the users of a gateway.", hint=_AT)
        same = (mine(shares, owner), shares.c.skill == skill, shares.c.grantee == grantee)
        row = Granted(new_id(), owner, skill, grantee, cast("Access", access), self._clock())
        with self._store.write() as connection:
            found = connection.execute(select(shares.c.id).where(*same).with_for_update()).scalar()
            if found is None:
                connection.execute(insert(shares).values(row._asdict()))
            else:
                connection.execute(update(shares).where(*same).values(access=access))
            detail = {"skill": skill, "access": access}
            self._audit.add("share.grant", actor=owner, target=grantee, detail=detail)
        return self.get(owner, found or row.id)

    def all(self, user: str) -> list[Share]:
        """What ``user`` shares and is shared, oldest first."""
        query = select(shares).where(party(shares, user)).order_by(shares.c.id)
        with self._store.read() as connection:
            rows = [_granted(row) for row in connection.execute(query)]
            return list(self._shown(connection, user, rows))

    def get(self, user: str, share_id: str) -> Share:
        """One of them. Raises ``NotFound``."""
        with self._store.read() as connection:
            return next(self._shown(connection, user, [self._one(connection, user, share_id)]))

    def end(self, user: str, share_id: str) -> None:
        """End a share that ``user`` gave or was given, at once. Raises ``NotFound``."""
        with self._store.write() as connection:
            self._end(connection, user, self._one(connection, user, share_id))

    def end_account(self, owner: str, skill: str) -> None:
        """End all shares of an account, which its owner has taken away."""
        query = select(shares).where(mine(shares, owner), shares.c.skill == skill)
        with self._store.write() as connection:
            for row in connection.execute(query).all():
                self._end(connection, owner, _granted(row))

    def choose(self, user: str, skill: str, share_id: str | None) -> Share | None:
        """Have the skill work by that share for ``user`` from now on; ``None``: with their own
        account. Raises ``NotFound`` for a share of another skill, or that was not given to them."""
        row = {"owner": user, "skill": skill, "share": share_id, "created_at": self._clock()}
        with self._store.write() as connection:
            if share_id is not None:
                found = self._one(connection, user, share_id)
                if found.grantee != user or found.skill != skill:
                    raise NotFound("That account is not shared with you.", hint=_HINT)
            which = (mine(choices, user), choices.c.skill == skill)
            connection.execute(delete(choices).where(*which))
            if share_id is not None:
                connection.execute(insert(choices).values(row))
        return None if share_id is None else self.get(user, share_id)

    def chosen(self, user: str, skill: str) -> str | None:
        """The id of the share by which the skill works for ``user``, be it ended or not."""
        query = select(choices.c.share).where(mine(choices, user), choices.c.skill == skill)
        with self._store.read() as connection:
            return connection.execute(query).scalar()

    def open(self, user: str, share_id: str, skill: str, *, hold: bool = False) -> Granted:
        """The share by which ``user`` may work with an account now. Raises ``ShareEnded``.

        ``hold``: it cannot end before the open transaction does.
        """
        query = (
            select(shares)
            .outerjoin(users, users.c.owner == shares.c.owner)
            .where(
                shares.c.id == share_id,
                shares.c.grantee == user,
                shares.c.skill == skill,
                users.c.state.is_distinct_from("disabled"),
            )
        )
        if hold:
            query = query.with_for_update(read=True, of=shares)
        with self._store.read() as connection:
            row = connection.execute(query).first()
        if row is None:
            raise ShareEnded
        return _granted(row)

    def name(self, owner: str) -> str:
        """What others call the user: their name, or their address."""
        with self._store.read() as connection:
            name, email = _who(connection, [owner]).get(owner, ("", ""))
        return name or email

    def _one(self, connection: Connection, user: str, share_id: str) -> Granted:
        query = select(shares).where(party(shares, user), shares.c.id == share_id)
        row = connection.execute(query).first()
        if row is None:
            raise NotFound("There is no such share.", hint=_HINT)
        return _granted(row)

    def _end(self, connection: Connection, user: str, share: Granted) -> None:
        connection.execute(delete(shares).where(party(shares, user), shares.c.id == share.id))
        other = share.grantee if user == share.owner else share.owner
        detail = {"skill": share.skill, "access": share.access}
        self._audit.add("share.end", actor=user, target=other, detail=detail)

    def _shown(self, connection: Connection, user: str, rows: list[Granted]) -> Iterator[Share]:
        others = {row.grantee if row.owner == user else row.owner for row in rows}
        known = _who(connection, others)
        query = select(choices.c.share).where(mine(choices, user))
        used = set(connection.execute(query).scalars())
        for row in rows:
            given = row.owner == user
            name, email = known.get(row.grantee if given else row.owner, ("", ""))
            in_use = not given and row.id in used
            yield Share(row.id, row.skill, row.access, given, email, name, in_use, row.created_at)


def _granted(row: Row[Any]) -> Granted:
    return Granted(*(row._mapping[name] for name in Granted._fields))


def _who(connection: Connection, owners: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Name and address of users."""
    query = select(users.c.owner, users.c.name, users.c.email)
    found = connection.execute(query.where(users.c.owner.in_(list(owners))))
    return {row.owner: (row.name, row.email or "") for row in found}
