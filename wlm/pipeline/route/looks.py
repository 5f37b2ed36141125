"""How a text looks to what was trained: to one model, or to one and what stands beside it."""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from wlm.pipeline.route.features import Extractor
from wlm.pipeline.route.interface import NONE
from wlm.pipeline.route.plain import PlainModel

if TYPE_CHECKING:
    from wlm.pipeline.route.beside import Beside
    from wlm.pipeline.route.encoder import Floats
    from wlm.pipeline.route.model import Model

_DOUBT = 0.05
"""What a trained model leaves of any request, however sure it is, to skills that it has never
seen: so much surer than it must they be to take one over."""


_CLEAR = 0.9
"""A trained model that gives an intent so much is asked alone, without the encoder."""


class Seen(NamedTuple):
    """A probability for each class, and the encoder's vector if it was asked."""

    chances: list[float]
    vector: Floats | None = None


class Looks(Protocol):
    """What a router decides with. ``classes`` end with none."""

    classes: tuple[str, ...]
    act_from: float
    likely: float
    ask_from: float
    openings: frozenset[str]
    report: Mapping[str, Any]

    def at(self, plain: str) -> Seen:
        """The probabilities of a text in plain form, which has words."""

    def exact(self, plain: str) -> str | None:
        """The intent of a phrase that is known as it stands."""

    def pulls(self, plain: str, intent: int) -> dict[str, float]:
        """What each feature says for an intent and against none."""


class Alone:
    """One model, of whose intents some may be ``away``; ``path`` is where it is kept."""

    def __init__(
        self, model: Model | PlainModel, language: str, path: Path, away: Collection[str] = ()
    ) -> None:
        self._model = model
        self._path = path
        self._extract = Extractor(model.keywords, language)
        self._away = [at for at, name in enumerate(model.classes) if name in away]
        self.classes = tuple(name for name in model.classes if name not in away)
        self.act_from, self.ask_from = model.act_from, model.ask_from
        self.likely = model.likely
        self.openings = frozenset(model.openings)
        self.report = model.report

    def at(self, plain: str) -> Seen:
        features = self._extract(plain)
        chances = self._model.probabilities(features)
        vector = None
        if self._model.closer and max(chances) < self._model.sure:
            vector = encoded(plain)
            chances = self._whole.closer_look(features, vector, chances)
        return Seen(self._of_those_there(chances), vector)

    def exact(self, plain: str) -> str | None:
        known = self._model.exact_intent(" ".join(self._extract.classed(plain.split())))
        return known if known in self.classes else None

    def pulls(self, plain: str, intent: int) -> dict[str, float]:
        at = self._model.classes.index(self.classes[intent])
        return self._model.pulls(self._extract(plain), at, -1)

    @functools.cached_property
    def _whole(self) -> Model:
        """The model with all that its file holds."""
        if not isinstance(self._model, PlainModel):
            return self._model
        from wlm.pipeline.route.model import Model

        found = Model.load(self._path)
        if found is None:  # it was there a moment ago
            raise FileNotFoundError(self._path)
        return found

    def _of_those_there(self, chances: list[float]) -> list[float]:
        """What would be asked of a skill that is away, nobody serves."""
        if not self._away:
            return chances
        left = [chance for at, chance in enumerate(chances) if at not in self._away]
        left[-1] += sum(chances[at] for at in self._away)
        return left


class WithMore:
    """A model, and skills that it does not know."""

    def __init__(self, known: Alone, beside: Beside, language: str) -> None:
        self._known = known
        self._beside = beside
        self._extract = Extractor(beside.keywords, language)
        self.classes = (*known.classes[:-1], *beside.classes, NONE)
        self.act_from, self.ask_from = known.act_from, known.ask_from
        self.likely = known.likely
        self.openings = known.openings | frozenset(beside.openings)
        self.report = known.report

    def at(self, plain: str) -> Seen:
        known, vector = self._known.at(plain)
        if vector is None and self._beside.closer is not None and max(known[:-1]) < _CLEAR:
            vector = encoded(plain)
        new = self._beside.chances(self._extract(plain), vector)
        return Seen(together(known, new), vector)

    def exact(self, plain: str) -> str | None:
        """What is a phrase of both sides stays open."""
        known = self._known.exact(plain)
        new = self._beside.exact_intent(" ".join(self._extract.classed(plain.split())))
        return (None if known else new) if new else known

    def pulls(self, plain: str, intent: int) -> dict[str, float]:
        known = len(self._known.classes) - 1
        if intent < known:
            return self._known.pulls(plain, intent)
        return self._beside.pulls(self._extract(plain), intent - known)


def encoded(plain: str) -> Floats:
    """The encoder's vector; the first text that needs one loads the encoder, and numpy."""
    from wlm.pipeline.route.encoder import Encoder

    return Encoder.load().sentence(plain)


def together(known: Sequence[float], new: Sequence[float]) -> list[float]:
    """One distribution: the trained model's intents, the new ones, none.

    ``known`` ends with none, ``new`` with none of the new. Each weighs what the one model
    says by what the other leaves of it.
    """
    left = max(known[-1], _DOUBT)
    parts = [chance * new[-1] for chance in known[:-1]]
    parts += [chance * left for chance in new[:-1]]
    parts.append(known[-1] * new[-1])
    total = sum(parts)
    return [part / total for part in parts]
