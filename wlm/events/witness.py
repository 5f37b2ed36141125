"""Which runs are still heard of: told by watching, not by comparing clocks.

Each worker moves the lease of what it runs on at every beat. A run whose lease has stood
still for as long as a lease lasts, by this process's own stopwatch, is lost. So a clock that
is stepped, or another machine's that is wrong, ends nobody's run. A process that does not
live that long cannot watch: for it a run is lost once its lease is hours old.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

CERTAINLY_OVER = timedelta(hours=2)
"""A lease that ended so long ago by the clock is over, seen or not. Clocks are off by less."""


class Witness:
    """Remembers since when each lease has stood still."""

    def __init__(self, seconds: float, stopwatch: Callable[[], float] = time.monotonic) -> None:
        """``seconds``: how long a lease lasts."""
        self._seconds = seconds
        self._stopwatch = stopwatch
        self._seen: dict[str, tuple[Any, float]] = {}

    def silent(self, running: Iterable[Mapping[Any, Any]], now: datetime) -> set[str]:
        """Ids of the running events that have not been heard of for too long."""
        moment = self._stopwatch()
        before, seen = self._seen, {}
        lost = set()
        for row in running:
            mark = (row["lease_token"], row["lease_until"])
            known = before.get(row["id"])
            since = known[1] if known is not None and known[0] == mark else moment
            seen[row["id"]] = (mark, since)
            if moment - since > self._seconds or row["lease_until"] + CERTAINLY_OVER < now:
                lost.add(row["id"])
        self._seen = seen
        return lost

    def heard(self, ids: Iterable[str]) -> None:
        """These give another sign of life: they count as heard of now."""
        for id_ in ids:
            self._seen[id_] = (self._seen[id_][0], self._stopwatch())
