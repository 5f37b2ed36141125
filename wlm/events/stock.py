"""What this process has claimed and not begun: events for the next free threads.

Taking many events in one transaction costs little more than taking one. But what one process
holds no other can take, so it takes no more than what is likely begun within a moment, going
by how long the last events took: skills that wait on a network are taken one by one.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import NamedTuple

from wlm.events.claims import Claim, Claims
from wlm.events.stopwatch import elapsed
from wlm.events.suspects import Suspects

MOMENT_SECONDS = 0.02
MOST = 32
OLD_SECONDS = 0.5
"""What has waited so long here stands behind something slow, and is given back."""
_FIRST_GUESS = 1.0
_SLOWLY = 0.8


class _Held(NamedTuple):
    claim: Claim
    since: float


class Stock:
    """Claims for the threads of this process."""

    def __init__(self, claims: Claims) -> None:
        self.suspects = Suspects.ALSO
        """Whether suspects are taken, too: not where a process of their own runs them."""
        self._claims = claims
        self._lock = threading.Lock()
        self._held: deque[_Held] = deque()
        self._seconds = _FIRST_GUESS

    def next(self, most: int = 9) -> Claim | None:
        """The next event with a priority of ``most`` or less; ``None`` if there is none."""
        with self._lock:
            now = elapsed()
            for held in self._held:
                # An old one is not ours any more, perhaps; the sweep gives it back if it is.
                fresh = now - held.since < OLD_SECONDS
                if fresh and held.claim.row["priority"] <= most:
                    self._held.remove(held)
                    return held.claim
            count = max(1, min(int(MOMENT_SECONDS / self._seconds), MOST))
        claims = self._claims.next(count, most=most, suspects=self.suspects)
        if not claims:
            return None
        if len(claims) > 1:
            now = elapsed()
            with self._lock:
                self._held.extend(_Held(claim, now) for claim in claims[1:])
        return claims[0]

    def took(self, seconds: float) -> None:
        """An event took so long. One slow event counts at once, many quick ones slowly."""
        blend = _SLOWLY * self._seconds + (1 - _SLOWLY) * seconds
        self._seconds = max(seconds, blend, 1e-6)

    def give_back(self, older_than: float = 0.0) -> list[str]:
        """Queue again what has waited here for so many seconds; the ids of those."""
        now = elapsed()
        with self._lock:
            old = [held for held in self._held if now - held.since >= older_than]
            self._held = deque(held for held in self._held if held not in old)
        back = [self._claims.give_back(held.claim.row, "not begun") for held in old]
        return [row["id"] for row in back if row is not None]
