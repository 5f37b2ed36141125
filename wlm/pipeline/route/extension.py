"""Train what stands beside a trained model (``beside``): seconds, whatever the model took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from wlm.pipeline.route.beside import Beside
from wlm.pipeline.route.closer import Centre, middles, vectors
from wlm.pipeline.route.features import Extractor
from wlm.pipeline.route.interface import NONE
from wlm.pipeline.route.samples import Sample, keywords, make_samples, routable
from wlm.pipeline.route.training import (
    Recipe,
    Rows,
    exact_phrases,
    fit_rows,
    openings,
    recipe_of,
    rows_of,
)
from wlm.plugins.skill import IntentSpec, Phrases

_RECIPE = Recipe(columns=2500, iterations=14, penalty=1e-4, expansions=1)
_FEW = 600
"""Examples of all new skills from which on their marks are filled in once only, and rows of
theirs that the encoder reads at most: training is waited for."""
_PULL = 5.0
"""How strongly the middle of a class's vectors pulls: examples are few (ADR 26)."""
_WITHIN = 12
"""Iterations to tell the intents of one skill apart."""
_KNOWN_ROWS = 1200
"""Examples of the trained model's skills that the new ones are told apart from."""


def extend(
    new: Mapping[str, IntentSpec], known: Mapping[str, IntentSpec], base: str, language: str
) -> Beside:
    """What tells the intents in ``new`` from those in ``known`` and from none.

    ``base`` names the file of the model that knows ``known``. The same for the same
    declarations.
    """
    many = sum(map(len, routable(new, language).values())) > _FEW
    samples = make_samples(new, language, expansions=1 if many else 2)
    alone = len(samples)
    samples += _of_known(known, language)
    names = tuple(dict.fromkeys(s.intent for s in samples if s.intent != NONE))
    skills = list(dict.fromkeys(new[name].skill for name in names))
    skill_of = np.array([skills.index(new[name].skill) for name in names], np.int64)
    words = keywords(new, language)
    extractor = Extractor(words, language)
    columns, rows = rows_of(samples, (*names, NONE), extractor, _RECIPE)
    by_skill = np.append(skill_of, len(skills))[rows.classes]
    weights = _weights(rows, by_skill, skill_of, len(skills))
    exact, intents = exact_phrases(samples, (*names, NONE), extractor)
    width = len(columns)
    closer = None
    if recipe_of(language).closely:
        closer = _closer(samples, rows.pick(np.arange(len(samples)) < alone), skill_of, language)
    return Beside(
        classes=names,
        skill_of=skill_of,
        columns=columns,
        weights=weights[:width],
        dense=weights[width:-1],
        bias=weights[-1],
        exact=exact,
        exact_intents=intents,
        keywords=words,
        openings=openings(samples),
        base=base,
        closer=closer,
    )


def _of_known(known: Mapping[str, IntentSpec], language: str) -> list[Sample]:
    """Some examples of the trained model's intents: as good as none to the new skills."""
    spoken = routable(known, language)
    step = max(1, sum(map(len, spoken.values())) // _KNOWN_ROWS)
    some = {
        name: known[name]._replace(phrases={language: _every(known[name], language, step)})
        for name in spoken
    }
    samples = make_samples(some, language, expansions=1, pool=False)
    return [sample._replace(intent=NONE, exact=False, opens=False) for sample in samples]


def _every(spec: IntentSpec, language: str, step: int) -> Phrases:
    phrases = spec.phrases.get(language) or spec.phrases["en"]
    return Phrases(phrases.examples[::step], words=phrases.words)


def _weights(
    rows: Rows, by_skill: NDArray[np.int64], skill_of: NDArray[np.int64], skills: int
) -> NDArray[np.float32]:
    """Columns for each skill, none of them, and each intent."""
    importance = _balanced(by_skill, rows.importance, skills)
    judged = rows._replace(classes=by_skill, importance=importance)
    first = fit_rows(judged, skills + 1, _RECIPE, _RECIPE.iterations)
    within = np.zeros((rows.matrix.shape[1] + 1, len(skill_of)), np.float32)
    for skill in range(skills):
        intents = np.flatnonzero(skill_of == skill)
        if len(intents) > 1:
            within[:, intents] = _told_apart(rows.pick(by_skill == skill), intents)
    return np.hstack([first.weights, within])


def _closer(
    samples: Sequence[Sample], rows: Rows, skill_of: NDArray[np.int64], language: str
) -> NDArray[np.float32]:
    """The same columns for the encoder's vectors and a bias, pulled towards each class's middle.

    ``samples`` and ``rows`` are of the new skills and of the none pool, whose vectors are
    shipped; what the trained model knows, it answers for itself.
    """
    skills, none = int(skill_of.max()) + 1, len(skill_of)
    own, pool = np.flatnonzero(rows.classes < none), np.flatnonzero(rows.classes == none)
    chosen = np.concatenate([own[:: -(-len(own) // _FEW)], pool])
    found = vectors([samples[at].text for at in chosen], language)
    centre = Centre.of(found)
    part = Rows(centre(found), *(column[chosen] for column in rows[1:]))
    by_skill = np.append(skill_of, skills)[part.classes]
    weights = _weights(part, by_skill, skill_of, skills)
    dense = weights[:-1] * centre.scale
    bias = weights[-1] - centre.mean @ dense
    for_skills = middles(found, by_skill, part.importance)
    for_intents = middles(found, part.classes, part.importance)[:, :none]
    pull = np.float32(_PULL) * np.hstack([for_skills, for_intents])
    return np.vstack([dense + pull, bias])


def _told_apart(rows: Rows, intents: NDArray[np.int64]) -> NDArray[np.float32]:
    """Weights of one skill's intents, from its own rows and the columns that they use."""
    used = np.flatnonzero(rows.matrix.any(0))
    part = Rows(
        np.ascontiguousarray(rows.matrix[:, used]),
        np.searchsorted(intents, rows.classes),
        rows.groups,
        rows.importance,
    )
    linear = fit_rows(part, len(intents), _RECIPE, _WITHIN)
    weights = np.zeros((rows.matrix.shape[1] + 1, len(intents)), np.float32)
    weights[np.append(used, rows.matrix.shape[1])] = linear.weights
    return weights


def _balanced(
    by_skill: NDArray[np.int64], importance: NDArray[np.float32], skills: int
) -> NDArray[np.float32]:
    """None of them weighs as all new skills together."""
    weights = importance.copy()
    none = by_skill == skills
    weights[none] *= np.float32(weights[~none].sum() / max(float(weights[none].sum()), 1e-9))
    return weights
