"""Who decodes next, where many threads share one recogniser.

As many decode at once as the recogniser has workers. Requests go before drafts, and both
before long recordings, so a request waits for one of their batches at most. How many are
let in is bounded, and who has gone leaves the queue.
"""

from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from wlm.errors import Busy
from wlm.pipeline.transcribe.interface import Request

MOST = 64
"""Requests that are let in at a time."""

_LOOK = 0.1  # s between looks at whether the client is still there


class Lanes:
    """At most ``count`` holders at a time; the others wait in order."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._inside = 0
        self._change = threading.Condition()
        self._waiting: list[tuple[int, int]] = []
        self._number = itertools.count()

    @contextmanager
    def admitted(self) -> Iterator[None]:
        """Be one of those that are let in. Raises ``Busy`` where there are too many."""
        with self._change:
            if self._inside >= MOST:
                raise Busy("Too many recordings wait to be transcribed.", retry_after=2)
            self._inside += 1
        try:
            yield
        finally:
            with self._change:
                self._inside -= 1

    @contextmanager
    def taken(self, request: Request, *, urgent: bool) -> Iterator[None]:
        """Hold a lane inside this context; ``urgent`` ones come first.

        Raises ``Cancelled`` when the request is.
        """
        self._take(request, urgent)
        try:
            yield
        finally:
            with self._change:
                self._free += 1
                self._change.notify_all()

    def _take(self, request: Request, urgent: bool) -> None:
        with self._change:
            rank = int(request.draft) if urgent else 2
            ticket = (rank, next(self._number))
            heapq.heappush(self._waiting, ticket)
            self._change.notify_all()
            try:
                while not (self._free and self._waiting[0] == ticket):
                    request.check()
                    self._change.wait(_LOOK if request.cancelled else None)
            finally:
                self._waiting.remove(ticket)
                heapq.heapify(self._waiting)
            self._free -= 1
            self._change.notify_all()
