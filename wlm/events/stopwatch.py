"""Time that passes, also while the machine sleeps."""

from __future__ import annotations

import time


def elapsed() -> float:
    """Seconds since some moment. On Linux they count a suspended machine's sleep, which
    ``time.monotonic`` leaves out: what was claimed before it is nobody's any more, perhaps."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()
