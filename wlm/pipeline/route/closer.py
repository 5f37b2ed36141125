"""Train the closer look: the same named features, with the encoder's vector beside them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.resources import as_file, files
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from wlm.pipeline.route.encoder import DIMS, Encoder
from wlm.pipeline.route.interface import phrase_hash
from wlm.pipeline.route.linear import Linear
from wlm.pipeline.route.model import Closer

Floats = NDArray[np.float32]
KNOWN = "data/encoded_{language}.npz"
"""Vectors of the none pool, so that training on few examples does not wait for them."""


class Centre(NamedTuple):
    """What makes vectors centred and of length one on the average."""

    mean: Floats
    scale: np.float32

    @classmethod
    def of(cls, vectors: Floats) -> Centre:
        mean = vectors.mean(0)
        spread = np.sqrt(np.square(vectors - mean).sum(1).mean())
        return cls(mean, np.float32(1 / max(float(spread), 1e-6)))

    def __call__(self, vectors: Floats) -> Floats:
        centred: Floats = (vectors - self.mean) * self.scale
        return centred

    def folded(self, linear: Linear, width: int, temperature: float, pull: Floats) -> Closer:
        """Weights for vectors as the encoder gives them; the first ``width`` rows are sparse.

        ``pull`` (``DIMS``, classes) is added to what the vectors weigh.
        """
        dense = linear.weights[width:-1] * self.scale
        bias = linear.weights[-1] - self.mean @ dense
        return Closer(
            linear.weights[:width], dense + pull * np.float32(temperature), bias, temperature
        )


def middles(vectors: Floats, classes: NDArray[np.int64], importance: Floats) -> Floats:
    """The direction of the middle of each class's vectors: (``DIMS``, classes)."""
    weights = np.zeros((len(vectors), int(classes.max()) + 1), np.float32)
    weights[np.arange(len(vectors)), classes] = importance
    sums = vectors.T @ weights
    found: Floats = sums / np.maximum(np.linalg.norm(sums, axis=0), 1e-9)
    return found


def vectors(texts: Sequence[str], language: str) -> Floats:
    """The encoder's vectors (texts, ``DIMS``); those of the none pool are looked up."""
    keys, kept = _known(language)
    wanted = np.array([phrase_hash(text) for text in texts], np.uint64)
    at = np.minimum(np.searchsorted(keys, wanted), max(len(keys) - 1, 0))
    there = keys[at] == wanted if len(keys) else np.zeros(len(wanted), bool)
    found = np.zeros((len(texts), DIMS), np.float32)
    found[there] = kept(at[there])
    missing = np.flatnonzero(~there)
    if len(missing):
        found[missing] = Encoder.load().batch([texts[int(row)] for row in missing])
    return found


def _known(language: str) -> tuple[NDArray[np.uint64], Callable[[NDArray[np.int64]], Floats]]:
    path = files("wlm.pipeline.route").joinpath(KNOWN.format(language=language))
    if not path.is_file():
        return np.zeros(0, np.uint64), lambda rows: np.zeros((len(rows), DIMS), np.float32)
    with as_file(path) as real, np.load(real) as arrays:
        keys, matrix, scale = arrays["keys"], arrays["matrix"], arrays["scale"]

    def rows_of(rows: NDArray[np.int64]) -> Floats:
        found: Floats = matrix[rows].astype(np.float32) * scale[rows, None]
        return found

    return keys, rows_of
