"""A trained router as arrays: what is kept on disk and what a decision is computed from."""

from __future__ import annotations

import dataclasses
import json
import os
import tempfile
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from wlm.pipeline.route.features import Features
from wlm.pipeline.route.interface import FIRST_SHARE, LIKELY, SURE, phrase_hash
from wlm.pipeline.route.linear import softmax
from wlm.pipeline.route.vectors import Vectors

Floats = NDArray[np.float32]
UNREADABLE = (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error)
"""What reading a damaged file raises."""
_BLOCKS = ("columns", "sparse", "dense", "bias", "exact", "exact_intents")
_CLOSER = ("closer_sparse", "closer_dense", "closer_bias")


class Closer(NamedTuple):
    """Weights for a closer look, with the encoder's vector instead of the words' mean."""

    sparse: Floats
    dense: Floats
    bias: Floats
    temperature: float


@dataclasses.dataclass(frozen=True)
class Model:
    """Weights, threshold and exact phrases.

    ``columns`` are the sorted hashes of the named features, ``sparse`` (columns, classes)
    their weights, ``dense`` (dims, classes) those of the sentence vector, ``bias``
    (classes,). ``act_from`` is the in-scope probability from which a request is acted on.
    ``exact`` are sorted hashes of phrases that need no model, ``exact_intents`` the class
    of each. ``temperature`` calibrates. ``keywords`` (plain form) and ``openings`` (words that
    requests begin with) are kept because reading them off the declarations takes longer.
    ``declared`` is a hash of what each class was trained from. ``closer``, if there is one,
    looks again where the first look gives no class ``sure``; ``first_share`` is what the first
    look counts beside it.
    """

    classes: tuple[str, ...]
    columns: NDArray[np.uint32]
    sparse: Floats
    dense: Floats
    bias: Floats
    exact: NDArray[np.uint64]
    exact_intents: NDArray[np.int64]
    temperature: float
    act_from: float
    ask_from: float
    keywords: Mapping[str, Sequence[str]]
    openings: Sequence[str]
    report: Mapping[str, Any]
    declared: Mapping[str, str]
    closer: Closer | None = None
    likely: float = LIKELY
    sure: float = SURE
    first_share: float = FIRST_SHARE

    def positions(self, features: Features) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Which features the model knows (indices into them) and at which columns."""
        return positions(self.columns, np.array(features.hashes, np.uint32))

    def probabilities(self, features: Features) -> list[float]:
        """A calibrated probability for each class."""
        known, at = self.positions(features)
        values = np.array(features.values, np.float32)[known]
        vector = Vectors.load().sentence(features.words)
        logits = values @ self.sparse[at] + vector @ self.dense + self.bias
        chances: list[float] = softmax(logits / np.float32(self.temperature)).tolist()
        return chances

    def closer_look(
        self, features: Features, vector: Floats, first: Sequence[float]
    ) -> list[float]:
        """The ``first`` probabilities together with those that the encoder's ``vector`` gives."""
        if self.closer is None:
            return list(first)
        known, at = self.positions(features)
        values = np.array(features.values, np.float32)[known]
        sparse, dense, bias, temperature = self.closer
        logits = values @ sparse[at] + vector @ dense + bias
        closer = softmax(logits / np.float32(temperature))
        both = blended(np.array(first, np.float32), closer, self.sure, self.first_share)
        found: list[float] = both.tolist()
        return found

    def pulls(self, features: Features, left: int, right: int) -> dict[str, float]:
        """What each feature, and the ``meaning``, says for one class against another."""
        known, at = self.positions(features)
        values = np.array(features.values, np.float32)[known]
        parts = (self.sparse[at, left] - self.sparse[at, right]) * values
        vector = Vectors.load().sentence(features.words)
        meaning = float(vector @ (self.dense[:, left] - self.dense[:, right]))
        names = (features.names[i] for i in known)
        return {**dict(zip(names, parts.tolist(), strict=True)), "meaning": meaning}

    def exact_intent(self, classed: str) -> str | None:
        """The intent of a phrase that is known as it stands."""
        at = exact_at(self.exact, classed)
        return None if at is None else self.classes[int(self.exact_intents[at])]

    def save(self, path: Path) -> None:
        """Write to ``path``, whole or not at all. Raises ``OSError``."""
        meta = {
            "classes": self.classes,
            "temperature": self.temperature,
            "act_from": self.act_from,
            "ask_from": self.ask_from,
            "likely": self.likely,
            "sure": self.sure,
            "first_share": self.first_share,
            "keywords": dict(self.keywords),
            "openings": list(self.openings),
            "report": dict(self.report),
            "declared": dict(self.declared),
        }
        blocks = {name: getattr(self, name) for name in _BLOCKS}
        if self.closer is not None:
            meta["closer_temperature"] = self.closer.temperature
            blocks |= dict(zip(_CLOSER, self.closer, strict=False))
        write(path, meta, blocks)

    @classmethod
    def load(cls, path: Path) -> Self | None:
        """The model kept at ``path``; None if there is none or the file is damaged."""
        try:
            with np.load(path) as arrays:
                meta = json.loads(arrays["meta"].tobytes())
                meta["classes"] = tuple(meta["classes"])
                if temperature := meta.pop("closer_temperature", None):
                    sparse, dense, bias = (arrays[name] for name in _CLOSER)
                    meta["closer"] = Closer(sparse, dense, bias, temperature)
                model = cls(**{name: arrays[name] for name in _BLOCKS}, **meta)
        except UNREADABLE:
            return None
        return model if model._consistent() else None

    def _consistent(self) -> bool:
        count = len(self.classes)
        return (
            self.sparse.shape == (len(self.columns), count)
            and self.dense.ndim == 2
            and self.dense.shape[1] == count
            and self.bias.shape == (count,)
        )


def write(path: Path, meta: Mapping[str, Any], blocks: Mapping[str, Any]) -> None:
    """Arrays and what belongs to them in one file, whole or not at all. Raises ``OSError``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-")
    try:
        with os.fdopen(handle, "wb") as file:
            about = np.frombuffer(json.dumps(meta).encode(), np.uint8)
            np.savez(file, meta=about, **blocks)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def blended(first: Floats, closer: Floats, sure: float, first_share: float) -> Floats:
    """The first look's probabilities where one of them is ``sure``, else a mean of both looks'."""
    alone = first.max(-1, keepdims=True) >= sure
    share = np.float32(first_share)
    found: Floats = np.where(alone, first, share * first + (1 - share) * closer)
    return found


def exact_at(phrases: NDArray[np.uint64], classed: str) -> int | None:
    """Where among the sorted hashes a phrase is."""
    key = phrase_hash(classed)
    at = int(np.searchsorted(phrases, np.uint64(key)))
    return at if at < len(phrases) and int(phrases[at]) == key else None


def positions(
    columns: NDArray[np.uint32], hashes: NDArray[np.uint32]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which of ``hashes`` are among the sorted ``columns`` (indices), and where there."""
    if not len(columns) or not len(hashes):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    at = np.searchsorted(columns, hashes)
    at[at == len(columns)] = 0
    known = np.flatnonzero(columns[at] == hashes)
    return known, at[known]
