"""Where suspects are run: a process that runs one event at a time and nothing beside it.

It is started when there are suspects, by the parent of the worker processes
(``wlm.events.supervisor``), and ends when it has run them. Where one ends it, another is started
for those that are left.
"""

from __future__ import annotations

import logging
import signal
from types import FrameType
from typing import TYPE_CHECKING

from wlm.events.suspects import Suspects

if TYPE_CHECKING:
    from wlm.events.engine import Engine

log = logging.getLogger(__name__)


class Quarantine:
    """Runs the suspects of an installation, one after another."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._stopping = False

    def run(self) -> bool:
        """Run suspects until none is ready or SIGTERM comes; whether it came.

        Ends, too, after one that hangs or has used up the memory: what it still does must not
        be done beside the next one.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        engine = self._engine
        engine.recover()  # the last one may have ended the process before this one
        while not (self._stopping or engine.runner.exhausted or engine.runner.hands.stuck):
            claim = engine.claim(suspects=Suspects.ONLY)
            if claim is None:
                break
            engine.finish(claim)
        return self._stopping

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True
