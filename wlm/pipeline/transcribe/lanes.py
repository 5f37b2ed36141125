"""Who decodes next, where many threads share one recogniser.

As many decode at once as the recogniser has workers. Requests go before drafts, and both
before long recordings, so a request waits for one of their batches at most. Where all
workers are busy, two requests that are decoded alike share one: the decoder reads its
weights once for both. How many are let in is bounded, and who has gone leaves the queue.
"""

from __future__ import annotations

import bisect
import dataclasses
import itertools
import threading
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from wlm.errors import Busy, Cancelled
from wlm.pipeline.transcribe.interface import Request

MOST = 64
"""Requests that are let in at a time."""

TOGETHER = 2
"""Requests that share a worker at most: a third would gain little and wait for two."""

_LOOK = 0.1  # s between looks at whether the client is still there
_PATIENCE = 0.03  # s that the last free worker waits for a second request that is on its way

Work = Callable[[Sequence[Any], Callable[[], None]], Sequence[Any]]
"""Makes one result of each item. It calls its second argument between its steps; what that
raises ends the work, since nobody waits for it any more."""


@dataclasses.dataclass(eq=False)
class _Ticket:
    """One that waits. ``alike`` is what those have in common that may be served together."""

    rank: tuple[int, int]
    request: Request
    items: Sequence[Any]
    alike: Hashable
    patience: float | None = None
    served: bool = False
    results: Sequence[Any] | None = None
    error: BaseException | None = None

    @property
    def gone(self) -> bool:
        """Whether its client waits no more."""
        return self.request.cancelled is not None and self.request.cancelled.is_set()

    @property
    def ended(self) -> bool:
        return self.results is not None or self.error is not None


class Lanes:
    """At most ``count`` work at a time; the others wait in order."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._inside = 0
        self._served = 0
        self._change = threading.Condition()
        self._waiting: list[_Ticket] = []
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
                self._change.notify_all()

    def run(
        self,
        request: Request,
        items: Sequence[Any],
        work: Work,
        *,
        urgent: bool,
        alike: Hashable = None,
    ) -> list[Any]:
        """The results of ``work`` on ``items``, in a lane; ``urgent`` ones come first.

        Another's thread may do it along with its own items where both are ``alike`` (not
        ``None``). Raises ``Cancelled`` when the request is, and what ``work`` raises.
        """
        rank = int(request.draft) if urgent else 2
        ticket = _Ticket((rank, next(self._number)), request, items, alike)
        crew = self._turn(ticket)
        if crew:
            self._serve(crew, work)
        request.check()
        if ticket.error is not None:
            raise ticket.error
        return list(ticket.results or ())

    def _turn(self, ticket: _Ticket) -> list[_Ticket]:
        """Wait for a lane: whom to serve in it, or nobody where another has done it."""
        with self._change:
            bisect.insort(self._waiting, ticket, key=lambda one: one.rank)
            self._change.notify_all()
            try:
                while not ticket.ended:
                    if self._free and self._waiting[:1] == [ticket] and not self._patient(ticket):
                        return self._crew(ticket)
                    ticket.request.check()
                    self._change.wait(self._pause(ticket))
            finally:
                if ticket in self._waiting:
                    self._waiting.remove(ticket)
                self._change.notify_all()
        return []

    def _pause(self, ticket: _Ticket) -> float | None:
        if ticket.patience is not None and not ticket.served:
            return _PATIENCE
        return _LOOK if ticket.request.cancelled else None

    def _mates(self, ticket: _Ticket) -> list[_Ticket]:
        """Those that wait and may be served along with it, where no lane is left for them."""
        if ticket.alike is None or self._free > 1:
            return []
        alike = [one for one in self._waiting if one is not ticket and one.alike == ticket.alike]
        return alike[: TOGETHER - 1]

    def _patient(self, ticket: _Ticket) -> bool:
        """Whether the last free lane should wait a moment for one that is on its way."""
        coming = self._inside - self._served - len(self._waiting)
        if ticket.alike is None or self._free > 1 or coming < 1 or self._mates(ticket):
            return False
        now = time.monotonic()
        ticket.patience = ticket.patience or now + _PATIENCE
        return now < ticket.patience

    def _crew(self, ticket: _Ticket) -> list[_Ticket]:
        crew = [ticket, *self._mates(ticket)]
        self._free -= 1
        self._served += len(crew)
        for one in crew:
            one.served = True
            self._waiting.remove(one)
        return crew

    def _serve(self, crew: list[_Ticket], work: Work) -> None:
        """Work for all of the crew; each gets its own results, or the error."""

        def check() -> None:
            if all(one.gone for one in crew):
                raise Cancelled()

        error: BaseException | None = None
        results: Sequence[Any] = ()
        try:
            results = work([item for one in crew for item in one.items], check)
        except BaseException as raised:  # noqa: BLE001 - whatever it is, nobody may wait for ever
            error = raised
        with self._change:
            self._free += 1
            self._served -= len(crew)
            left = iter(results)
            for one in crew:
                one.error = error
                if error is None:
                    one.results = list(itertools.islice(left, len(one.items)))
            self._change.notify_all()
