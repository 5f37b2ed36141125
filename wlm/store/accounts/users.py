"""Users and their identities; who may become one."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, func, insert, select, update

from wlm.errors import Conflict, NotAllowed, NotFound, UsageError
from wlm.store.accounts.tables import identities, users
from wlm.store.engine import Store
from wlm.store.scope import mine
from wlm.types import new_id


class User(NamedTuple):
    """Someone who may use this gateway. ``owner`` is the id that owns their rows."""

    owner: str
    email: str | None
    name: str
    role: str
    state: str
    created_at: datetime
    seen_at: datetime | None


class Person(NamedTuple):
    """Who an issuer says is there. ``email`` only if the issuer's word on it can be trusted."""

    issuer: str
    subject: str
    email: str | None
    name: str


class Users:
    """The users of a store."""

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock

    def add(
        self, email: str, *, role: str = "user", name: str = "", owner: str | None = None
    ) -> User:
        """Invite: whoever signs in with this address, verified, becomes this user.

        Raises ``UsageError`` if the address is no address or is taken.
        """
        address = normal(email)
        with self._store.write() as connection:
            self._alone(connection)
            if self._with_email(connection, address):
                raise Conflict("There is a user with this address already.", hint="")
            return self._insert(connection, address, name, role, "invited", owner)

    def admit(
        self, person: Person, *, domains: Collection[str] = (), emails: Collection[str] = ()
    ) -> User:
        """The user that ``person`` is, made where they may become one.

        Known identities come first; then an invitation for the verified address; then the
        first user ever, who becomes admin; then the lists. Raises ``NotAllowed``.
        """
        with self._store.write() as connection:
            self._alone(connection)
            user = self._known(connection, person) or self._new(connection, person, domains, emails)
            if user.state == "disabled":
                raise NotAllowed("This account is disabled.")
            changes: dict[str, Any] = {"seen_at": self._clock(), "state": "active"}
            if person.name and not user.name:
                changes["name"] = person.name[:200]
            if person.email:
                changes["email"] = person.email
            return self._update(connection, user.owner, changes)

    def get(self, owner: str) -> User:
        """One user. Raises ``NotFound``."""
        with self._store.read() as connection:
            row = connection.execute(_select().where(mine(users, owner))).first()
        if row is None:
            raise NotFound("There is no such user.")
        return _user(row)

    def by_email(self, email: str) -> User:
        """The user with that address. Raises ``NotFound``, ``UsageError`` if there are several."""
        with self._store.read() as connection:
            found = self._with_email(connection, normal(email))
        if not found:
            raise NotFound(
                "There is no user with this address.", hint="`wlm admin users add EMAIL`."
            )
        if len(found) > 1:
            raise UsageError("Several users have this address; give the id instead.", hint="")
        return found[0]

    def page(self, *, before: str | None = None, limit: int = 50) -> list[User]:
        """Users, newest first; ``before`` is the id that the last page ended with."""
        query = _select().order_by(users.c.owner.desc()).limit(limit)
        if before is not None:
            query = query.where(users.c.owner < before)
        with self._store.read() as connection:
            return [_user(row) for row in connection.execute(query)]

    def change(self, owner: str, *, role: str | None = None, disabled: bool | None = None) -> User:
        """Give a role, disable or enable. Raises ``NotFound``; ``UsageError`` where that would
        leave no admin who can sign in."""
        changes: dict[str, Any] = {}
        if role is not None:
            changes["role"] = role
        with self._store.write() as connection:
            self._alone(connection)
            user = self.get(owner)
            if disabled is not None:
                changes["state"] = "disabled" if disabled else self._enabled(connection, user)
            loses = user.role == "admin" and user.state != "disabled"
            keeps = changes.get("role", user.role) == "admin" and not disabled
            if loses and not keeps and self._admins(connection) <= 1:
                raise Conflict("This is the only administrator; make another one first.", hint="")
            return self._update(connection, owner, changes) if changes else user

    def count(self) -> int:
        """How many users there are."""
        with self._store.read() as connection:
            return connection.execute(select(func.count()).select_from(users)).scalar_one()

    def _known(self, connection: Connection, person: Person) -> User | None:
        query = (
            _select()
            .join(identities, identities.c.owner == users.c.owner)
            .where(identities.c.issuer == person.issuer, identities.c.subject == person.subject)
        )
        row = connection.execute(query).first()
        return _user(row) if row else None

    def _new(
        self,
        connection: Connection,
        person: Person,
        domains: Collection[str],
        emails: Collection[str],
    ) -> User:
        user = self._invited(connection, person)
        if user is None:
            first = not connection.execute(select(func.count()).select_from(users)).scalar()
            if not first and not _listed(person.email, domains, emails):
                raise NotAllowed(
                    "You are not a user of this gateway.",
                    hint="Ask its administrator for an invitation.",
                )
            role = "admin" if first else "user"
            user = self._insert(connection, person.email, person.name[:200], role, "active")
        row = {
            "issuer": person.issuer,
            "subject": person.subject,
            "owner": user.owner,
            "created_at": self._clock(),
        }
        connection.execute(insert(identities).values(row))
        return user

    def _invited(self, connection: Connection, person: Person) -> User | None:
        """The user that waits for this address and has no identity yet."""
        if person.email is None:
            return None
        query = (
            _select()
            .outerjoin(identities, identities.c.owner == users.c.owner)
            .where(users.c.email == person.email, identities.c.owner.is_(None))
            .order_by(users.c.owner)
        )
        row = connection.execute(query).first()
        return _user(row) if row else None

    def _with_email(self, connection: Connection, address: str) -> list[User]:
        return [_user(row) for row in connection.execute(_select().where(users.c.email == address))]

    def _admins(self, connection: Connection) -> int:
        query = select(func.count()).select_from(users)
        query = query.where(users.c.role == "admin", users.c.state != "disabled")
        return connection.execute(query).scalar_one()

    def _enabled(self, connection: Connection, user: User) -> str:
        query = select(func.count()).select_from(identities).where(mine(identities, user.owner))
        return "active" if connection.execute(query).scalar() else "invited"

    def _insert(
        self,
        connection: Connection,
        email: str | None,
        name: str,
        role: str,
        state: str,
        owner: str | None = None,
    ) -> User:
        user = User(owner or new_id(), email, name, role, state, self._clock(), None)
        connection.execute(insert(users).values(user._asdict()))
        return user

    def _update(self, connection: Connection, owner: str, changes: dict[str, Any]) -> User:
        query = update(users).where(mine(users, owner)).values(changes)
        return _user(connection.execute(query.returning(*_columns())).one())

    def _alone(self, connection: Connection) -> None:
        """Two who come first at once are not both the first."""
        if not self._store.sqlite:
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7569263)")


def normal(email: str) -> str:
    """An address as it is compared. Raises ``UsageError`` if it is none."""
    address = email.strip().casefold()
    local, mark, domain = address.rpartition("@")
    spaced = any(character.isspace() or not character.isprintable() for character in address)
    if not (mark and local and domain) or spaced or len(address) > 320:
        raise UsageError("This is no e-mail address.", hint="Such as anna@example.org.")
    return address


def _listed(email: str | None, domains: Collection[str], emails: Collection[str]) -> bool:
    _, mark, domain = (email or "").rpartition("@")
    return bool(mark) and (email in emails or domain in domains)


def _columns() -> list[Any]:
    return [users.c[name] for name in User._fields]


def _select() -> Any:
    return select(*_columns())


def _user(row: Row[Any]) -> User:
    return User(**row._mapping)
