"""The gateway in process, and callers who are simply named in a header."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from flask import Flask, Request

from tests.support import mailbox
from tests.support.gateway_fixture import gateway
from wlm import config
from wlm.plugins import manager
from wlm.plugins.manager import Registry
from wlm.server import access
from wlm.server.app import create_app
from wlm.server.policy import allowed
from wlm.server.service import Service

__all__ = ["gateway"]

CALLERS: dict[str, frozenset[str] | None] = {
    "nobody": None,
    "admin": allowed("admin"),
    "user": allowed("user"),
    "guest": allowed("guest"),
    "bare": frozenset(),
}
Connect = Callable[..., httpx.Client]


def by_header(request: Request) -> access.Principal | None:
    """Whoever ``X-Caller`` names (``user``, ``user-anna``): the tests' own way in."""
    name = request.headers.get("X-Caller", "nobody")
    scopes = CALLERS[name.partition("-")[0]]
    return None if scopes is None else access.Principal(f"owner-{name}", scopes, "key", "k1")


@pytest.fixture(scope="session")
def registry() -> Registry:
    """The installed skills: the router that is shipped knows them."""
    return manager.load()


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that keeps the router from one test to the next."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def settings(home: Path, trained: Path, monkeypatch: pytest.MonkeyPatch) -> config.Settings:
    """The settings of the gateway, with a mailbox for all: what is sent is asked about."""
    mailbox.set_up(monkeypatch)
    monkeypatch.setenv("WLM_SHARED_SKILLS", "email")
    loaded = config.load()
    return loaded._replace(paths=loaded.paths._replace(cache=trained))


@pytest.fixture
def app(settings: config.Settings, registry: Registry) -> Iterator[Flask]:
    """The gateway with the installed skills on a new database."""
    service = Service(settings, registry=registry)
    yield create_app(settings, service=service, authenticators=[by_header])
    service.close()


@pytest.fixture
def connect(app: Flask) -> Iterator[Connect]:
    """Makes clients: ``connect("user-anna")``."""
    made: list[httpx.Client] = []

    def client(caller: str = "user", **headers: str) -> httpx.Client:
        made.append(
            httpx.Client(
                transport=httpx.WSGITransport(app),
                base_url="http://gateway.test",
                headers={"X-Caller": caller, **headers},
            )
        )
        return made[-1]

    yield client
    for client_ in made:
        client_.close()
