"""Fixtures: conversations about an empty calendar."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from plugins.meeting.tests.talk import Talk


@pytest.fixture
def talk(tmp_path: Path) -> Talk:
    """A conversation with an empty calendar."""
    return Talk(tmp_path)


@pytest.fixture
def talk_at(tmp_path: Path) -> Callable[..., Talk]:
    """A conversation at another time or place: options of ``wlm.plugins.testing.context``."""
    return lambda **options: Talk(tmp_path, **options)
