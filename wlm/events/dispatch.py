"""huey as the dispatcher: its consumer's threads wait for a ring and take what is next.

What goes through huey is an event's id as plain text, and even that is only a reason to
look: which event is next, the rows say (``claims``). So nothing in a broker is ever
unpickled, nothing is lost with it, and huey's retries, results and schedules stay unused.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from huey import Huey
from huey.consumer import Consumer, Scheduler
from huey.registry import Message
from huey.storage import BlackHoleStorage

from wlm.errors import WlmError
from wlm.events.claims import BACKGROUND

if TYPE_CHECKING:
    from wlm.events.bell import Listener
    from wlm.events.claims import Claim
    from wlm.events.engine import Engine
    from wlm.events.stock import Stock

log = logging.getLogger(__name__)

SWEEP_SECONDS, LAZY_SECONDS = 1.0, 5.0
"""How often a sweep is made: at most a hundredth of a core is spent on it, as far as that goes."""
_WAIT_SECONDS = 1.0
_MOST_STUCK = 8
_WATCH_SECONDS = 3.0
"""What watches get to end in, once events have ended."""


class RingStorage(BlackHoleStorage):  # type: ignore[misc]
    """huey's storage with a bell for a queue: it waits for a ring and keeps nothing."""

    blocking = True

    def __init__(self, name: str, listener: Listener) -> None:
        super().__init__(name)
        self._listener = listener

    def dequeue(self) -> str | None:
        """The id that was rung, or ``None`` after a second."""
        return self._listener.next(_WAIT_SECONDS)


class IdAlone:
    """huey's serializer: a message is an event's id, and the task is always the same."""

    task = "wlm.events.dispatch.look"

    def serialize(self, message: Any) -> str:
        """The id."""
        return str(message.args[0])

    def deserialize(self, data: str) -> Message:
        """A message for it; whatever else was in the broker is a reason to look, too."""
        return Message(id=data, name=self.task, args=(data,), kwargs={})


class Dispatcher(Huey):  # type: ignore[misc]
    """huey with the bell; asks no storage whether a task was revoked, since none ever is."""

    def __init__(self, listener: Listener) -> None:
        super().__init__(
            "wlm",
            results=False,
            serializer=IdAlone(),
            storage_class=RingStorage,
            listener=listener,
        )

    def is_revoked(self, task: Any, timestamp: Any = None, peek: bool = True) -> bool:
        """Never: an event is cancelled in its row."""
        return False


class _Turn:
    """Whether one thread may run, or runs, background work."""

    def __init__(self, gate: threading.BoundedSemaphore) -> None:
        self._gate = gate
        self._inside = False

    def enter(self) -> int:
        """The least urgent priority that may be taken."""
        self._inside = self._gate.acquire(blocking=False)
        return 9 if self._inside else BACKGROUND - 1

    def leave(self) -> None:
        """No background work runs here any more."""
        if self._inside:
            self._gate.release()
            self._inside = False


class Crew:
    """The worker of this process: threads that take events, and a sweep."""

    def __init__(
        self,
        engine: Engine,
        threads: int,
        drain: float,
        quarantine: Callable[[], None] | None = None,
    ) -> None:
        """``drain``: how many seconds running events get when the worker is told to stop.

        ``quarantine`` asks for the process that runs suspects; without one they run here.
        """
        self._engine = engine
        if quarantine is not None:
            engine.leave_suspects(quarantine)
        self._threads = threads
        self._drain = drain
        # The last free thread is kept for what people wait for.
        self._gate = threading.BoundedSemaphore(max(threads - 1, 1))
        self._stopping = False
        self._between = SWEEP_SECONDS
        # It logs exceptions with their texts; what goes wrong is logged here, without.
        logging.getLogger("huey").setLevel(logging.CRITICAL)
        self._listener = engine.bell.rings()
        self._huey = Dispatcher(self._listener)
        self._huey.task(name="look")(self._look)
        crew = self

        class Sweeper(Scheduler):  # type: ignore[misc]
            """huey's scheduler thread, with our sweep for its work."""

            def loop(self, now: Any = None) -> None:
                self.stop_flag.wait(crew._sweep())

        class Gang(Consumer):  # type: ignore[misc]
            """huey's consumer with that scheduler."""

            scheduler_class = Sweeper

        self._consumer = Gang(
            self._huey,
            workers=threads,
            periodic=False,
            max_delay=1.0,
            graceful_signal="TERM",
            shutdown_timeout=drain,
        )
        self._consumer._stop_flag_timeout = 0.5

    def run(self) -> bool:
        """Work until SIGTERM or SIGINT; whether this process should be replaced by another.

        Raises nothing: what goes wrong with one event or one sweep is logged.
        """
        watches = self._engine.watches()
        watches.start()
        self._consumer.run()
        if left := watches.stop(_WATCH_SECONDS):
            log.warning("%d watches did not end in time", left)
        self._listener.close()
        back, left = self._engine.hand_back(), len(self._engine.runner.running())
        if back or left:
            log.warning("%d events were handed back, %d were still run", back, left)
        return self._stopping

    def _look(self, _event_id: str) -> None:
        """Take and run events until none is left for this thread."""
        turn = _Turn(self._gate)
        try:
            self._engine.work(lambda stock: self._next(turn, stock))
        except WlmError as error:
            log.warning("the worker waits: %s", error.code)
            self._consumer.stop_flag.wait(0.5)
        except Exception as error:
            log.error("an event was not brought to its end here (%s)", type(error).__name__)
            log.debug("dispatch", exc_info=True)
        finally:
            turn.leave()

    def _next(self, turn: _Turn, stock: Stock) -> Claim | None:
        turn.leave()
        self._replace_if_worn()
        if self._consumer.stop_flag.is_set():
            return None
        claim = stock.next(most=turn.enter())
        if claim is None or claim.row["priority"] < BACKGROUND:
            turn.leave()
        return claim

    def _replace_if_worn(self) -> None:
        runner = self._engine.runner
        worn = runner.hands.stuck >= _MOST_STUCK or runner.exhausted
        if worn and not self._stopping:
            log.warning(
                "the worker makes way for a new one (%s)",
                "out of memory" if runner.exhausted else "handlers that hang",
            )
            self._stopping = True
            os.kill(os.getpid(), signal.SIGTERM)

    def _sweep(self) -> float:
        started = time.monotonic()
        try:
            wait = self._engine.tend(self._between)
        except WlmError as error:
            log.warning("sweep failed: %s", error.code)
            wait = SWEEP_SECONDS
        except Exception as error:  # noqa: BLE001 - the sweep must go on
            log.error("sweep failed (%s)", type(error).__name__)
            wait = SWEEP_SECONDS
        spent = time.monotonic() - started
        self._between = min(max(100 * spent, SWEEP_SECONDS), LAZY_SECONDS)
        return max(wait, 0.02, min(4 * spent, LAZY_SECONDS))
