"""The level meter and the words so far, in one line of stderr where that is a terminal."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_WIDTH = 30
_NARROW = 10  # of the bar beside words
_FLOOR = -60.0  # dB below full scale at which the bar is empty


class Meter:
    """One line that is written over again: a bar for the level, then what was heard."""

    def __init__(self) -> None:
        self._level = _FLOOR
        self._words = ""

    def level(self, level: float) -> None:
        """Show a level in dB below full scale."""
        self._level = level
        self._show()

    def words(self, words: str) -> None:
        """Show what was heard so far; of a long text, its end."""
        self._words = words
        self._show()

    def _show(self) -> None:
        width = _NARROW if self._words else _WIDTH
        filled = round(width * min(1.0, max(0.0, 1 - self._level / _FLOOR)))
        line = f"Listening {'█' * filled}{'·' * (width - filled)}"
        if self._words:
            room = shutil.get_terminal_size().columns - len(line) - 2
            fits = len(self._words) <= room
            line += f" {self._words if fits else '…' + self._words[1 - max(room, 2) :]}"
        sys.stderr.write(f"\r{line}\x1b[K")
        sys.stderr.flush()


@contextmanager
def meter(wake_word: str = "") -> Iterator[Meter | None]:
    """A meter; None where nobody would see it."""
    if not sys.stderr.isatty():
        yield None
        return
    prompt = f"Say {wake_word.replace('_', ' ')!r}" if wake_word else "Listening"
    sys.stderr.write(f"{prompt} …")
    sys.stderr.flush()
    try:
        yield Meter()
    finally:
        sys.stderr.write("\r\x1b[2K")
        sys.stderr.flush()
