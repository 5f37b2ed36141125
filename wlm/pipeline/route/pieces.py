"""Words as the pieces that the sentence vectors know."""

from __future__ import annotations

import functools
from importlib.resources import files
from typing import Self

_LONGEST = 24


class Pieces:
    """Row by word piece; a piece that goes on from another one begins with ``##``."""

    def __init__(self, rows: dict[str, int]) -> None:
        self._rows = rows

    @classmethod
    @functools.cache
    def load(cls) -> Self:
        """Those of the vectors that ship with WLM."""
        data = files("wlm.pipeline.route").joinpath("data")
        names = data.joinpath("pieces.txt").read_text("utf-8").split("\n")
        return cls({piece: row for row, piece in enumerate(names)})

    def split(self, word: str) -> list[int]:
        """The rows of a word's longest pieces from its start on; [] if some part is not known."""
        rows: list[int] = []
        start = 0
        while start < len(word):
            for end in range(min(len(word), start + _LONGEST), start, -1):
                piece = word[start:end] if start == 0 else f"##{word[start:end]}"
                if piece in self._rows:
                    rows.append(self._rows[piece])
                    start = end
                    break
            else:
                return []
        return rows
