"""Who runs an event: a name for this process, and whether another one still lives.

A lease ends by time, which takes seconds. When the process that held it is gone from this
very machine, nobody needs to wait: the next run sees that at once.
"""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import sys
from pathlib import Path

_START = 19
"""Where the time of its start is among the fields of a process."""
_PROC = Path("/proc")


def this_worker() -> str:
    """``node/pid/start``: the same for one process, different for any other."""
    pid = os.getpid()
    return f"{_node()}/{pid}/{_started(pid)}"


def is_dead(worker: str | None) -> bool:
    """Whether that process is certainly gone. ``False`` where it cannot be known from here."""
    node, _, rest = (worker or "").partition("/")
    pid, _, started = rest.partition("/")
    if node != _node() or not pid.isdigit() or sys.platform == "win32":
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    fields = _fields(int(pid))
    if not fields or not started:
        return False  # it could not be read, which says nothing of the process
    # Its number may have been given to another process since, or nobody has reaped it yet.
    return started != fields[_START] or fields[0] == "Z"


@functools.cache
def _node() -> str:
    """This machine since its last start, and the view of processes that we are in."""
    parts = [platform.node()]
    try:
        parts.append((_PROC / "sys/kernel/random/boot_id").read_text())
        parts.append(str((_PROC / "self/ns/pid").readlink()))
    except OSError:
        pass  # not Linux: the host's name must do
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def _started(pid: int) -> str:
    """When the process started, in clock ticks since boot; empty where there is no /proc."""
    fields = _fields(pid)
    return fields[_START] if fields else ""


def _fields(pid: int) -> list[str]:
    """The fields of ``/proc/PID/stat`` from the state on; empty where there is none."""
    try:
        return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
