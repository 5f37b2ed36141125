"""Recordings made with two speech synthesisers, and the transcriber that hears them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from wlm.config import load
from wlm.pipeline.audio import decode
from wlm.pipeline.transcribe.whisper import FasterWhisper

DATA = Path(__file__).parent / "data"
Recording = Callable[[str], NDArray[np.float32]]


@pytest.fixture(scope="session")
def recording() -> Recording:
    """The samples of a recording in the folder ``data``."""
    return lambda name: decode(DATA / f"{name}.ogg", max_bytes=1_000_000, max_seconds=60.0).samples


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment with a home of its own; the joined model is kept for all tests."""
    return {"WLM_HOME": str(tmp_path_factory.mktemp("home"))}


@pytest.fixture(scope="session")
def whisper(home: dict[str, str]) -> FasterWhisper:
    """The transcriber with the default settings."""
    return FasterWhisper.from_settings(load(environ=home))


@pytest.fixture
def noise() -> NDArray[np.float32]:
    """Five seconds of hiss, as loud as quiet speech."""
    return (0.05 * np.random.default_rng(1).standard_normal(80_000)).astype(np.float32)
