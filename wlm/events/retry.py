"""When a failed event is tried again."""

from __future__ import annotations

import random
from datetime import timedelta

FIRST_SECONDS = 2.0
LONGEST_SECONDS = 300.0
LONGEST_ASKED_SECONDS = 3600.0


def delay(attempt: int, retry_after: float | None = None) -> timedelta:
    """How long to wait after the attempt of that number (from 1).

    Doubles from two seconds to five minutes, give or take half, so that many events do not
    come back at once. What the provider asks for is the least, up to an hour.
    """
    seconds = min(FIRST_SECONDS * 2 ** (attempt - 1), LONGEST_SECONDS)
    seconds *= random.uniform(0.5, 1.5)  # noqa: S311 - spreads load, hides nothing
    if retry_after is not None and retry_after > 0:
        seconds = max(seconds, min(retry_after, LONGEST_ASKED_SECONDS))
    return timedelta(seconds=seconds)
