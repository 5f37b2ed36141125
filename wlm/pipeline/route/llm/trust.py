"""How much the model's word counts: what it said where the answer was known.

Some requests of which the local router is certain are put to the model too: control
questions, of the same form as real ones. How it did there is a small confusion matrix, and
by Bayes' rule it says how far a real answer shifts the local router's calibrated
probabilities. A model that errs, lies, or says always the same shifts them by nothing.

A model might do well where it can be checked and badly elsewhere. So its answers to requests
of which the local router is unsure are counted too: who is right agrees with a calibrated
router about as often as that expects to be right. Until enough of both were seen, and where
either is too low, its word does not count.

Intents fall into groups, a skill and an effect (``meeting``, ``write``): to another skill, or
to a send in place of a read, is a worse error than to another verb of the same.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple

from wlm.pipeline.route.interface import NONE

Mark = Literal["N", "F", "S", "V", "X", "M"]
"""A control question's result.

Truth none: ``N`` said none, ``F`` said some action. Truth an action: ``S`` the same,
``V`` another verb of its group, ``X`` an action of another group, ``M`` said none.
"""
Group = tuple[str, str]
Grouped = Callable[[str], Group]
"""The group of an intent; ``none`` is a group of its own."""

PROBATION = 10
"""Control questions before the model's word counts at all."""
WINDOW = 60
"""Control questions that count; older ones are dropped, since models and servers change."""
UNSURE = 12
"""Unsure requests that it was asked about before its word counts at all."""
_GOOD = frozenset("NSV")
_AGREE = 0.8
_EXPECTED = 0.75
"""Share of the expected agreement that is enough, since calibration has errors of its own."""
_RATE = 0.05
RATE_DISTRUSTED = 0.02
"""How often one that is not trusted is looked at again."""
_LATELY = 5
_RECHECK = 3


def mark(truth: str, said: str, group: Grouped) -> Mark:
    """The result of a control question."""
    if truth == NONE:
        return "N" if said == NONE else "F"
    if said == truth:
        return "S"
    if said == NONE:
        return "M"
    return "V" if group(said) == group(truth) else "X"


class Unsure(NamedTuple):
    """An unsure request: whether the model agreed, and how likely the local router was right."""

    agreed: bool
    expected: float


def standing(
    marks: Sequence[Mark], unsure: Sequence[Unsure]
) -> Literal["probation", "trusted", "distrusted"]:
    """What was seen of the model so far allows."""
    if len(marks) >= PROBATION and not _agrees(marks):
        return "distrusted"
    if len(unsure) >= UNSURE and not _agrees_as_expected(unsure):
        return "distrusted"
    known = len(marks) >= PROBATION and len(unsure) >= UNSURE
    return "trusted" if known else "probation"


def wants_control(marks: Sequence[Mark], unsure: Sequence[Unsure], chance: float) -> bool:
    """Whether a certain request should be put to the model; ``chance`` is uniform in 0 to 1.

    The first are, and those after an error, until it is clear whether that was one error or
    a change.
    """
    if standing(marks, unsure) == "distrusted":
        return chance < RATE_DISTRUSTED
    return len(marks) < PROBATION or chance < _RATE or _share(marks[-_RECHECK:]) < 1


def _agrees(marks: Sequence[Mark]) -> bool:
    return _share(marks) >= _AGREE and _share(marks[-_LATELY:]) > 0.5


def _agrees_as_expected(unsure: Sequence[Unsure]) -> bool:
    """Within a standard deviation of enough."""
    agreed = sum(item.agreed for item in unsure)
    expected = sum(item.expected for item in unsure)
    spread = math.sqrt(sum(item.expected * (1 - item.expected) for item in unsure))
    return agreed >= _EXPECTED * expected - spread


def odds(
    marks: Sequence[Mark], chances: Mapping[str, float], local: str, said: str, group: Grouped
) -> float:
    """How much likelier ``said`` is than ``local``, given both opinions.

    ``chances`` are the local router's probabilities by intent, ``none`` among them.
    """
    counts = Counter(marks)
    if group(said) == group(local):
        return _within(counts, chances, local, said, group)
    weights: dict[Group, float] = {}
    for intent, chance in {said: 0.0, **chances}.items():
        weights[group(intent)] = weights.get(group(intent), 0.0) + chance
    actions = sum(key != group(NONE) for key in weights)

    def likely(truth: str) -> float:
        seen = _likelihood(counts, group(truth), group(said), actions, group(NONE))
        return weights.get(group(truth), 0.0) * seen

    return likely(said) / max(likely(local), 1e-9)


def _likelihood(
    counts: Counter[Mark], truth: Group, said: Group, actions: int, nothing: Group
) -> float:
    """How often the model says ``said`` where ``truth`` is right; a third where unknown."""
    if truth == nothing:
        right = (counts["N"] + 1) / (counts["N"] + counts["F"] + 2)
        return right if said == nothing else (1 - right) / max(actions, 1)
    total = counts["S"] + counts["V"] + counts["X"] + counts["M"] + 3
    if said == nothing:
        return (counts["M"] + 1) / total
    if said == truth:
        return (counts["S"] + counts["V"] + 1) / total
    return (counts["X"] + 1) / total / max(actions - 1, 1)


def _within(
    counts: Counter[Mark], chances: Mapping[str, float], local: str, said: str, group: Grouped
) -> float:
    """The same between verbs of one group."""
    if said == local:
        return 1.0
    right = (counts["S"] + 1) / (counts["S"] + counts["V"] + 2)
    others = max(1, sum(group(intent) == group(local) for intent in chances) - 1)
    return (
        chances.get(said, 0.0) * right / max(chances.get(local, 0.0) * (1 - right) / others, 1e-9)
    )


def _share(marks: Sequence[Mark]) -> float:
    return sum(mark in _GOOD for mark in marks) / max(len(marks), 1)
