from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tests.support import lab
from tests.support.databases import database_url, settings, store
from tests.support.redis import BINARY, MISSING, RedisServer
from wlm import config
from wlm.events.engine import Engine
from wlm.plugins.manager import Registry
from wlm.store.engine import Store

__all__ = ["database_url", "settings", "store"]


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    """A Redis of the module's own."""
    if BINARY is None:
        pytest.skip(MISSING)
    with RedisServer() as server:
        yield server


@pytest.fixture
def registry(store: Store) -> Registry:
    """The lab's registry; its table is there."""
    with store.write() as connection:
        lab.tables.create_all(connection)
    return lab.registry()


@pytest.fixture
def skill(registry: Registry) -> lab.Lab:
    """The lab itself, to be told what to do."""
    made = registry.skills["lab"].skill
    assert isinstance(made, lab.Lab)
    return made


@pytest.fixture
def clock() -> lab.Clock:
    """A clock that stands still."""
    return lab.Clock(datetime(2026, 11, 22, 9, 0, tzinfo=UTC))


@pytest.fixture
def engine(store: Store, registry: Registry, settings: config.Settings, clock: lab.Clock) -> Engine:
    """An engine on that database."""
    return Engine(store, registry, settings, clock=clock, beat=0.05)
