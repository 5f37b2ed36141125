"""A small trained router in plain Python: the same decisions as ``model``, without numpy.

With few classes the arithmetic is a third of a millisecond, and loading numpy for it would be a
tenth of a short command.
"""

from __future__ import annotations

import bisect
import dataclasses
import functools
import json
import math
import operator
import zipfile
from collections.abc import Mapping, Sequence
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, Self

from wlm.pipeline.route.arrays import Array, read
from wlm.pipeline.route.features import Features
from wlm.pipeline.route.interface import FIRST_SHARE, LIKELY, SURE, phrase_hash
from wlm.pipeline.route.pieces import Pieces

MOST_CLASSES = 48
"""Beyond that, numpy is quicker by more than its loading costs in a process that stays."""


class PlainVectors:
    """``vectors.Vectors``, of which only the rows that are looked at leave the disk."""

    def __init__(self, pieces: Pieces, matrix: Array, scale: Array) -> None:
        self._pieces = pieces
        self._matrix = matrix
        self._scale = scale.flat
        self._word = functools.lru_cache(maxsize=2000)(self._made)
        self.dims = matrix.shape[1]

    @classmethod
    @functools.cache
    def load(cls) -> Self:
        """The vectors that ship with WLM. Raises ``OSError`` and ``ValueError``."""
        data = files("wlm.pipeline.route").joinpath("data")
        with as_file(data.joinpath("vectors.npz")) as path:
            arrays = read(path, mapped=True)
        return cls(Pieces.load(), arrays["matrix"], arrays["scale"])

    def sentence(self, words: list[str]) -> list[float]:
        """The unit vector of these lower-case words; zeros if none is known."""
        total = [0.0] * self.dims
        for word in words:
            if known := self._word(word):
                total = list(map(operator.add, total, known))
        length = math.sqrt(math.fsum(value * value for value in total))
        return [value / length for value in total] if length else total

    def _made(self, word: str) -> Sequence[float]:
        """The vector of one word, the mean of its pieces'; empty if it is not known."""
        rows = self._pieces.split(word)
        total: Sequence[float] = ()
        for row in rows:
            factor = self._scale[row] / len(rows)
            values = [value * factor for value in self._matrix.row(row)]
            total = list(map(operator.add, total, values)) if total else values
        return total


@dataclasses.dataclass(frozen=True)
class PlainModel:
    """``model.Model`` as it lies in its file; ``dense`` is turned (classes, dims).

    ``closer`` says whether the file has weights for a closer look, which takes numpy.
    """

    classes: tuple[str, ...]
    columns: memoryview
    sparse: Array
    dense: Sequence[Sequence[float]]
    bias: Sequence[float]
    exact: memoryview
    exact_intents: memoryview
    temperature: float
    act_from: float
    ask_from: float
    keywords: Mapping[str, Sequence[str]]
    openings: Sequence[str]
    report: Mapping[str, Any]
    declared: Mapping[str, str]
    vectors: PlainVectors
    closer: bool
    likely: float = LIKELY
    sure: float = SURE
    first_share: float = FIRST_SHARE

    @classmethod
    def load(cls, path: Path) -> Self | None:
        """The model kept at ``path``; None if there is none, or none that is read here."""
        try:
            arrays = read(path)
            meta = json.loads(bytes(arrays.pop("meta").flat))
            meta["classes"] = tuple(meta["classes"])
            meta["closer"] = meta.pop("closer_temperature", None) is not None
            count = len(meta["classes"])
            dense, bias, sparse = (arrays[name] for name in ("dense", "bias", "sparse"))
            if dense.shape[1:] != (count,) or bias.shape != (count,):
                return None
            if sparse.shape != (*arrays["columns"].shape, count):
                return None
            return cls(
                columns=arrays["columns"].flat,
                sparse=sparse,
                dense=[dense.flat[at::count].tolist() for at in range(count)],
                bias=bias.flat.tolist(),
                exact=arrays["exact"].flat,
                exact_intents=arrays["exact_intents"].flat,
                vectors=PlainVectors.load(),
                **meta,
            )
        except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
            return None

    def probabilities(self, features: Features) -> list[float]:
        """A calibrated probability for each class."""
        logits = list(self.bias)
        for index, at in self._known(features):
            value, row = features.values[index], self.sparse.row(at)
            logits = [sum_ + weight * value for sum_, weight in zip(logits, row, strict=True)]
        vector = self.vectors.sentence(features.words)
        meaning = [sum(map(operator.mul, vector, row)) for row in self.dense]
        scaled = [(a + b) / self.temperature for a, b in zip(logits, meaning, strict=True)]
        highest = max(scaled)
        raised = [math.exp(value - highest) for value in scaled]
        total = math.fsum(raised)
        return [value / total for value in raised]

    def pulls(self, features: Features, left: int, right: int) -> dict[str, float]:
        """What each feature, and the ``meaning``, says for one class against another."""
        found = {}
        for index, at in self._known(features):
            row = self.sparse.row(at)
            found[features.names[index]] = (row[left] - row[right]) * features.values[index]
        vector = self.vectors.sentence(features.words)
        turned = map(operator.sub, self.dense[left], self.dense[right])
        return {**found, "meaning": sum(map(operator.mul, vector, turned))}

    def exact_intent(self, classed: str) -> str | None:
        """The intent of a phrase that is known as it stands."""
        key = phrase_hash(classed)
        at = bisect.bisect_left(self.exact, key)
        if at < len(self.exact) and self.exact[at] == key:
            return self.classes[self.exact_intents[at]]
        return None

    def _known(self, features: Features) -> list[tuple[int, int]]:
        """Which features the model knows, and at which columns."""
        columns = self.columns
        found = []
        for index, name in enumerate(features.hashes):
            at = bisect.bisect_left(columns, name)
            if at < len(columns) and columns[at] == name:
                found.append((index, at))
        return found
