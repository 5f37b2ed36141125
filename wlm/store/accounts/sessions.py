"""Sessions and their refresh tokens: rotated at each use, and a stolen one ends the session.

A refresh token is opaque and only its SHA-256 is stored. Its successor is derived from it
under a secret of the host, so that a client whose answer was lost, or two processes that
refresh at once, get the *same* successor for a few seconds, and nothing readable is kept.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, insert, or_, select, update

from wlm.errors import NotFound, NotSignedIn
from wlm.store.accounts.audit import Audit
from wlm.store.accounts.tables import refresh_tokens, sessions, users
from wlm.store.engine import Store
from wlm.store.scope import mine
from wlm.types import new_id

PREFIX = "wlmr_"
IDLE = timedelta(days=30)
"""A session that was not used so long is over."""
LONGEST = timedelta(days=365)
"""A session is over then, however much it is used."""
GRACE = timedelta(seconds=10)
"""So long a used token gives the same successor again, while that one is unused."""
_KEPT = timedelta(days=7)


class Session(NamedTuple):
    """One sign-in."""

    id: str
    owner: str
    device: str
    address: str
    created_at: datetime
    used_at: datetime
    expires_at: datetime
    ended_at: datetime | None
    end_reason: str | None


class Grant(NamedTuple):
    """What a sign-in or a refresh gives: the session and its next refresh token."""

    session: Session
    role: str
    refresh_token: str


class Sessions:
    """The sessions in a store."""

    def __init__(self, store: Store, audit: Audit, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._audit = audit
        self._clock = clock
        self._secret: bytes | None = None

    def begin(self, owner: str, *, device: str, address: str) -> Grant:
        """A new session for a user who has signed in."""
        now = self._clock()
        session = Session(
            new_id(), owner, device[:200], address[:64], now, now, now + IDLE, None, None
        )
        token = PREFIX + secrets.token_urlsafe(32)
        with self._store.write() as connection:
            connection.execute(insert(sessions).values(session._asdict()))
            self._keep(connection, session, token)
            query = select(users.c.role).where(mine(users, owner))
            role = connection.execute(query).scalar_one()
        return Grant(session, role, token)

    def refresh(self, token: str, *, address: str) -> Grant:
        """The next token of a session. Raises ``NotSignedIn``.

        A token that was used before ends its session, but for the first seconds: then it
        gives what it gave, as long as that is unused.
        """
        with self._store.write() as connection:
            found = self._locked(connection, token)
            now = self._clock()
            if found is None or found.ended_at is not None or found.expires_at <= now:
                raise NotSignedIn("This sign-in is over.")
            if found.state != "active":
                raise NotSignedIn("This account is disabled.", hint="Ask the administrator.")
            successor = self._successor(token)
            stolen = found.used_at is not None and not self._repeated(connection, found, successor)
            if stolen:
                # Not raised in here: that would undo the end.
                self._end(connection, found.session, "reuse")
                self._audit.add(
                    "session.reuse",
                    actor=found.owner,
                    target=found.session,
                    outcome="ended",
                    address=address,
                )
            else:
                if found.used_at is None:
                    self._use(connection, found, successor)
                session = self._session(connection, found.session)
        if stolen:
            raise NotSignedIn(
                "This refresh token was used before, so the sign-in was ended.",
                hint="Run `wlm login`. If it was not you who used it, end your other sessions too.",
            )
        return Grant(session, found.role, successor)

    def live(self, session_id: str) -> tuple[str, str] | None:
        """(owner, role) of a session that gives access now, else ``None``."""
        query = (
            select(sessions.c.owner, users.c.role)
            .join(users, users.c.owner == sessions.c.owner)
            .where(
                sessions.c.id == session_id,
                sessions.c.ended_at.is_(None),
                sessions.c.expires_at > self._clock(),
                users.c.state == "active",
            )
        )
        with self._store.read() as connection:
            row = connection.execute(query).first()
        return (row.owner, row.role) if row else None

    def list(self, owner: str) -> list[Session]:
        """The owner's sessions that are not over, newest first."""
        query = _select().where(
            mine(sessions, owner),
            sessions.c.ended_at.is_(None),
            sessions.c.expires_at > self._clock(),
        )
        with self._store.read() as connection:
            rows = connection.execute(query.order_by(sessions.c.id.desc()))
            return [Session(*row) for row in rows]

    def end(self, owner: str, session_id: str, *, address: str | None = None) -> None:
        """End one session of its owner. Raises ``NotFound`` if there is none that lasts."""
        where = (mine(sessions, owner), sessions.c.id == session_id, sessions.c.ended_at.is_(None))
        with self._store.write() as connection:
            if connection.execute(select(sessions.c.id).where(*where)).first() is None:
                raise NotFound("There is no such session.")
            self._end(connection, session_id, "user")
            self._audit.add("session.end", actor=owner, target=session_id, address=address)

    def end_all(self, owner: str, *, reason: str, but: str | None = None) -> int:
        """End the sessions of a user, except one; how many."""
        query = select(sessions.c.id).where(mine(sessions, owner), sessions.c.ended_at.is_(None))
        with self._store.write() as connection:
            ids = [id_ for id_ in connection.execute(query).scalars() if id_ != but]
            for id_ in ids:
                self._end(connection, id_, reason)
        return len(ids)

    def prune(self) -> int:
        """Remove sessions that are long over, with their tokens; how many."""
        old = self._clock() - _KEPT
        over = or_(sessions.c.ended_at < old, sessions.c.expires_at < old)
        with self._store.write() as connection:
            return connection.execute(delete(sessions).where(over)).rowcount

    def _locked(self, connection: Connection, token: str) -> Any:
        """The token with its session and user, held until the transaction ends."""
        query = (
            select(
                refresh_tokens.c.hash,
                refresh_tokens.c.used_at,
                refresh_tokens.c.session,
                refresh_tokens.c.owner,
                sessions.c.ended_at,
                sessions.c.expires_at,
                sessions.c.created_at,
                users.c.role,
                users.c.state,
            )
            .join(sessions, sessions.c.id == refresh_tokens.c.session)
            .join(users, users.c.owner == refresh_tokens.c.owner)
            .where(refresh_tokens.c.hash == _hash(token))
            .with_for_update(of=[refresh_tokens, sessions])
        )
        return connection.execute(query).first()

    def _repeated(self, connection: Connection, found: Any, successor: str) -> bool:
        """Whether this is the same refresh once more: just now, and its answer is unused."""
        if self._clock() - found.used_at > GRACE:
            return False
        query = select(refresh_tokens.c.hash).where(
            mine(refresh_tokens, found.owner),
            refresh_tokens.c.hash == _hash(successor),
            refresh_tokens.c.used_at.is_(None),
        )
        return connection.execute(query).first() is not None

    def _use(self, connection: Connection, found: Any, successor: str) -> None:
        now = self._clock()
        used = update(refresh_tokens).where(refresh_tokens.c.hash == found.hash)
        connection.execute(used.values(used_at=now))
        expires = min(now + IDLE, found.created_at + LONGEST)
        renewed = update(sessions).where(sessions.c.id == found.session)
        connection.execute(renewed.values(used_at=now, expires_at=expires))
        self._keep(connection, self._session(connection, found.session), successor)
        # Older ones than this are not told from unknown ones any more; both are refused.
        connection.execute(
            delete(refresh_tokens).where(
                refresh_tokens.c.session == found.session, refresh_tokens.c.used_at < now - _KEPT
            )
        )

    def _keep(self, connection: Connection, session: Session, token: str) -> None:
        row = {
            "hash": _hash(token),
            "session": session.id,
            "owner": session.owner,
            "created_at": self._clock(),
            "used_at": None,
        }
        connection.execute(insert(refresh_tokens).values(row))

    def _successor(self, token: str) -> str:
        if self._secret is None:
            self._secret = self._store.vault.secret("refresh tokens")
        digest = hmac.digest(self._secret, token.encode(), "sha256")
        return PREFIX + base64.urlsafe_b64encode(digest).decode().rstrip("=")

    def _session(self, connection: Connection, session_id: str) -> Session:
        return Session(*connection.execute(_select().where(sessions.c.id == session_id)).one())

    def _end(self, connection: Connection, session_id: str, reason: str) -> None:
        query = update(sessions).where(sessions.c.id == session_id)
        connection.execute(query.values(ended_at=self._clock(), end_reason=reason))


def _select() -> Any:
    return select(*(sessions.c[name] for name in Session._fields))


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
