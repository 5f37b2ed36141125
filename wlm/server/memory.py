"""What the C library keeps of freed memory: little, in a process that transcribes all day.

glibc gives each thread a heap of its own, up to eight a core, and keeps what was freed in it.
The recogniser's buffers are large and each recording comes on other threads, so the heaps grow
one after the other, and a server holds several times what it uses. Two heaps are as quick here.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable

LONG = 60.0
"""Seconds of a recording after which what was freed is given back: it takes some milliseconds."""

_ARENA_MAX = -8  # M_ARENA_MAX of malloc.h
_HEAPS = 2


def few_heaps() -> bool:
    """Let all threads share two heaps; call it before there are many. Whether it can be done
    here: other C libraries have no such setting, and need none."""
    mallopt = _found("mallopt")
    return mallopt is not None and mallopt(_ARENA_MAX, _HEAPS) == 1


def give_back(seconds: float) -> None:
    """After a recording of so many seconds: what is free goes back to the system, if it is much."""
    trim = _found("malloc_trim")
    if trim is not None and seconds >= LONG:
        trim(0)


@functools.cache
def _found(name: str) -> Callable[..., int] | None:
    try:
        found: Callable[..., int] = getattr(ctypes.CDLL(None), name)
    except (AttributeError, OSError, TypeError):
        return None
    return found
