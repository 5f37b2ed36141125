"""``Idempotency-Key``: a request that is repeated is done once.

What was answered is not kept, only what it was about (a turn's or an event's id): a repetition
is answered from that, so there is no second copy of what was said.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from flask import request
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from wlm.errors import InProgress, KeyReused, UsageError
from wlm.server.access import owner
from wlm.server.service import service
from wlm.store.scope import mine
from wlm.store.tables import idempotency_keys as keys

HEADER = "Idempotency-Key"
KEPT = timedelta(hours=24)
BUSY = timedelta(seconds=60)
"""For so long a request without an end is taken to be still under way, not lost."""

_LONGEST = 255


@dataclasses.dataclass
class Held:
    """A reservation: the subject's id, and whether this is the first request with the key.

    Where it is not, the first one has ended, or was lost on the way. The first one may set
    another subject, where it only turns out what it is about.
    """

    subject: str
    fresh: bool


@contextmanager
def reserve(form: str | bytes, subject: str) -> Iterator[Held]:
    """Hold the request's key, if it has one, until the block ends; an error gives it back.

    ``form`` is what the request says; ``subject`` the id of what it makes or changes. Raises
    ``KeyReused`` for the same key with another form, ``InProgress`` while the first runs.
    """
    key = _key()
    if not key:
        yield Held(subject, fresh=True)
        return
    data = form if isinstance(form, bytes) else form.encode()
    print_ = hashlib.sha256(request.path.encode() + b"\n" + data).hexdigest()
    held = _take(key, print_, subject)
    try:
        yield held
    except BaseException:
        if held.fresh:
            _give_back(key)
        raise
    _close(key, held.subject)


def _key() -> str:
    key = request.headers.get(HEADER, "")
    if len(key) > _LONGEST or not key.isprintable():
        raise UsageError(
            f"The {HEADER} is longer than {_LONGEST} characters, or holds odd ones.",
            hint="A UUID will do.",
        )
    return key


def _take(key: str, fingerprint: str, subject: str) -> Held:
    store, now = service().store, service().clock()
    row = {
        "owner": owner(),
        "key": key,
        "fingerprint": fingerprint,
        "subject": subject,
        "done": False,
        "created_at": now,
    }
    with store.write() as connection:
        # Under the owner's key: nobody can try out what was said.
        fingerprint = row["fingerprint"] = store.vault.fingerprint(connection, owner(), fingerprint)
        connection.execute(delete(keys).where(mine(keys, owner()), keys.c.created_at < now - KEPT))
        known = connection.execute(
            select(keys).where(mine(keys, owner()), keys.c.key == key)
        ).first()
        if known is None:
            try:
                with connection.begin_nested():
                    connection.execute(insert(keys).values(row))
            except IntegrityError:  # another request was quicker
                raise InProgress(retry_after=1) from None
            return Held(subject, fresh=True)
        if known.fingerprint != fingerprint:
            raise KeyReused
        if not known.done:
            if now - known.created_at < BUSY:
                raise InProgress(retry_after=1)
            mark = update(keys).where(mine(keys, owner()), keys.c.key == key)
            connection.execute(mark.values(created_at=now))  # this one takes it over
        return Held(known.subject, fresh=False)


def _close(key: str, subject: str) -> None:
    with service().store.write() as connection:
        mark = update(keys).where(mine(keys, owner()), keys.c.key == key)
        connection.execute(mark.values(done=True, subject=subject))


def _give_back(key: str) -> None:
    with service().store.write() as connection:
        connection.execute(delete(keys).where(mine(keys, owner()), keys.c.key == key))
