"""API keys: ``wlmk_`` + 10 characters that name it + 32 that are secret + 6 of checksum.

The checksum tells a mistyped key from a wrong one without a look at the database, and lets
scanners find keys in published code. Stored is an HMAC under a secret of the host: the key
has 190 bits, so a slow hash would add nothing but time.
"""

from __future__ import annotations

import hmac
import secrets
import string
import zlib
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import insert, select, update

from wlm.errors import Conflict, NotFound, NotSignedIn, UsageError
from wlm.store.accounts.audit import Audit
from wlm.store.accounts.tables import api_keys, users
from wlm.store.engine import Store
from wlm.store.scope import mine

PREFIX = "wlmk_"
_ALPHABET = string.digits + string.ascii_letters
_ID, _SECRET, _SUM = 10, 32, 6
_MOST = 100
_SEEN_EVERY = timedelta(minutes=1)


class ApiKey(NamedTuple):
    """A key, without its secret. ``scopes``: what it may do at most."""

    id: str
    owner: str
    name: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    used_at: datetime | None
    revoked_at: datetime | None


class Verified(NamedTuple):
    """Whose key it is, and what the owner and the key may do."""

    key: ApiKey
    role: str


class ApiKeys:
    """The keys in a store."""

    def __init__(self, store: Store, audit: Audit, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._audit = audit
        self._clock = clock
        self._pepper: bytes | None = None

    def create(
        self,
        owner: str,
        name: str,
        scopes: Iterable[str],
        *,
        expires_at: datetime | None = None,
        actor: str | None = None,
        key_id: str | None = None,
    ) -> tuple[ApiKey, str]:
        """A new key and its text, which cannot be shown again.

        Raises ``UsageError`` for a time that has passed, or where there are too many.
        """
        now = self._clock().astimezone(UTC)
        if expires_at is not None and expires_at <= now:
            raise UsageError("The key would have expired already.", hint="")
        key = ApiKey(
            key_id or new_key_id(),
            owner,
            name.strip()[:100],
            sorted(scopes),
            now,
            expires_at,
            None,
            None,
        )
        text = _text(key.id, _random(_SECRET))
        with self._store.write() as connection:
            if len(self.list(owner)) >= _MOST:
                raise Conflict(f"There are {_MOST} keys already; revoke one first.", hint="")
            row = {**key._asdict(), "hash": self._hash(text)}
            connection.execute(insert(api_keys).values(row))
            detail = {"scopes": key.scopes}
            self._audit.add("key.create", actor=actor or owner, target=key.id, detail=detail)
        return key, text

    def verify(self, text: str) -> Verified:
        """The key that ``text`` is. Raises ``NotSignedIn``, with the same words whatever is wrong
        with it but its form."""
        id_ = _id_of(text)
        columns = [api_keys.c[name] for name in ApiKey._fields]
        query = (
            select(*columns, api_keys.c.hash, users.c.role, users.c.state)
            .join(users, users.c.owner == api_keys.c.owner)
            .where(api_keys.c.id == id_)
        )
        with self._store.read() as connection:
            row = connection.execute(query).first()
        # The same work for a key that is not there.
        right = hmac.compare_digest(self._hash(text), row.hash if row else "0" * 64)
        if row is None or not right or row.state == "disabled":
            raise _refused()
        key = ApiKey(*row[: len(columns)])
        now = self._clock().astimezone(UTC)
        if key.revoked_at is not None or (key.expires_at is not None and key.expires_at <= now):
            raise _refused()
        self._seen(key, now)
        return Verified(key, row.role)

    def list(self, owner: str) -> list[ApiKey]:
        """The owner's keys that are not revoked, newest first."""
        columns = [api_keys.c[name] for name in ApiKey._fields]
        query = select(*columns).where(mine(api_keys, owner), api_keys.c.revoked_at.is_(None))
        with self._store.read() as connection:
            rows = connection.execute(query.order_by(api_keys.c.created_at.desc(), api_keys.c.id))
            return [ApiKey(*row) for row in rows]

    def revoke(self, owner: str, key_id: str, *, actor: str | None = None) -> None:
        """Make a key of its owner worthless. Raises ``NotFound``."""
        query = update(api_keys).where(
            mine(api_keys, owner), api_keys.c.id == key_id, api_keys.c.revoked_at.is_(None)
        )
        with self._store.write() as connection:
            if not connection.execute(query.values(revoked_at=self._clock())).rowcount:
                raise NotFound("There is no such key.", hint="`wlm keys list` shows yours.")
            self._audit.add("key.revoke", actor=actor or owner, target=key_id)

    def _seen(self, key: ApiKey, now: datetime) -> None:
        """Note the use, at most once a minute: a write for each request would cost more."""
        if key.used_at is not None and now - key.used_at < _SEEN_EVERY:
            return
        query = update(api_keys).where(mine(api_keys, key.owner), api_keys.c.id == key.id)
        with self._store.write() as connection:
            connection.execute(query.values(used_at=now))

    def _hash(self, text: str) -> str:
        if self._pepper is None:
            self._pepper = self._store.vault.secret("api keys")
        return hmac.digest(self._pepper, text.encode(), "sha256").hex()


def new_key_id() -> str:
    """A fresh name for a key."""
    return _random(_ID)


def looks_like(text: str) -> bool:
    """Whether ``text`` claims to be an API key."""
    return text.startswith(PREFIX)


def _text(id_: str, secret: str) -> str:
    body = f"{PREFIX}{id_}{secret}"
    return body + _checksum(body)


def _checksum(body: str) -> str:
    number, digits = zlib.crc32(body.encode()), ""
    for _ in range(_SUM):
        number, digit = divmod(number, len(_ALPHABET))
        digits = _ALPHABET[digit] + digits
    return digits


def _id_of(text: str) -> str:
    body, checksum = text[:-_SUM], text[-_SUM:]
    well_formed = (
        text.isascii()
        and len(text) == len(PREFIX) + _ID + _SECRET + _SUM
        and text.startswith(PREFIX)
        and hmac.compare_digest(_checksum(body), checksum)
    )
    if not well_formed:
        raise NotSignedIn("This is no API key: a part is missing or mistyped.", hint=_HINT)
    return body[len(PREFIX) : len(PREFIX) + _ID]


_HINT = "Make one with `wlm keys create`."


def _refused() -> NotSignedIn:
    return NotSignedIn("This API key is not valid (any more).", hint=_HINT)


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))
