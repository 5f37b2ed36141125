"""A thread that runs one event after another, and another one that watches it.

Handlers run in the first. The second keeps the lease of what runs alive, stops waiting at the
intent's timeout, and notices when an event was taken away. A thread cannot be killed: one
whose handler hangs is left behind, and another goes on. What the handler does after that is
refused (``RunOver``), and its result is dropped.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from wlm.events.claims import Claim

if TYPE_CHECKING:
    from wlm.events.run import Outcome, Run
    from wlm.events.runner import Runner

Source = Callable[[], Claim | None]
Over = Callable[["Run", "Outcome | None"], None]


class Shift:
    """Runs the events that ``source`` gives until it gives none.

    ``over`` is told of each how it ended, ``None`` if it was taken away; both are called in
    the thread that runs the events, ``over`` also in the one that watches.
    """

    def __init__(self, runner: Runner, beat: float, source: Source, over: Over) -> None:
        self._runner, self._beat = runner, beat
        self._source, self._over = source, over
        self._changed = threading.Condition()
        self._run: Run | None = None
        self._looks_at = 0.0
        self._ended = False
        self._failure: BaseException | None = None

    def work(self) -> None:
        """Watch until all is run. Raises what ``source`` or ``over`` raised."""
        self._runner.hands.start(self._go_on)
        try:
            while (left := self._watch()) is not None:
                self._run = None  # its thread sets nothing here any more
                self._over(*left)
                self._runner.hands.start(self._go_on)
        except KeyboardInterrupt:
            if (run := self._run) is not None:
                run.give_up()
            raise
        if self._failure is not None:
            raise self._failure

    def _go_on(self) -> None:
        try:
            while (claim := self._source()) is not None:
                if not self._one(claim):
                    return  # we were left behind: another thread goes on
        except BaseException as error:  # noqa: BLE001 - the watcher raises it
            self._failure = error
        with self._changed:
            self._ended = True
            self._changed.notify()

    def _one(self, claim: Claim) -> bool:
        """Run one event; ``False`` if its watcher has stopped waiting for it."""
        run = self._runner.begin(claim, self._beat)
        with self._changed:
            self._run = run
            if run.deadline < self._looks_at:
                self._changed.notify()
        run.work()
        if run.given_up:
            return False
        self._run = None
        self._over(run, run.outcome)
        return True

    def _watch(self) -> tuple[Run, Outcome | None] | None:
        """Wait for the end of all, or for a run that must be given up: how that one ended."""
        while True:
            with self._changed:
                if self._ended:
                    return None
                run, now = self._run, time.monotonic()
                if run is None or run.done:
                    self._looks_at = now + self._beat
                else:
                    self._looks_at = min(run.deadline, run.next_beat)
                if now < self._looks_at:
                    self._changed.wait(self._looks_at - now)
                    continue
            assert run is not None
            if now >= run.deadline:
                if run.give_up():
                    return run, run.late()
            elif self._runner.still_ours(run.row):
                run.next_beat += self._beat
            elif run.give_up():
                return run, None
