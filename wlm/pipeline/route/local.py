"""The local router: milliseconds, offline, trained from what the installed skills declare."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from wlm.pipeline.route.features import Extractor
from wlm.pipeline.route.interface import NONE, Candidate, Choice, Decision, Outcome, Utterance
from wlm.pipeline.route.normalise import normalise
from wlm.pipeline.route.plain import MOST_CLASSES, PlainModel
from wlm.pipeline.route.split import split
from wlm.plugins.skill import IntentSpec, Phrases

if TYPE_CHECKING:
    from wlm.pipeline.route.model import Model

log = logging.getLogger(__name__)
VERSION = "local-2"
_SHOWN = 5
_SPLIT_FROM = 0.75
_KEPT_MODELS = 8
_LONGEST_SPLIT = 1000
"""Characters; a text longer than that is dictation, not a row of requests."""
_LIKELY = 0.5
"""What the intents of one skill and effect must have of the in-scope probability; else: ask."""
SHIPPED = Path(__file__).parent / "data" / "trained"
"""Models of the skills that come with WLM, so that the first request waits for no training."""


class _Judged(NamedTuple):
    """One stretch of text as the model sees it."""

    text: str
    normalised: str
    intent: str | None
    confidence: float
    scope: float
    exact: bool
    chances: Sequence[float]


class LocalRouter:
    """Decides with a linear model over sentence vectors, words and pieces of words."""

    name = "local"

    def __init__(
        self,
        model: Model | PlainModel,
        intents: Mapping[str, IntentSpec],
        language: str,
        kept: str,
    ) -> None:
        self.model = model
        self.kept = kept
        self._sides = _sides(model.classes, intents)
        self._extract = Extractor(model.keywords, language)
        self._openings = frozenset(model.openings)
        self._language = language

    @classmethod
    def train(cls, intents: Mapping[str, IntentSpec], language: str, cache_dir: Path) -> Self:
        """The router of these intents: from ``cache_dir`` if it was trained before.

        A damaged file is made anew; where the folder cannot be written, the model stays in
        memory and ``kept`` (also in each explanation) says so.
        """
        name = f"{language}-{fingerprint(intents, language)}.npz"
        path = cache_dir / "router" / name
        model, kept = _kept(path), "cache"
        if model is None:
            model, kept = _kept(SHIPPED / name), "shipped"
        if model is None:
            from wlm.pipeline.route.samples import keywords, make_samples
            from wlm.pipeline.route.training import fit, recipe_of

            recipe, declared = recipe_of(language), declarations(intents, language)
            samples = make_samples(intents, language, expansions=recipe.expansions)
            trained = fit(
                samples,
                keywords(intents, language),
                language,
                recipe,
                declared=declared,
                base=_base(declared, language),
            )
            model, kept = trained, "trained"
            try:
                trained.save(path)
                _tidy(path)
            except OSError as error:
                log.warning("the router's model cannot be kept (%s)", type(error).__name__)
                kept = "memory only: the cache folder cannot be written"
        return cls(model, intents, language, kept)

    def decide(self, utterance: Utterance) -> Decision:
        """The decision for one utterance; never raises for any text."""
        whole = self._judge(utterance.text)
        parts = [utterance.text]
        if len(utterance.text) <= _LONGEST_SPLIT:
            parts = split(utterance.text, self._ask_judge, self._opens, _SPLIT_FROM, self._language)
        judged = [self._judge(part) for part in parts] if len(parts) > 1 else [whole]
        acting = [part for part in judged if part.intent]
        outcome: Outcome = "act" if acting else "none"
        if not acting and whole.scope >= self.model.ask_from:
            outcome = "ask"
        choices = tuple(
            Choice(part.intent, round(part.confidence, 4), part.text)
            for part in acting
            if part.intent
        )
        shown = acting[0] if acting else whole
        return Decision(
            outcome,
            choices,
            self._candidates(shown),
            whole.normalised,
            self.name,
            self._explain(shown, len(parts)),
        )

    def alone(self, text: str) -> str | None:
        """The intent of ``text`` taken as one request; None if it would not be acted on."""
        return self._judge(text).intent

    def _judge(self, text: str) -> _Judged:
        plain = normalise(text, self._language)
        classes = self.model.classes
        if not plain or len(classes) == 1:
            only_none = [float(name == NONE) for name in classes]
            return _Judged(text, plain, None, 0.0, 0.0, False, only_none)
        features = self._extract(plain)
        chances = self.model.probabilities(features)
        if known := self.model.exact_intent(" ".join(self._extract.classed(features.words))):
            at = classes.index(known)
            shrink = 0.02 / max(1 - chances[at], 0.02)
            chances = [chance * shrink for chance in chances]
            chances[at] = 1 - (sum(chances) - chances[at])
            return _Judged(text, plain, known, chances[at], 1.0, True, chances)
        weights = [sum(chances[at] for at in side) for side in self._sides]
        weight = max(weights)
        best = max(self._sides[weights.index(weight)], key=chances.__getitem__)
        scope = 1 - chances[-1]
        acts = scope >= self.model.act_from and weight >= _LIKELY * scope
        intent = classes[best] if acts else None
        return _Judged(text, plain, intent, chances[best], scope, False, chances)

    def _ask_judge(self, text: str) -> tuple[str | None, float]:
        judged = self._judge(text)
        return judged.intent, judged.scope

    def _opens(self, text: str) -> bool:
        first = normalise(text, self._language).partition(" ")[0]
        return first in self._openings

    def _candidates(self, judged: _Judged) -> tuple[Candidate, ...]:
        likely = sorted(zip(judged.chances, self.model.classes, strict=True), key=lambda c: -c[0])
        return tuple(Candidate(name, round(chance, 4)) for chance, name in likely[:_SHOWN])

    def _explain(self, judged: _Judged, parts: int) -> dict[str, Any]:
        model = self.model
        facts: dict[str, Any] = {
            "model": VERSION,
            "kept": self.kept,
            "parts": parts,
            "exact_phrase": judged.exact,
            "in_scope": round(judged.scope, 4),
            "ask_from": round(model.ask_from, 4),
            "training": dict(model.report),
            "features": [],
        }
        if judged.normalised and len(model.classes) > 1:
            facts["act_from"] = model.act_from
            facts["features"] = self._deciding(judged)
        return facts

    def _deciding(self, judged: _Judged) -> list[dict[str, Any]]:
        """The features that spoke most for or against the best intent, against none."""
        inside = judged.chances[:-1]
        features = self._extract(judged.normalised)
        pulls = self.model.pulls(features, inside.index(max(inside)), -1)
        strongest = sorted(pulls.items(), key=lambda item: -abs(item[1]))[:_SHOWN]
        return [{"feature": name, "pull": round(pull, 3)} for name, pull in strongest]


def _kept(path: Path) -> Model | PlainModel | None:
    """The model at ``path``, in the form that its size asks for; None if there is none."""
    if not path.exists():
        return None
    plain = PlainModel.load(path)
    if plain is not None and len(plain.classes) <= MOST_CLASSES:
        return plain
    from wlm.pipeline.route.model import Model

    return Model.load(path)


def _sides(classes: Sequence[str], intents: Mapping[str, IntentSpec]) -> list[list[int]]:
    """The classes of each skill and effect.

    To list meetings where free time was meant is a small mistake; to change something
    where a look was meant, or to ask the wrong skill, is not.
    """
    sides: dict[tuple[str, str], list[int]] = {}
    for at, name in enumerate(classes[:-1]):
        sides.setdefault((intents[name].skill, intents[name].effect), []).append(at)
    return list(sides.values())


def fingerprint(intents: Mapping[str, IntentSpec], language: str) -> str:
    """A hash of all that training depends on."""
    return _hash([VERSION, language, list(declarations(intents, language).items())])


def _trained_from(phrases: Phrases) -> list[Any]:
    """What of them counts: no follow-ups."""
    words = [{slot: dict(choices) for slot, choices in phrases.words.items()}]
    return [phrases.examples, phrases.keywords, *(words if phrases.words else ())]


def declarations(intents: Mapping[str, IntentSpec], language: str) -> dict[str, str]:
    """A hash of what each class is trained from, none's last."""
    found = {
        name: _hash(
            [
                _trained_from(spec.phrases.get(language) or spec.phrases.get("en") or Phrases()),
                spec.help.partition("\n")[0],
                [[s.name, s.kind, s.choices, s.extra.values, s.extra.aliases] for s in spec.slots],
            ]
        )
        for name, spec in intents.items()
    }
    data = files("wlm.pipeline.route").joinpath("data")
    tables = [
        path.read_text("utf-8") if (path := data.joinpath(name)).is_file() else ""
        for name in (f"none_{language}.txt", f"lexicon_{language}.toml", f"values_{language}.toml")
    ]
    return {**found, NONE: _hash(tables)}


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:24]


def _base(declared: Mapping[str, str], language: str) -> Model | None:
    """The shipped model, if what it was trained from is still declared just so.

    Skills beside its own may have come, and some of its own may be away.
    """
    from wlm.pipeline.route.model import Model

    for path in sorted(SHIPPED.glob(f"{language}-*.npz")):
        model = Model.load(path)
        if model is not None and model.declared:
            there = [name for name in model.classes if name in declared]
            same = all(model.declared.get(name) == declared[name] for name in there)
            if same and len(there) * 2 > len(model.classes):
                return model
    return None


def _tidy(kept: Path) -> None:
    """Drop the oldest models beyond a few: each set of skills leaves one."""
    others = sorted(kept.parent.glob("*.npz"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in others[_KEPT_MODELS:]:
        path.unlink(missing_ok=True)
