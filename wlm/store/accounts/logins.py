"""Logins that wait for the user: the gateway's side of the device flow."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import delete, insert, select, update

from wlm.errors import NotSignedIn
from wlm.store.accounts.tables import device_logins
from wlm.store.engine import Store
from wlm.store.vault import HOST

PREFIX = "wlml_"
MOST = 1000
"""So many logins may wait at once; each costs the issuer something."""


class Login(NamedTuple):
    """A login that waits. ``due``: the issuer may be asked now. ``interval`` is in seconds."""

    hash: str
    device_code: str
    device: str
    address: str
    interval: int
    due: bool


class Logins:
    """The waiting logins in a store; ``login_id`` is known to the client alone."""

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock

    def begin(
        self, device_code: str, *, device: str, address: str, interval: int, lasts: int
    ) -> str:
        """Keep a login for ``lasts`` seconds; its id. Raises ``NotSignedIn`` if too many wait."""
        login_id = PREFIX + secrets.token_urlsafe(32)
        hashed, now = _hash(login_id), self._clock()
        sealed = self._store.vault.seal(
            HOST, "device_logins", "device_code", hashed, device_code.encode()
        )
        row = {
            "hash": hashed,
            "device_code": sealed,
            "device": device[:200],
            "address": address[:64],
            "interval": interval,
            "poll_at": now + timedelta(seconds=interval),
            "created_at": now,
            "expires_at": now + timedelta(seconds=lasts),
        }
        with self._store.write() as connection:
            connection.execute(delete(device_logins).where(device_logins.c.expires_at < now))
            if len(connection.execute(select(device_logins.c.hash)).all()) >= MOST:
                raise NotSignedIn("Too many sign-ins are under way.", hint="Try again later.")
            connection.execute(insert(device_logins).values(row))
        return login_id

    def take_turn(self, login_id: str) -> Login:
        """The login, and whether the issuer may be asked now: of several callers, by one.

        Raises ``NotSignedIn`` if it is not known, used or expired.
        """
        now, hashed = self._clock(), _hash(login_id)
        with self._store.write() as connection:
            query = select(device_logins).where(device_logins.c.hash == hashed)
            row = connection.execute(query.with_for_update()).first()
            if row is None or row.expires_at <= now:
                raise NotSignedIn("This sign-in has expired or was used.")
            due = bool(row.poll_at <= now)
            if due:
                self._wait(hashed, row.interval)
        code = self._store.vault.open(
            HOST, "device_logins", "device_code", hashed, row.device_code
        ).decode()
        return Login(hashed, code, row.device, row.address, row.interval, due)

    def slow_down(self, login: Login, seconds: int) -> None:
        """Ask the issuer less often from now on."""
        with self._store.write():
            self._wait(login.hash, login.interval + seconds)

    def finish(self, login: Login) -> bool:
        """Take the login away; whether it was still there, which is so for one caller."""
        query = delete(device_logins).where(device_logins.c.hash == login.hash)
        with self._store.write() as connection:
            return connection.execute(query).rowcount == 1

    def _wait(self, hashed: str, interval: int) -> None:
        query = update(device_logins).where(device_logins.c.hash == hashed)
        poll_at = self._clock() + timedelta(seconds=interval)
        with self._store.write() as connection:
            connection.execute(query.values(interval=interval, poll_at=poll_at))


def _hash(login_id: str) -> str:
    return hashlib.sha256(login_id.encode()).hexdigest()
