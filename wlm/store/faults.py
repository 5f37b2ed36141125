"""One seam from the drivers' errors to ``StorageFault``, in words that say what to do."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DatabaseError, DBAPIError, InterfaceError, InternalError
from sqlalchemy.exc import OperationalError as SqlOperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from wlm.errors import StorageFault

log = logging.getLogger(__name__)

# What SQLite says (it gives no codes before Python 3.11's sqlite_errorname, which not every
# wrapper keeps), the sentence for people, and whether trying again may help.
_SQLITE = (
    ("locked", "Another program keeps the database locked", "Try again in a moment.", True),
    ("full", "The disk or the database is full", "Free some disk and try again.", True),
    ("readonly", "The database cannot be written", None, False),
    ("read-only", "The database cannot be written", None, False),
    ("unable to open", "The database cannot be opened", None, False),
    ("disk i/o", "The disk failed to read or write the database", None, True),
    (
        "not a database",
        "The file is not a WLM database",
        "Move it away, or point WLM_DATABASE_URL elsewhere.",
        False,
    ),
    (
        "malformed",
        "The database is damaged",
        "Restore a backup, or move the file away; `sqlite3 FILE .recover` may save what it holds.",
        False,
    ),
    (
        "no such table",
        "The database lacks a table",
        "Run `wlm db upgrade`; if that does not help, `wlm doctor`.",
        False,
    ),
)
_LOCKED = ("55P03", "40P01")
"""Postgres' codes for a lock that was not to be had in time, and for a deadlock."""
_SERVER_AWAY = "The database server cannot be reached or broke off"
# Errors of the caller's making (a bad value, a broken constraint) are bugs and stay as they are.
_OURS = (SqlOperationalError, InterfaceError, InternalError)


@contextmanager
def storage_faults(where: str) -> Iterator[None]:
    """Turn what goes wrong outside our code into ``StorageFault``; ``where`` names the database."""
    try:
        yield
    except PoolTimeout:
        raise StorageFault(
            f"Every connection to {where} is in use; nothing was changed.", retryable=True
        ) from None
    except DBAPIError as error:
        fault = _fault(error, where)
        if fault is None:
            raise
        raise fault from None


def _fault(error: DBAPIError, where: str) -> StorageFault | None:
    text = str(error.orig).casefold()
    for mark, sentence, hint, retryable in _SQLITE:
        if mark in text and _from_sqlite(error):
            return StorageFault(
                f"{sentence}: {where}. Nothing was changed.", hint=hint, retryable=retryable
            )
    if not (isinstance(error, _OURS) or type(error) is DatabaseError):
        return None
    if getattr(error.orig, "sqlstate", None) in _LOCKED:
        return StorageFault(
            f"Another transaction keeps it locked: {where}. Nothing was changed.",
            hint="Try again in a moment.",
            retryable=True,
        )
    log.error("database fault %s", type(error.orig).__name__)
    if _from_sqlite(error):
        return StorageFault(f"The database failed ({type(error.orig).__name__}): {where}.")
    return StorageFault(
        f"{_SERVER_AWAY}: {where}. What was not confirmed was not changed.",
        hint="Check that the server runs and WLM_DATABASE_URL is right.",
        retryable=True,
    )


def _from_sqlite(error: DBAPIError) -> bool:
    return type(error.orig).__module__.startswith("sqlite3")
