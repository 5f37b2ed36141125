"""What this process has claimed and not begun: events for the next free threads.

Taking many events in one transaction costs little more than taking one. But what one process
holds no other can take, so it takes no more than its threads are likely to begin within a
moment, going by how many are at work and how long the last events took. Where events are slow,
threads that ask while another one's question is under way ask together, with the next; where they
are quick, no thread waits for another, and each takes as many as itself begins in that moment.
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


class _Flight:
    """A question of several threads, which one of them asks for all: how many they are, and what
    was claimed for them."""

    def __init__(self) -> None:
        self.seats = 0
        self.landed = False
        self.claims: deque[Claim] = deque()


class Stock:
    """Claims for the threads of this process."""

    def __init__(self, claims: Claims) -> None:
        self.suspects = Suspects.ALSO
        """Whether suspects are taken, too: not where a process of their own runs them."""
        self._claims = claims
        self._lock = threading.Lock()
        self._landed = threading.Condition(self._lock)
        self._boarding: dict[int, _Flight] = {}
        self._under_way = False
        self._held: deque[_Held] = deque()
        self._seconds = _FIRST_GUESS
        self._at_work = 0

    def next(self, most: int = 9) -> Claim | None:
        """The next event with a priority of ``most`` or less, to be begun at once and told of
        when it is over (``took``); ``None`` if there is none."""
        claim = self._next(most)
        if claim is not None:
            with self._lock:
                self._at_work += 1
        return claim

    def _next(self, most: int) -> Claim | None:
        with self._lock:
            if (claim := self._of_held(most)) is not None:
                return claim
            alone = min(int(MOMENT_SECONDS / self._seconds), MOST)
        return self._alone(most, alone) if alone > 1 else self._together(most)

    def _alone(self, most: int, count: int) -> Claim | None:
        claims = self._claims.next(count, most=most, suspects=self.suspects)
        now = elapsed()
        with self._lock:
            self._held.extend(_Held(claim, now) for claim in claims[1:])
        return claims[0] if claims else None

    def _together(self, most: int) -> Claim | None:
        with self._lock:
            flight = self._boarding.setdefault(most, _Flight())
            flight.seats += 1
            while self._under_way and not flight.landed:
                self._landed.wait()
                if not flight.landed and (claim := self._of_held(most)) is not None:
                    flight.seats -= 1
                    return claim
            if flight.landed:
                return flight.claims.popleft() if flight.claims else None
            del self._boarding[most]
            self._under_way = True
            soon = int(self._at_work * MOMENT_SECONDS / self._seconds)
            count = max(flight.seats, min(flight.seats + soon, MOST))
        claims: list[Claim] = []
        try:
            claims = self._claims.next(count, most=most, suspects=self.suspects)
        finally:
            self._land(flight, claims)
        return claims[0] if claims else None

    def _of_held(self, most: int) -> Claim | None:
        now = elapsed()
        for held in self._held:
            # An old one is not ours any more, perhaps; the sweep gives it back if it is.
            fresh = now - held.since < OLD_SECONDS
            if fresh and held.claim.row["priority"] <= most:
                self._held.remove(held)
                return held.claim
        return None

    def _land(self, flight: _Flight, claims: list[Claim]) -> None:
        """Share out what was claimed: the first is the asker's own."""
        now = elapsed()
        with self._lock:
            flight.claims.extend(claims[1 : flight.seats])
            self._held.extend(_Held(claim, now) for claim in claims[flight.seats :])
            flight.landed, self._under_way = True, False
            self._landed.notify_all()

    def took(self, seconds: float) -> None:
        """An event took so long. One slow event counts at once, many quick ones slowly."""
        with self._lock:
            self._at_work = max(self._at_work - 1, 0)
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
