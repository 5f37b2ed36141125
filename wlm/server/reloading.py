"""SIGHUP: new web processes with new settings and skills, while the old ones still serve."""

from __future__ import annotations

import logging
import os
import queue
import signal
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from gunicorn.arbiter import Arbiter

from wlm.errors import WlmError

if TYPE_CHECKING:
    from wlm.config import Settings

log = logging.getLogger(__name__)

TO_START = 120.0
"""Seconds that new web processes get to load everything before the old ones go all the same."""
_LOOK = 0.1


class Master(Arbiter):  # type: ignore[misc]
    """The parent of the web processes."""

    def reload(self) -> None:
        """Start new processes, and end the old ones once those serve."""
        self.app.reloads = True
        try:
            super().reload()
        finally:
            self.app.reloads = False

    def manage_workers(self) -> None:
        """Start or end processes; none ends before another serves in its place."""
        if len(self.WORKERS) > self.num_workers:
            self._wait_for_the_new()
        super().manage_workers()

    def _wait_for_the_new(self) -> None:
        until = time.monotonic() + TO_START
        while time.monotonic() < until and not self._told_to_end():
            self.reap_workers()
            newest = sorted(self.WORKERS.values(), key=lambda worker: worker.age)
            if all(worker.serves for worker in newest[-self.num_workers :]):
                return
            time.sleep(_LOOK)

    def _told_to_end(self) -> bool:
        """Whether a signal waits that must not wait; that a child ended is seen without."""
        waiting = []
        while True:
            try:
                waiting.append(self.SIG_QUEUE.get_nowait())
            except queue.Empty:
                break
        for number in waiting:
            self.SIG_QUEUE.put_nowait(number)
        return bool({signal.SIGTERM, signal.SIGINT, signal.SIGQUIT} & set(waiting))


def fresh(
    settings: Settings, read: Callable[[], Settings], works: Callable[[Settings], object]
) -> Settings:
    """What ``read`` gives, if an application can be made of it; else ``settings`` as they are.

    ``works`` makes one, in a process of its own.
    """
    try:
        found = read()
    except WlmError as error:
        log.error("reload: the settings are at fault (%s); the old ones hold", error.code)
        return settings
    child = os.fork()
    if child == 0:
        code = 1
        try:
            works(found)
            code = 0
        except BaseException as error:  # noqa: BLE001 - it ends here, whatever it is
            log.error("reload: no gateway can be made of the settings (%s)", type(error).__name__)
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if status:
        log.error("reload: the old settings hold")
    return settings if status else found
