"""The parent of worker processes: starts them, and starts another when one ends.

A skill may end its process, hang in a way that stops every thread of it, or use up its
memory. What then ends is one worker process; its events are recovered by the others or by
its successor, and run one by one in a process that is started for them (``quarantine``).
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from types import FrameType

log = logging.getLogger(__name__)

BEAT_SECONDS = 5.0
SILENT_SECONDS = 60.0
"""A worker process from which nothing was heard for so long is killed."""
_HEALTHY_SECONDS, _TO_START_SECONDS = 10.0, 1.0
_LONGEST_PAUSE = 30.0
LIFELINE = "LIFELINE_FD"
_ALIVE, _SUSPECTS = b".", b"?"


class Child:
    """One worker process with the pipe over which it says that it lives."""

    def __init__(self, command: Sequence[str]) -> None:
        self.pipe, theirs = os.pipe()
        environment = {**os.environ, LIFELINE: str(theirs)}
        self.process = subprocess.Popen(  # noqa: S603 - our own program
            list(command), env=environment, pass_fds=[theirs], stdin=subprocess.PIPE
        )
        os.close(theirs)
        self.started = self.heard = time.monotonic()
        self.quarantine = False
        self.relieved = False
        """Whether another one takes its place while it ends what it runs."""

    def close(self) -> None:
        """Let go of its pipes."""
        os.close(self.pipe)
        if self.process.stdin is not None:
            self.process.stdin.close()


class Supervisor:
    """Keeps ``processes`` children of ``command`` running until it is told to stop.

    When one of them asks for it, a child of ``quarantine`` is started; never two at a time.
    """

    def __init__(
        self, command: Sequence[str], processes: int, *, grace: float, quarantine: Sequence[str]
    ) -> None:
        """``grace``: seconds that children get to end by themselves after SIGTERM."""
        self._command, self._wanted, self._grace = command, processes, grace
        self._quarantine = quarantine
        self._children: list[Child] = []
        self._stop_pipe = os.pipe()
        self._stopping = self._reloading = False
        self._failures = 0
        self._not_before = 0.0

    def run(self) -> int:
        """Supervise until SIGTERM or SIGINT; 0, or 1 if a child had to be killed.

        SIGHUP: new children, with the settings and skills as they are then.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        if not os.isatty(0):  # else it says that the terminal is gone, and so are we
            signal.signal(signal.SIGHUP, self._reload)
        while not self._stopping:
            self._fill_up()
            self._listen()
            if self._reloading and not self._stopping:
                self._relieve()
        return self._end()

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True
        os.write(self._stop_pipe[1], b"x")

    def _reload(self, _number: int, _frame: FrameType | None) -> None:
        self._reloading = True
        os.write(self._stop_pipe[1], b"x")

    def _relieve(self) -> None:
        """Start new children; those that are there end once what they run has."""
        os.read(self._stop_pipe[0], 1)
        self._reloading = False
        for child in self._children:
            child.relieved = True
        self._fill_up()
        for child in self._children:
            if child.relieved:
                child.process.terminate()

    def _fill_up(self) -> None:
        while self._missing() and time.monotonic() >= self._not_before:
            self._children.append(Child(self._command))

    def _missing(self) -> int:
        return self._wanted - sum(
            not (child.quarantine or child.relieved) for child in self._children
        )

    def _isolate(self) -> None:
        """Start the process for suspects, unless it is there."""
        if not any(child.quarantine and not child.relieved for child in self._children):
            child = Child(self._quarantine)
            child.quarantine = True
            self._children.append(child)

    def _listen(self) -> None:
        pipes = {child.pipe: child for child in self._children}
        until = BEAT_SECONDS
        if self._missing():
            until = max(0.05, self._not_before - time.monotonic())
        ready, _, _ = select.select([*pipes, self._stop_pipe[0]], [], [], until)
        now = time.monotonic()
        for pipe in ready:
            if pipe in pipes:
                child = pipes[pipe]
                if said := os.read(pipe, 4096):
                    child.heard = now
                    if _SUSPECTS in said:
                        self._isolate()
                else:
                    self._bury(child)
        for child in self._children:
            if now - child.heard > SILENT_SECONDS:
                log.error("a worker process hangs; it is replaced")
                child.process.kill()
                child.heard = now

    def _bury(self, child: Child) -> None:
        """A child has closed its pipe, so it has ended or is about to."""
        code = child.process.wait()
        child.close()
        self._children.remove(child)
        lived = time.monotonic() - child.started
        if child.relieved:
            return
        if child.quarantine:
            if code:
                log.warning("an event ended its process with %d; nothing ran beside it", code)
            if code and lived > _TO_START_SECONDS and not self._stopping:
                self._isolate()  # else when it is asked for again, so that this is no busy loop
            return
        self._failures = 0 if lived > _HEALTHY_SECONDS else self._failures + 1
        if self._failures:
            self._not_before = time.monotonic() + min(2.0**self._failures / 8, _LONGEST_PAUSE)
        if not self._stopping:
            log.warning("a worker process ended with %d; another takes its place", code)

    def _end(self) -> int:
        for child in self._children:
            child.process.terminate()
        deadline = time.monotonic() + self._grace
        killed = 0
        for child in self._children:
            try:
                child.process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.process.kill()
                child.process.wait()
                killed = 1
            child.close()
        return killed


def tie_to_parent() -> Callable[[], None] | None:
    """In a child: say regularly that we live, and end with the parent.

    Returns what asks the parent for the process that runs suspects; ``None`` without a parent.
    """
    number = os.environ.pop(LIFELINE, "")
    if not number:
        return None
    pipe = int(number)
    os.set_inheritable(pipe, False)
    threading.Thread(target=_beat, args=[pipe], name="lifeline", daemon=True).start()
    threading.Thread(target=_follow, name="parent", daemon=True).start()
    return lambda: _say(pipe, _SUSPECTS)


def _beat(pipe: int) -> None:
    while True:
        _say(pipe, _ALIVE)
        time.sleep(BEAT_SECONDS)


def _say(pipe: int, what: bytes) -> None:
    with contextlib.suppress(OSError):  # the parent has gone, and so will we
        os.write(pipe, what)


def _follow() -> None:
    os.read(0, 1)  # nobody writes: it ends when the parent has gone
    os.kill(os.getpid(), signal.SIGTERM)


def bound_memory(megabytes: int) -> None:
    """Let allocations beyond that fail with ``MemoryError``, where the platform can; 0: do not."""
    if not megabytes:
        return
    try:
        import resource
    except ImportError:
        return
    limit = megabytes * 1024 * 1024
    try:
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    except (OSError, ValueError):
        log.warning("memory could not be bounded")
