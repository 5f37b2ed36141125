"""Train a router's model from samples: features, weights, calibration, thresholds."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from wlm.pipeline.route.closer import Centre, middles, vectors
from wlm.pipeline.route.features import Extractor
from wlm.pipeline.route.interface import FIRST_SHARE, LIKELY, NONE, SURE, phrase_hash
from wlm.pipeline.route.linear import Linear, softmax, train
from wlm.pipeline.route.model import Model, blended, positions
from wlm.pipeline.route.samples import Sample
from wlm.pipeline.route.vectors import Vectors

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
_HARM = np.float32(1.25)
"""How much worse it is to do what was not asked for than to ask back what was."""


_FEW_ACT_FROM, _FEW_LIKELY = 0.25, 0.35
"""Where to act with few examples. What is left unsaid then spreads the probabilities, more than
a few held-out rows can tell: acting at what looks unlikely is mostly right."""


_MIDDLE = 6.0
"""How strongly a class's middle pulls what is near it, with few examples: then it says more than
weights that were fitted to them, and the closer look more than the first."""


class Recipe(NamedTuple):
    """What was chosen by measurement (``bench/route.py``)."""

    columns: int = 3500
    meaning: float = 1.0
    penalty: float = 3e-5
    iterations: int = 28
    last_iterations: int = 16
    held_out: float = 0.25
    none_share: float = 1.0
    ask_width: float = 0.12
    expansions: int = 2
    closely: bool = True
    """Whether the encoder, which reads English, takes a closer look."""


def recipe_of(language: str) -> Recipe:
    """The recipe for a language.

    Others than English have fewer phrases and no sentence vectors of their own: words that
    were never seen must not pull to none, and more values stand in for fewer phrases.
    """
    if language == "en":
        return Recipe()
    return Recipe(columns=6000, none_share=0.15, expansions=4, closely=False)


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
) -> Model:
    """A model of ``samples``; the same for the same samples.

    A part of the examples is held out first to calibrate on.
    """
    recipe, extractor = recipe or Recipe(), Extractor(keywords, language)
    names = (*dict.fromkeys(s.intent for s in samples if s.intent != NONE), NONE)
    grasp = _grasp(samples)
    columns, first = rows_of(samples, names, extractor, recipe)
    looks, width = [first], len(columns)
    if recipe.closely:
        found = vectors([sample.text for sample in samples], language)
        centre = Centre.of(found)
        looks.append(first._replace(matrix=np.hstack([first.matrix[:, :width], centre(found)])))
        pull = middles(found, first.classes, first.importance) * np.float32(_MIDDLE * (1 - grasp))
    share = FIRST_SHARE * grasp
    starts, temperatures, threshold, report = _calibrate(looks, names, recipe, share)
    threshold = round(grasp * threshold + (1 - grasp) * _FEW_ACT_FROM, 4)
    linears = [
        fit_rows(rows, len(names), recipe, recipe.last_iterations, start)
        for rows, start in zip(looks, starts, strict=True)
    ]
    exact, exact_intents = exact_phrases(samples, names, extractor)
    return Model(
        classes=names,
        columns=columns,
        sparse=linears[0].weights[:width],
        dense=linears[0].weights[width:-1] * np.float32(recipe.meaning),
        bias=linears[0].weights[-1],
        exact=exact,
        exact_intents=exact_intents,
        temperature=temperatures[0],
        act_from=threshold,
        ask_from=max(threshold / 2, threshold - recipe.ask_width),
        likely=round(_FEW_LIKELY + grasp * (LIKELY - _FEW_LIKELY), 4),
        keywords=keywords,
        openings=openings(samples),
        report=report,
        declared=declared or {},
        sure=SURE if grasp == 1 else 1.0,
        first_share=round(share, 4),
        closer=centre.folded(linears[1], width, temperatures[1], pull) if recipe.closely else None,
    )


def _grasp(samples: Sequence[Sample]) -> float:
    """How far what was held out can be believed: 0 with ten examples an intent or fewer, 1 with a
    hundred or more."""
    groups = {sample.group for sample in samples if sample.opens and sample.intent != NONE}
    intents = {sample.intent for sample in samples if sample.intent != NONE}
    return float(np.clip(np.log10(max(len(groups), 1) / (10 * max(len(intents), 1))), 0, 1))


def _calibrate(
    looks: Sequence[Rows], names: Sequence[str], recipe: Recipe, share: float
) -> tuple[list[Linear], list[float], float, dict[str, float]]:
    """Train each look on a part; what the rest says of temperatures and threshold."""
    out = _held_out(looks[0], recipe)
    trials, temperatures, chances = [], [], []
    for rows in looks:
        part = rows if out.all() else rows.pick(~out)
        trials.append(fit_rows(part, len(names), recipe, recipe.iterations))
        held = rows.pick(out)
        logits = trials[-1].logits(held.matrix)
        temperatures.append(_temperature(logits, held))
        chances.append(softmax(logits / np.float32(temperatures[-1])))
    found = blended(chances[0], chances[1], SURE, share) if recipe.closely else chances[0]
    held = looks[0].pick(out)
    threshold = _threshold(found, held, len(names) - 1)
    report = _report(found, held, len(looks[0].matrix), names, threshold)
    return trials, temperatures, threshold, report


def rows_of(
    samples: Sequence[Sample], names: Sequence[str], extractor: Extractor, recipe: Recipe
) -> tuple[NDArray[np.uint32], Rows]:
    """The columns that were chosen, and the samples as numbers for a first look."""
    words = Vectors.load()
    features = [extractor(sample.text) for sample in samples]
    counts = [len(found.hashes) for found in features]
    hashes = np.fromiter(itertools.chain.from_iterable(f.hashes for f in features), np.uint32)
    values = np.fromiter(itertools.chain.from_iterable(f.values for f in features), np.float32)
    at_row = np.repeat(np.arange(len(samples)), counts)
    groups = np.array([sample.group for sample in samples], np.int64)
    columns = _choose_columns(hashes, groups[at_row], recipe.columns)
    matrix = np.zeros((len(samples), len(columns) + words.dims), np.float32)
    known, at = positions(columns, hashes)
    matrix[at_row[known], at] = values[known]
    for row, found in enumerate(features):
        matrix[row, len(columns) :] = words.sentence(found.words) * np.float32(recipe.meaning)
    index = {name: i for i, name in enumerate(names)}
    classes = np.array([index[sample.intent] for sample in samples], np.int64)
    share = np.array([sample.share for sample in samples], np.float32)
    importance = _importance(share, classes, len(names) - 1, recipe.none_share)
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


def _importance(share: Floats, classes: Ints, none: int, none_share: float) -> Floats:
    """Each intent weighs as the root of its examples; none as all of them together."""
    weights = share.copy()
    for index in range(none):
        mine = classes == index
        if mine.any():
            weights[mine] *= np.float32(float(share[mine].sum()) ** -0.5)
    inside = float(weights[classes != none].sum())
    outside = float(share[classes == none].sum())
    if inside and outside:
        weights[classes == none] *= np.float32(none_share * inside / outside)
    return weights


def fit_rows(
    rows: Rows, count: int, recipe: Recipe, iterations: int, start: Linear | None = None
) -> Linear:
    """A linear model of ``count`` classes."""
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


def exact_phrases(
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


def openings(samples: Sequence[Sample]) -> list[str]:
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
