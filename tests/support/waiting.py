"""Wait in a test for what another thread or process does."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(look: Callable[[], T], there: Callable[[T], bool] = bool, seconds: float = 60) -> T:
    """What ``look`` gives once it is ``there``. It is an error if that takes longer."""
    ends = time.monotonic() + seconds
    while not there(found := look()):
        assert time.monotonic() < ends, f"it did not come to that, but to {found!r}"
        time.sleep(0.02)
    return found
