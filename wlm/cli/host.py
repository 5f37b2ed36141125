"""Accounts on the machine that runs the gateway: the database is at hand, no sign-in is needed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wlm.server.auth.accounts import Accounts
    from wlm.store.accounts.users import User

HOST = "host"
"""Who the audit log says has done what is done here."""


@contextmanager
def accounts() -> Iterator[Accounts]:
    """The accounts in this machine's database."""
    from wlm.config import load
    from wlm.server.auth.accounts import Accounts
    from wlm.store.migrate import open_store

    settings = load()
    store = open_store(settings)
    try:
        yield Accounts(store, settings)
    finally:
        store.close()


def user(found: Accounts, who: str) -> User:
    """The user with that address or id. Raises ``NotFound``, ``UsageError``."""
    return found.users.by_email(who) if "@" in who else found.users.get(who)
