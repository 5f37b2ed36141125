"""Skills that were installed beside those of a trained model, which stays as it is.

What the trained model knows is never outvoted by what comes later: a new skill has a say
only as far as the trained model holds a request for nobody's. The skill is decided first,
then its intent, so that training many of them stays a matter of seconds.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from wlm.pipeline.route.features import Features
from wlm.pipeline.route.interface import FIRST_SHARE
from wlm.pipeline.route.linear import softmax
from wlm.pipeline.route.model import UNREADABLE, exact_at, positions, write
from wlm.pipeline.route.vectors import Vectors

Floats = NDArray[np.float32]
_BLOCKS = ("columns", "weights", "dense", "bias", "exact", "exact_intents", "skill_of")


@dataclasses.dataclass(frozen=True)
class Beside:
    """Weights of the new skills, of "none of them", and of the new intents, in this order.

    ``skill_of`` numbers each intent's skill. ``closer`` (dims + 1, columns) weighs the
    encoder's vector, its last row is a bias; ``None`` where it does not read the language.
    ``base`` is the file of the trained model; ``keywords``, ``openings``, ``exact`` are as in
    ``Model``.
    """

    classes: tuple[str, ...]
    skill_of: NDArray[np.int64]
    columns: NDArray[np.uint32]
    weights: Floats
    dense: Floats
    bias: Floats
    exact: NDArray[np.uint64]
    exact_intents: NDArray[np.int64]
    keywords: Mapping[str, Sequence[str]]
    openings: Sequence[str]
    base: str
    closer: Floats | None = None

    @property
    def skills(self) -> int:
        """How many skills there are."""
        return int(self.skill_of.max()) + 1

    def chances(self, features: Features, vector: Floats | None = None) -> list[float]:
        """The probability of each new intent, then that it is none of them.

        ``vector`` is the encoder's, where the text was looked at closely.
        """
        known, at = positions(self.columns, np.array(features.hashes, np.uint32))
        values = np.array(features.values, np.float32)[known]
        words = Vectors.load().sentence(features.words)
        found = self._spread(values @ self.weights[at] + words @ self.dense + self.bias)
        if vector is not None and self.closer is not None:
            closer = self._spread(vector @ self.closer[:-1] + self.closer[-1])
            found = FIRST_SHARE * found + (1 - FIRST_SHARE) * closer
        chances: list[float] = found.tolist()
        return chances

    def _spread(self, logits: Floats) -> Floats:
        """Probabilities of the intents, then of none: the skill's, shared out among its own."""
        skills = softmax(logits[: self.skills + 1])
        parts = np.exp(logits[self.skills + 1 :] - logits[self.skills + 1 :].max())
        sums = np.bincount(self.skill_of, parts, self.skills)
        found = np.empty(len(parts) + 1, np.float32)
        found[:-1] = skills[self.skill_of] * parts / np.maximum(sums[self.skill_of], 1e-30)
        found[-1] = skills[-1]
        return found

    def pulls(self, features: Features, intent: int) -> dict[str, float]:
        """What each feature, and the ``meaning``, says for an intent's skill, against none."""
        known, at = positions(self.columns, np.array(features.hashes, np.uint32))
        values = np.array(features.values, np.float32)[known]
        skill = int(self.skill_of[intent])
        pull = self.weights[:, skill] - self.weights[:, self.skills]
        vector = Vectors.load().sentence(features.words)
        meaning = float(vector @ (self.dense[:, skill] - self.dense[:, self.skills]))
        names = (features.names[i] for i in known)
        return {**dict(zip(names, (pull[at] * values).tolist(), strict=True)), "meaning": meaning}

    def exact_intent(self, classed: str) -> str | None:
        """The intent of a phrase that is known as it stands."""
        at = exact_at(self.exact, classed)
        return None if at is None else self.classes[int(self.exact_intents[at])]

    def save(self, path: Path) -> None:
        """Write to ``path``, whole or not at all. Raises ``OSError``."""
        meta = {
            "classes": self.classes,
            "keywords": dict(self.keywords),
            "openings": list(self.openings),
            "base": self.base,
        }
        blocks = {name: getattr(self, name) for name in _BLOCKS}
        write(path, meta, blocks if self.closer is None else {**blocks, "closer": self.closer})

    @classmethod
    def load(cls, path: Path) -> Self | None:
        """What is kept at ``path``; None if it is something else, or damaged."""
        try:
            with np.load(path) as arrays:
                meta = json.loads(arrays["meta"].tobytes())
                meta["classes"] = tuple(meta["classes"])
                blocks = {name: arrays[name] for name in _BLOCKS}
                closer = arrays.get("closer")
                found = cls(**blocks, **meta, closer=closer)
        except UNREADABLE:
            return None
        count = found.skills + 1 + len(found.classes)
        return found if found.weights.shape == (len(found.columns), count) else None
