"""Waiting for events that another process runs, without asking the database all the time."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from wlm.types import Event, State

if TYPE_CHECKING:
    from wlm.events.bell import Bell, Listener

GOING_ON = frozenset({State.ACCEPTED, State.QUEUED, State.RUNNING})
_FIRST_LOOK_SECONDS, LOOK_SECONDS = 0.125, 2.0
"""A tale may be lost, so whoever waits looks at the row, too: soon, then less and less often."""


class Waiting:
    """Those who wait in this process. One thread listens for all, from the first wait on."""

    def __init__(self, bell: Callable[[], Bell]) -> None:
        self._bell = bell
        self._lock = threading.Lock()
        self._awaited: dict[str, list[threading.Event]] = {}
        self._listener: Listener | None = None

    def until(self, event_id: str, timeout: float, look: Callable[[], Event]) -> Event:
        """``look`` until nothing goes on any more, at most ``timeout`` seconds."""
        deadline, pause = time.monotonic() + timeout, _FIRST_LOOK_SECONDS
        with self._listening(event_id) as moved:
            # After we listen, so that nothing falls between.
            while (event := look()).state in GOING_ON:
                left = deadline - time.monotonic()
                if left <= 0:
                    break
                if not moved.wait(min(left, pause)):
                    pause = min(2 * pause, LOOK_SECONDS)
                moved.clear()
        return event

    def told(self, ids: Iterable[str]) -> None:
        """These events have moved: wake those who wait for them here."""
        with self._lock:
            for event_id in ids:
                for moved in self._awaited.get(event_id, ()):
                    moved.set()

    def close(self) -> None:
        """Stop listening."""
        with self._lock:
            listener, self._listener = self._listener, None
        if listener is not None:
            listener.close()

    @contextlib.contextmanager
    def _listening(self, event_id: str) -> Iterator[threading.Event]:
        moved = threading.Event()
        with self._lock:
            self._awaited.setdefault(event_id, []).append(moved)
            if self._listener is None:
                self._listener = self._bell().tales()
                threading.Thread(
                    target=self._listen, args=[self._listener], name="tales", daemon=True
                ).start()
        try:
            yield moved
        finally:
            with self._lock:
                self._awaited[event_id].remove(moved)
                if not self._awaited[event_id]:
                    del self._awaited[event_id]

    def _listen(self, listener: Listener) -> None:
        while self._listener is listener:
            if (note := listener.next(1.0)) is not None:
                self.told(note.split())
