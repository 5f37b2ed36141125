"""Words as the pieces that the sentence vectors know."""

from __future__ import annotations

import functools
from importlib.resources import files
from typing import Self

_LONGEST = 24


class Pieces:
    """Row by word piece; a piece that goes on from another one begins with ``##``.

    They stay one text, in which a piece is looked for between its line ends: a table of them
    takes longer to make than a short command has.
    """

    def __init__(self, lines: bytes) -> None:
        self._lines = b"\n" + lines + b"\n"
        self._row = functools.lru_cache(maxsize=20_000)(self._found)

    @classmethod
    @functools.cache
    def load(cls) -> Self:
        """Those of the vectors that ship with WLM."""
        data = files("wlm.pipeline.route").joinpath("data")
        return cls(data.joinpath("pieces.txt").read_bytes())

    def split(self, word: str) -> list[int]:
        """The rows of a word's longest pieces from its start on; [] if some part is not known."""
        rows: list[int] = []
        start = 0
        while start < len(word):
            for end in range(min(len(word), start + _LONGEST), start, -1):
                row = self._row(word[start:end] if start == 0 else f"##{word[start:end]}")
                if row is not None:
                    rows.append(row)
                    start = end
                    break
            else:
                return []
        return rows

    def _found(self, piece: str) -> int | None:
        line = f"\n{piece}\n".encode()
        at = self._lines.find(line) if line.count(b"\n") == 2 else -1
        return self._lines.count(b"\n", 0, at) if at >= 0 else None
