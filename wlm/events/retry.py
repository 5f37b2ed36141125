"""When a failed event is tried again."""

from __future__ import annotations

import random
from datetime import timedelta

from wlm.events.claims import BACKGROUND
from wlm.events.rows import Row

FIRST_SECONDS = 2.0
LONGEST_SECONDS = 300.0
LONGEST_ASKED_SECONDS = 3600.0


PUT_OFF_FOR = timedelta(days=1)
"""How long after it was accepted an event may stand back for a provider without losing a try."""


def may_wait(row: Row) -> bool:
    """Whether a claimed event whose provider is left alone stands back, as if not tried.

    Not what somebody asks and waits for: that is told at once.
    """
    waited_for = row["effect"] == "read" and row["priority"] < BACKGROUND
    young: bool = row["started_at"] - row["created_at"] < PUT_OFF_FOR
    return young and not waited_for


def pause(seconds: float | None) -> timedelta:
    """How long such an event stands back, where its provider is left alone for ``seconds``.

    Up to twice as long, so that not all of them come back at once.
    """
    return timedelta(seconds=(seconds or FIRST_SECONDS) * random.uniform(1.0, 2.0))  # noqa: S311


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
