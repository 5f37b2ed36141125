"""Wait no longer than the time that there is."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from wlm.errors import ProviderAway
from wlm.plugins.llm.endpoint import LATE

Result = TypeVar("Result")


def by(deadline: float, work: Callable[[], Result]) -> Result:
    """What ``work`` gives before ``deadline`` (seconds of ``time.monotonic``).

    It runs in a thread that is left behind when time is up: a client's timeouts count from byte
    to byte, and a database may be busy too. Raises what ``work`` raises, and ``ProviderAway``.
    """
    done: queue.SimpleQueue[tuple[Result] | Exception] = queue.SimpleQueue()

    def run() -> None:
        try:
            done.put((work(),))
        except Exception as error:  # noqa: BLE001 - the waiting thread raises it
            done.put(error)

    threading.Thread(target=run, name="wlm-llm", daemon=True).start()
    try:
        outcome = done.get(timeout=max(deadline - time.monotonic(), 0.0))
    except queue.Empty:
        raise ProviderAway(LATE) from None
    if isinstance(outcome, Exception):
        raise outcome
    return outcome[0]
