"""Recordings that are older than they are to be kept, on a host where only a gateway runs."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from wlm.errors import WlmError
from wlm.events.aging import Aging

if TYPE_CHECKING:
    import threading

    from wlm.server.service import Service

log = logging.getLogger(__name__)
EVERY = 3600.0
"""Seconds between two looks."""


def sweep(service: Service, stopping: threading.Event) -> None:
    """Remove old recordings of this host now and then, until the process stops.

    A worker does it where it runs, but a folder is only seen on its own host.
    """
    if service.role == "transcriber":
        return  # it keeps nothing
    config = service.settings.config
    while not stopping.is_set():
        try:
            Aging(
                service.store,
                service.clock,
                service.settings.paths.data,
                turn_days=config.keep_turns_days,
                recording_days=config.keep_recordings_days,
            ).sweep()
        except (WlmError, OSError) as error:
            log.warning("old recordings were not removed (%s)", type(error).__name__)
        stopping.wait(EVERY)
