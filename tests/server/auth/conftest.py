"""A store on each database, its accounts, a clock that a test moves, and a real issuer."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.databases import database_url, settings, store
from tests.support.oidc import Issuer
from wlm import config
from wlm.server.auth.accounts import Accounts
from wlm.store.engine import Store

__all__ = ["database_url", "settings", "store"]


@dataclasses.dataclass
class Clock:
    """Real time, moved by hand."""

    offset: timedelta = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.offset

    def go(self, **by: float) -> None:
        """Move on: ``seconds=…``, ``days=…``."""
        self.offset += timedelta(**by)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make(store: Store, settings: config.Settings, clock: Clock) -> Callable[..., Accounts]:
    """Accounts over the store with other settings."""

    def made(**values: Any) -> Accounts:
        changed = settings.config.model_copy(update=values)
        return Accounts(store, settings._replace(config=changed), clock=clock)

    return made


@pytest.fixture
def accounts(make: Callable[..., Accounts]) -> Accounts:
    """Accounts without an issuer."""
    return make()


@pytest.fixture(scope="session")
def issuer() -> Iterator[Issuer]:
    """One issuer for all tests that change nothing about it."""
    clients: dict[str, dict[str, Any]] = {
        "wlm": {"redirect": "http://127.0.0.1:8765/v1/auth/browser/callback"},
        "other": {},
        "hasty": {"lasts": 1},
    }
    with Issuer(clients) as running:
        yield running


def client_of(issuer: Issuer, name: str = "wlm") -> dict[str, str]:
    """The settings of a client at an issuer."""
    return {
        "google_issuer": issuer.url,
        "google_client_id": name,
        "google_client_secret": f"secret-of-{name}",
    }
