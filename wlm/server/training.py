"""The local router of a web process, which may not stop to train it.

Where no model is kept that fits the installed skills one is trained, for up to a minute, in a
process of its own. Until it is there requests that need it are answered 503.
"""

from __future__ import annotations

import logging
import math
import subprocess
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from wlm.errors import EnvironmentFault, RouterTraining

if TYPE_CHECKING:
    from wlm.config import Settings
    from wlm.pipeline.route.local import LocalRouter
    from wlm.plugins.manager import Registry

log = logging.getLogger(__name__)

_LOOK = 1.0  # s; how often it is looked for
_AGAIN = 30.0  # s; how soon after a failure it is tried again


class Training:
    """Finds the router, or has it trained. Safe to call from several threads."""

    def __init__(
        self, registry: Registry, settings: Settings, command: Sequence[str] | None = None
    ) -> None:
        """``command`` is run instead of the training (for tests)."""
        self._registry = registry
        self._settings = settings
        self._command = command
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._router: LocalRouter | None = None
        self._begun = 0.0
        self._next_look = 0.0
        self._failed: int | None = None

    def router(self) -> LocalRouter:
        """The router. Raises ``RouterTraining`` while it is made, and ``EnvironmentFault`` if that
        failed; it is tried again later."""
        with self._lock:
            if self._router is None:
                now = time.monotonic()
                if now >= self._next_look:
                    self._router = self._looked_for(now)
                if self._router is None:
                    self._complain()
            assert self._router is not None
            return self._router

    def check(self) -> None:
        """Raise as ``router`` does if that is where it stands; loads and starts nothing."""
        with self._lock:
            if self._router is None and (self._child is not None or self._failed is not None):
                self._complain()

    def close(self) -> None:
        """Give up what is being trained; nothing is begun any more."""
        with self._lock:
            self._next_look = math.inf
            if self._child is not None:
                self._child.terminate()
                self._child.wait()
                self._child = None

    def _looked_for(self, now: float) -> LocalRouter | None:
        from wlm.pipeline.route.local import LocalRouter

        config, cache = self._settings.config, self._settings.paths.cache
        ended = None if self._child is None else self._child.poll()
        self._next_look = now + _LOOK
        if self._child is not None and ended is None:
            return None
        if router := LocalRouter.found(self._registry.intents, config.language, cache):
            if self._child is not None:
                log.warning("the router is trained (%.0f s)", now - self._begun)
            self._child, self._failed = None, None
            return router
        if self._child is not None:
            log.error("the router could not be trained (exit code %s)", ended)
            self._child, self._failed = None, ended
            self._next_look = now + _AGAIN
            return None
        self._begin(now)
        return None

    def _begin(self, now: float) -> None:
        from wlm.pipeline.route import prepare

        config, cache = self._settings.config, self._settings.paths.cache
        log.warning("the router learns what the installed skills declare; until then 503")
        made = self._command or prepare.command(config.language, cache, config.plugins)
        self._begun, self._failed = now, None
        self._child = subprocess.Popen(made, stdin=subprocess.DEVNULL)  # noqa: S603 - our own

    def _complain(self) -> None:
        if self._failed is None:
            raise RouterTraining(retry_after=2)
        raise EnvironmentFault(
            f"The router could not be trained (exit code {self._failed}).",
            hint=f"See the log of wlm serve; {self._settings.paths.cache} must be writable.",
        )
