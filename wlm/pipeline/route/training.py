"""Train a router's model from samples: features, weights, calibration, thresholds."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from wlm.pipeline.route.features import Extractor
from wlm.pipeline.route.interface import NONE, phrase_hash
from wlm.pipeline.route.linear import Linear, softmax, train
from wlm.pipeline.route.model import Model, positions
from wlm.pipeline.route.samples import Sample
from wlm.pipeline.route.vectors import Vectors

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
_MEAN_SCALE = np.float32(6.0)
"""How large the weights of a new class are to begin with, per unit of its mean row."""
_RARE = np.float32(4.0)
"""How far below the others a new class begins: many together must not outweigh one known."""
_MASTERED = 0.02
"""Rows whose class is missed by less than this teach nothing more, and only cost time."""
_HARM = np.float32(1.25)
"""How much worse it is to do what was not asked for than to ask back what was."""


class Recipe(NamedTuple):
    """What was chosen by measurement (``bench/route.py``)."""

    columns: int = 3500
    meaning: float = 1.0
    penalty: float = 3e-5
    iterations: int = 28
    last_iterations: int = 16
    more_iterations: int = 8
    held_out: float = 0.25
    none_share: float = 1.0
    ask_width: float = 0.12
    expansions: int = 2


def recipe_of(language: str) -> Recipe:
    """The recipe for a language.

    Others than English have fewer phrases and no sentence vectors of their own: words that
    were never seen must not pull to none, and more values stand in for fewer phrases.
    """
    if language == "en":
        return Recipe()
    return Recipe(columns=6000, none_share=0.15, expansions=4)


class Rows(NamedTuple):
    """Samples as numbers: (rows, columns + dims), class, fold group, importance."""

    matrix: Floats
    classes: Ints
    groups: Ints
    importance: Floats

    def pick(self, keep: NDArray[np.bool_]) -> Rows:
        """The rows where ``keep`` is true."""
        return Rows(self.matrix[keep], self.classes[keep], self.groups[keep], self.importance[keep])


def fit(
    samples: Sequence[Sample],
    keywords: Mapping[str, Sequence[str]],
    language: str,
    recipe: Recipe | None = None,
    *,
    declared: Mapping[str, str] | None = None,
    base: Model | None = None,
) -> Model:
    """A model of ``samples``; the same for the same samples and ``base``.

    ``base`` is a model of some of these classes: its weights are where training starts, and
    its calibration stays. Without one, a part of the examples is held out to calibrate on.
    """
    recipe, extractor, vectors = recipe or Recipe(), Extractor(keywords, language), Vectors.load()
    names = (*dict.fromkeys(s.intent for s in samples if s.intent != NONE), NONE)
    columns, rows = _rows(samples, names, extractor, vectors, recipe, base)
    if base is None:
        start, temperature, threshold, report = _calibrate(rows, names, recipe)
        iterations = recipe.last_iterations
    else:
        start, iterations = _start(base, columns, rows, names), recipe.more_iterations
        rows = rows.pick(_unmastered(rows, start, [name in base.classes for name in names]))
        temperature, threshold = base.temperature, base.act_from
        report = {**base.report, "samples": len(samples)}
    linear = _train(rows, len(names), recipe, iterations, start)
    exact, exact_intents = _exact(samples, names, extractor)
    width = len(columns)
    return Model(
        classes=names,
        columns=columns,
        sparse=linear.weights[:width],
        dense=linear.weights[width:-1] * np.float32(recipe.meaning),
        bias=linear.weights[-1],
        exact=exact,
        exact_intents=exact_intents,
        temperature=temperature,
        act_from=threshold,
        ask_from=max(threshold / 2, threshold - recipe.ask_width),
        keywords=keywords,
        openings=_openings(samples),
        report=report,
        declared=declared or {},
    )


def _calibrate(
    rows: Rows, names: Sequence[str], recipe: Recipe
) -> tuple[Linear, float, float, dict[str, float]]:
    """Train on a part; what the rest says of temperature and threshold."""
    out = _held_out(rows, recipe)
    trial = _train(rows if out.all() else rows.pick(~out), len(names), recipe, recipe.iterations)
    held = rows.pick(out)
    logits = trial.logits(held.matrix)
    temperature = _temperature(logits, held)
    chances = softmax(logits / np.float32(temperature))
    threshold = _threshold(chances, held, len(names) - 1)
    report = _report(chances, held, len(rows.matrix), names, threshold)
    return trial, temperature, threshold, report


def _start(base: Model, columns: NDArray[np.uint32], rows: Rows, names: Sequence[str]) -> Linear:
    """The weights of ``base`` where it knows class and feature.

    A class that it does not know starts from the mean of its rows: what sets them apart
    from all others.
    """
    known, at = positions(base.columns, columns)
    weights = np.zeros((rows.matrix.shape[1] + 1, len(names)), np.float32)
    width = len(columns)
    every = rows.matrix.mean(0)
    for index, name in enumerate(names):
        if name in base.classes:
            old = base.classes.index(name)
            weights[known, index] = base.sparse[at, old]
            weights[width:-1, index] = base.dense[:, old]
            weights[-1, index] = base.bias[old]
        else:
            mine = rows.matrix[rows.classes == index].mean(0)
            weights[:-1, index] = _MEAN_SCALE * (mine - every)
            weights[-1, index] = -weights[:-1, index] @ (mine + every) / 2 - _RARE
    return Linear(weights)


def _unmastered(rows: Rows, start: Linear, known: Sequence[bool]) -> NDArray[np.bool_]:
    """Rows of new classes, and those of known ones that are not yet clearly right."""
    chances = softmax(start.logits(rows.matrix))
    missed = 1 - chances[np.arange(len(chances)), rows.classes]
    keep: NDArray[np.bool_] = (missed > _MASTERED) | ~np.array(known)[rows.classes]
    return keep


def _rows(
    samples: Sequence[Sample],
    names: Sequence[str],
    extractor: Extractor,
    vectors: Vectors,
    recipe: Recipe,
    base: Model | None = None,
) -> tuple[NDArray[np.uint32], Rows]:
    features = [extractor(sample.text) for sample in samples]
    counts = [len(found.hashes) for found in features]
    hashes = np.fromiter(itertools.chain.from_iterable(f.hashes for f in features), np.uint32)
    values = np.fromiter(itertools.chain.from_iterable(f.values for f in features), np.float32)
    at_row = np.repeat(np.arange(len(samples)), counts)
    groups = np.array([sample.group for sample in samples], np.int64)
    columns = _choose_columns(hashes, groups[at_row], recipe.columns)
    if base is not None:
        columns = np.union1d(columns, base.columns)
    matrix = np.zeros((len(samples), len(columns) + vectors.dims), np.float32)
    known, at = positions(columns, hashes)
    matrix[at_row[known], at] = values[known]
    for row, found in enumerate(features):
        matrix[row, len(columns) :] = vectors.sentence(found.words) * np.float32(recipe.meaning)
    index = {name: i for i, name in enumerate(names)}
    classes = np.array([index[sample.intent] for sample in samples], np.int64)
    share = np.array([sample.share for sample in samples], np.float32)
    old = [base is None or name in base.classes for name in names]
    importance = _importance(share, classes, old, recipe.none_share)
    return columns, Rows(matrix, classes, groups, importance)


def _choose_columns(hashes: NDArray[np.uint32], groups: Ints, limit: int) -> NDArray[np.uint32]:
    """Features seen in two examples at least; the most frequent, if there are too many."""
    pairs = np.unique(hashes.astype(np.uint64) << np.uint64(32) | groups.astype(np.uint64))
    values, counts = np.unique((pairs >> np.uint64(32)).astype(np.uint32), return_counts=True)
    values, counts = values[counts > 1], counts[counts > 1]
    if len(values) > limit:
        order = np.lexsort((values, -counts))[:limit]
        values = np.sort(values[order])
    return values


def _importance(share: Floats, classes: Ints, old: Sequence[bool], none_share: float) -> Floats:
    """Each intent weighs as the root of its examples; none as all ``old`` intents together.

    ``old``, by class, says what was there before. However many intents are new, together they
    weigh no more than the old, so that what was learnt before is not outvoted.
    """
    weights = share.copy()
    none = len(old) - 1
    for index in range(none):
        mine = classes == index
        if mine.any():
            weights[mine] *= np.float32(float(share[mine].sum()) ** -0.5)
    before = np.array(old)[classes] & (classes != none)
    after = ~np.array(old)[classes]
    inside, fresh = float(weights[before].sum()), float(weights[after].sum())
    outside = float(share[classes == none].sum())
    if inside and outside:
        weights[classes == none] *= np.float32(none_share * inside / outside)
    if inside and fresh > inside:
        weights[after] *= np.float32(inside / fresh)
    return weights


def _train(
    rows: Rows, count: int, recipe: Recipe, iterations: int, start: Linear | None = None
) -> Linear:
    return train(
        rows.matrix,
        rows.classes,
        rows.importance,
        count,
        penalty=recipe.penalty,
        iterations=iterations,
        start=start,
    )


def _held_out(rows: Rows, recipe: Recipe) -> NDArray[np.bool_]:
    """Rows to calibrate on: all rows of an example are in or out together."""
    spread = (rows.groups * 2_654_435_761 % 2**32) / 2**32
    out: NDArray[np.bool_] = spread < recipe.held_out
    return out if out.any() and not out.all() else np.ones(len(out), bool)


def _temperature(logits: Floats, rows: Rows) -> float:
    """The divisor of the logits that makes held-out rows likeliest."""

    def cost(value: float) -> float:
        chances = softmax(logits / np.float32(value))[np.arange(len(logits)), rows.classes]
        return -float((np.log(np.maximum(chances, 1e-9)) * rows.importance).sum())

    return float(min(np.geomspace(0.4, 2.0, 33), key=cost))


def _threshold(chances: Floats, rows: Rows, none: int) -> float:
    """The in-scope probability from which to act: fewest errors on held-out rows.

    Were the probabilities exact, it would follow from what errors cost; with few examples they
    are too low. The curve of errors is flat and ragged at its foot: the middle of all that are
    nearly best counts.
    """
    exact = float(_HARM / (1 + _HARM))
    if not none:
        return exact
    scope = 1 - chances[:, none]
    right = chances[:, :none].argmax(1) == rows.classes
    asked = rows.classes != none
    grid = np.linspace(0.3, 0.8, 51)
    costs = np.array(
        [float((np.where(scope >= t, _HARM * ~right, asked) * rows.importance).sum()) for t in grid]
    )
    near = grid[costs <= costs.min() * 1.03]
    return round(min(float(near.mean()), exact), 4)


def _exact(
    samples: Sequence[Sample], names: Sequence[str], extractor: Extractor
) -> tuple[NDArray[np.uint64], Ints]:
    """Phrases that mean one intent as they stand; those of two intents are left to the model."""
    meaning: dict[str, set[str]] = {}
    for sample in samples:
        if sample.exact or sample.intent == NONE:
            phrase = " ".join(extractor.classed(sample.text.split()))
            meaning.setdefault(phrase, set()).add(sample.intent)
    single = sorted(
        (phrase_hash(phrase), names.index(next(iter(found))))
        for phrase, found in meaning.items()
        if len(found) == 1 and NONE not in found
    )
    hashes = np.array([key for key, _ in single], np.uint64)
    return hashes, np.array([intent for _, intent in single], np.int64)


def _openings(samples: Sequence[Sample]) -> list[str]:
    """The words that requests begin with, in two examples at least."""
    firsts: dict[str, set[int]] = {}
    for sample in samples:
        if sample.opens:
            firsts.setdefault(sample.text.partition(" ")[0], set()).add(sample.group)
    return sorted(word for word, groups in firsts.items() if len(groups) > 1 and word.isalpha())


def _report(
    chances: Floats,
    rows: Rows,
    samples: int,
    names: Sequence[str],
    threshold: float,
) -> dict[str, float]:
    """How held-out examples were decided: shown by `wlm why`."""
    none = len(names) - 1
    best = chances[:, :none].argmax(1) if none else np.zeros(len(chances), np.int64)
    decided = np.where(1 - chances[:, none] >= threshold, best, none)
    right = decided == rows.classes
    total = float(rows.importance.sum()) or 1.0
    inside = rows.classes != none
    return {
        "samples": samples,
        "held_out_accuracy": round(float((right * rows.importance).sum()) / total, 4),
        "held_out_none_recall": round(float(right[~inside].mean()), 4) if (~inside).any() else 1.0,
    }
