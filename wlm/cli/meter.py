"""The level meter on stderr, where that is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_WIDTH = 30
_FLOOR = -60.0  # dB below full scale at which the bar is empty


@contextmanager
def meter(wake_word: str = "") -> Iterator[Callable[[float], None] | None]:
    """A function that shows a level in dB; None where nobody would see it."""
    if not sys.stderr.isatty():
        yield None
        return
    prompt = f"Say {wake_word.replace('_', ' ')!r}" if wake_word else "Listening"
    sys.stderr.write(f"{prompt} …")
    sys.stderr.flush()

    def show(level: float) -> None:
        filled = round(_WIDTH * min(1.0, max(0.0, 1 - level / _FLOOR)))
        sys.stderr.write(f"\rListening {'█' * filled}{'·' * (_WIDTH - filled)}")
        sys.stderr.flush()

    try:
        yield show
    finally:
        sys.stderr.write("\r\x1b[2K")
        sys.stderr.flush()
