"""Threads for handlers. An idle one is used again; one that hangs is left behind.

A thread cannot be killed. A handler that is over its time keeps its thread until it comes
back, if ever; ``stuck`` counts those, so that a worker that has too many can be replaced.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

_IDLE_SECONDS = 30.0


class Hands:
    """Runs each call in a thread that has nothing else to do."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[queue.SimpleQueue[Callable[[], None]]] = []
        self._stuck = 0

    def start(self, work: Callable[[], None]) -> None:
        """Begin ``work``, which must not raise, in another thread."""
        with self._lock:
            inbox = self._idle.pop() if self._idle else None
        if inbox is None:
            inbox = queue.SimpleQueue()
            threading.Thread(target=self._loop, args=[inbox], name="hand", daemon=True).start()
        inbox.put(work)

    @property
    def stuck(self) -> int:
        """How many threads are still in handlers that were given up."""
        return self._stuck

    def gave_up(self) -> None:
        """One of the calls is over its time."""
        with self._lock:
            self._stuck += 1

    def came_back(self) -> None:
        """One that was given up has ended after all."""
        with self._lock:
            self._stuck -= 1

    def _loop(self, inbox: queue.SimpleQueue[Callable[[], None]]) -> None:
        while True:
            try:
                work = inbox.get(timeout=_IDLE_SECONDS)
            except queue.Empty:
                with self._lock:
                    if inbox in self._idle:
                        self._idle.remove(inbox)
                        return
                continue  # it was picked just now; the work is on its way
            work()
            del work
            with self._lock:
                self._idle.append(inbox)
