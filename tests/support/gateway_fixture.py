"""The gateway of a test module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.gateway import Gateway


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway of the module's own, with the settings that it has by itself."""
    made = Gateway(tmp_path_factory.mktemp("gateway")).wait()
    yield made
    made.stop()
