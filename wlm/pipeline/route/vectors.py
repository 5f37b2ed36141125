"""Sentence vectors from a static matrix of word pieces: no engine, no import but numpy.

``bench/make_vectors.py`` made ``data/vectors.npz`` and ``data/pieces.txt`` from
sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0, see ``data/LICENCES.md``).
"""

from __future__ import annotations

import functools
from importlib.resources import as_file, files
from typing import Self

import numpy as np
from numpy.typing import NDArray

from wlm.pipeline.route.pieces import Pieces

Floats = NDArray[np.float32]


class Vectors:
    """A row a word piece, int8 with one scale a row."""

    def __init__(self, pieces: Pieces, matrix: NDArray[np.int8], scale: Floats) -> None:
        self._pieces = pieces
        self._matrix = matrix
        self._scale = scale
        self._words: dict[str, Floats] = {}
        self.dims = int(matrix.shape[1])

    @classmethod
    @functools.cache
    def load(cls) -> Self:
        """The vectors that ship with WLM."""
        data = files("wlm.pipeline.route").joinpath("data")
        with as_file(data.joinpath("vectors.npz")) as path, np.load(path) as arrays:
            return cls(Pieces.load(), arrays["matrix"], arrays["scale"])

    def sentence(self, words: list[str]) -> Floats:
        """The unit vector of these lower-case words; zeros if none is known."""
        total = np.zeros(self.dims, np.float32)
        for word in words:
            total += self.word(word)
        length = float(np.linalg.norm(total))
        return total / np.float32(length) if length else total

    def word(self, word: str) -> Floats:
        """The vector of one word: the mean of its pieces'."""
        known = self._words.get(word)
        if known is None:
            rows = self._pieces.split(word)
            known = np.zeros(self.dims, np.float32)
            if rows:
                known = (self._matrix[rows] * self._scale[rows, None]).mean(0)
            if len(self._words) < 20_000:
                self._words[word] = known
        return known
