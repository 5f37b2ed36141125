"""Group commit: how runs ended, written for many events in one transaction.

A thread that has run an event goes on with the next while its end is written. Until it is,
the event counts as running and this process holds its lease; if the process ends before, it
is an event whose worker was lost. Nobody is told of an end before it is in the database.

A transaction costs more than the rows in it, so one that closely follows another waits a moment
for more of them. One that comes alone is written at once.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from wlm.errors import StorageFault
from wlm.events.claims import Claim
from wlm.events.successes import Success, succeed

if TYPE_CHECKING:
    from wlm.events.ledger import Ledger
    from wlm.events.run import Outcome
    from wlm.events.runner import Runner

log = logging.getLogger(__name__)
MOST = 64
GATHER_SECONDS = 0.015
"""The least time from the end of one transaction to the next, unless there is much to write."""
_MUCH = 16
_PAUSE_SECONDS = 0.2


class Endings:
    """Writes the ends of runs, in a thread of its own. ``tell`` is called once they are there."""

    def __init__(
        self, ledger: Ledger, runner: Runner, tell: Callable[[Sequence[str]], None]
    ) -> None:
        self._ledger, self._runner, self._tell = ledger, runner, tell
        self._changed = threading.Condition()
        self._waiting: list[tuple[Claim, Outcome]] = []
        self._writing = False
        self._flushing = 0
        self._thread: threading.Thread | None = None

    def put(self, claim: Claim, outcome: Outcome | None) -> None:
        """See to it that the end gets written; waits only while there are too many."""
        if outcome is None or outcome.reply is None:
            self._runner.end(claim, outcome)
            self._tell([claim.row["id"]])
            return
        with self._changed:
            if self._thread is None:
                self._thread = threading.Thread(target=self._loop, name="endings", daemon=True)
                self._thread.start()
            while len(self._waiting) >= MOST:
                self._changed.wait()
            self._waiting.append((claim, outcome))
            self._changed.notify_all()

    def flush(self, timeout: float) -> bool:
        """Wait until all that was put is written; whether it was, within so many seconds."""
        with self._changed:
            self._flushing += 1
            self._changed.notify_all()
            try:
                return self._changed.wait_for(self._idle, timeout)
            finally:
                self._flushing -= 1

    def _loop(self) -> None:
        written = 0.0
        while True:
            with self._changed:
                self._writing = False
                self._changed.notify_all()
                while not self._waiting:
                    self._changed.wait()
                pause = written + GATHER_SECONDS - time.monotonic()
                if pause > 0:
                    self._changed.wait_for(self._hurried, pause)
                batch, self._waiting = self._waiting, []
                self._writing = True
                self._changed.notify_all()
            try:
                self._write(batch)
            except Exception as error:
                log.error("ends of events were not written (%s)", type(error).__name__)
                log.debug("endings", exc_info=True)
            written = time.monotonic()

    def _idle(self) -> bool:
        return not self._waiting and not self._writing

    def _hurried(self) -> bool:
        return self._flushing > 0 or len(self._waiting) >= _MUCH

    def _write(self, batch: list[tuple[Claim, Outcome]]) -> None:
        try:
            succeed(
                self._ledger,
                [
                    Success(claim.row, outcome.reply, outcome.slots, claim.troubled)
                    for claim, outcome in batch
                    if outcome.reply is not None
                ],
            )
        except Exception as error:  # noqa: BLE001 - see below
            # One of them may be at fault, or the database is away: each by itself, with patience.
            if isinstance(error, StorageFault) and error.retryable:
                time.sleep(_PAUSE_SECONDS)
            for claim, outcome in batch:
                self._alone(claim, outcome)
        for claim, _ in batch:
            self._runner.forget(claim.row)
        self._tell([claim.row["id"] for claim, _ in batch])

    def _alone(self, claim: Claim, outcome: Outcome) -> None:
        try:
            self._runner.end(claim, outcome)
        except Exception as error:  # noqa: BLE001 - it is recovered once its lease is over
            log.error("event %s: its end was not written (%s)", claim.row["id"], _name(error))


def _name(error: BaseException) -> str:
    return type(error).__name__
