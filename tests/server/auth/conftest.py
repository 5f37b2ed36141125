"""A store on each database, its accounts, a clock that a test moves, and a real issuer."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.serving import make_server

from tests.support.databases import database_url, settings, store
from tests.support.oidc import Issuer
from wlm import config
from wlm.plugins.manager import Registry
from wlm.server.app import create_app
from wlm.server.auth.accounts import Accounts
from wlm.server.service import Service
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


@pytest.fixture
def app(home: Path, issuer: Issuer, clock: Clock) -> Iterator[Flask]:
    """A gateway without skills."""
    here = {"public_url": "http://127.0.0.1:8765", "sign_in_domains": "example.org"}
    settings = config.load({**client_of(issuer), **here})
    service = Service(settings, registry=Registry(), clock=clock)
    yield create_app(settings, service=service)
    service.close()


@pytest.fixture
def gateway(app: Flask) -> Iterator[str]:
    """The gateway on a port of this machine; its address."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def client_of(issuer: Issuer, name: str = "wlm") -> dict[str, str]:
    """The settings of a client at an issuer."""
    return {
        "google_issuer": issuer.url,
        "google_client_id": name,
        "google_client_secret": f"secret-of-{name}",
    }
