"""Several processes as one service: started together, replaced, and drained in order."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from types import FrameType
from typing import NamedTuple

log = logging.getLogger(__name__)

GRACE = 45.0
"""Seconds that each part gets to end by itself after SIGTERM."""

_HEALTHY = 10.0
_LONGEST_PAUSE = 30.0
_LOOK = 0.2
_PR_SET_PDEATHSIG = 1


class Part(NamedTuple):
    """One program of the house. Parts are stopped in the order in which they are listed."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = {}


class House:
    """Keeps every part running until SIGTERM or SIGINT; SIGHUP is passed on."""

    def __init__(self, parts: Sequence[Part], *, grace: float = GRACE) -> None:
        self._parts = parts
        self._grace = grace
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._begun: dict[str, float] = {}
        self._failures = {part.name: 0 for part in parts}
        self._stopping = False

    def run(self) -> int:
        """Supervise until told to stop; 0, or 1 if a part had to be killed."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        signal.signal(signal.SIGHUP, self._reload)
        for part in self._parts:
            self._start(part)
        while not self._stopping:
            time.sleep(_LOOK)
            self._replace()
        return self._end()

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True

    def _reload(self, _number: int, _frame: FrameType | None) -> None:
        for process in self._running.values():
            process.send_signal(signal.SIGHUP)

    def _start(self, part: Part) -> None:
        self._begun[part.name] = time.monotonic()
        self._running[part.name] = subprocess.Popen(  # noqa: S603 - our own program
            list(part.command),
            env={**os.environ, **part.environment},
            stdin=subprocess.DEVNULL,
            # A terminal's Ctrl-C reaches us alone, and we stop the parts in order.
            start_new_session=True,
            preexec_fn=_end_with_parent,
        )

    def _replace(self) -> None:
        now = time.monotonic()
        for part in self._parts:
            process = self._running[part.name]
            if process.poll() is None:
                continue
            if self._failures[part.name] == 0 or now - self._begun[part.name] > _HEALTHY:
                self._failures[part.name] = 0
            pause = min(2.0 ** self._failures[part.name] / 4, _LONGEST_PAUSE)
            if now - self._begun[part.name] < pause:
                continue
            log.error("%s ended with %s; it is started again", part.name, process.returncode)
            self._failures[part.name] += 1
            self._start(part)

    def _end(self) -> int:
        killed = 0
        for part in self._parts:
            process = self._running[part.name]
            process.terminate()
            try:
                process.wait(self._grace)
            except subprocess.TimeoutExpired:
                log.error("%s did not end in time and was killed", part.name)
                process.kill()
                process.wait()
                killed = 1
        return killed


def command(*arguments: str) -> list[str]:
    """A `wlm` command in this very Python."""
    return [sys.executable, "-m", "wlm.cli.main", *arguments]


def _end_with_parent() -> None:
    """In the new process: get SIGTERM when the parent is gone, however it went (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
