"""The databases that everything in the store must work on, as a fixture."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import postgres
from wlm import config
from wlm.store.engine import Store
from wlm.store.migrate import open_store


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a new, empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'data' / 'wlm.db'}"
    return postgres.server().database()


@pytest.fixture
def settings(home: Path, database_url: str) -> config.Settings:
    """Settings that name that database."""
    return config.load({"database_url": database_url})


@pytest.fixture
def store(settings: config.Settings) -> Iterator[Store]:
    """The database with the core's tables in it."""
    made = open_store(settings)
    yield made
    made.close()
