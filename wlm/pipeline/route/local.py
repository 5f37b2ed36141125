"""The local router: milliseconds, offline, trained from what the installed skills declare."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from wlm.pipeline.route.features import Extractor
from wlm.pipeline.route.interface import Candidate, Choice, Decision, Outcome, Utterance
from wlm.pipeline.route.model import NONE, Model
from wlm.pipeline.route.normalise import normalise
from wlm.pipeline.route.split import split
from wlm.pipeline.route.vectors import Vectors
from wlm.plugins.skill import IntentSpec, Phrases

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
    chances: NDArray[np.float32]


class LocalRouter:
    """Decides with a linear model over sentence vectors, words and pieces of words."""

    name = "local"

    def __init__(
        self, model: Model, intents: Mapping[str, IntentSpec], language: str, kept: str
    ) -> None:
        self.model = model
        self.kept = kept
        self._sides = _sides(model.classes, intents)
        self._extract = Extractor(model.keywords, language)
        self._openings = frozenset(model.openings)
        self._language = language
        self._vectors = Vectors.load()

    @classmethod
    def train(cls, intents: Mapping[str, IntentSpec], language: str, cache_dir: Path) -> Self:
        """The router of these intents: from ``cache_dir`` if it was trained before.

        A damaged file is made anew; where the folder cannot be written, the model stays in
        memory and ``kept`` (also in each explanation) says so.
        """
        name = f"{language}-{fingerprint(intents, language)}.npz"
        path = cache_dir / "router" / name
        model, kept = Model.load(path), "cache"
        if model is None:
            model, kept = Model.load(SHIPPED / name), "shipped"
        if model is None:
            from wlm.pipeline.route.samples import keywords, make_samples
            from wlm.pipeline.route.training import fit, recipe_of

            recipe, declared = recipe_of(language), declarations(intents, language)
            samples = make_samples(intents, language, expansions=recipe.expansions)
            model, kept = (
                fit(
                    samples,
                    keywords(intents, language),
                    language,
                    recipe,
                    declared=declared,
                    base=_base(declared, language),
                ),
                "trained",
            )
            try:
                model.save(path)
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
            only_none = np.array([float(name == NONE) for name in classes], np.float32)
            return _Judged(text, plain, None, 0.0, 0.0, False, only_none)
        features = self._extract(plain)
        chances = self.model.probabilities(features, self._vectors.sentence(features.words))
        if known := self.model.exact_intent(" ".join(self._extract.classed(features.words))):
            at = classes.index(known)
            chances = chances * np.float32(0.02 / max(1 - float(chances[at]), 0.02))
            chances[at] = 1 - (float(chances.sum()) - float(chances[at]))
            return _Judged(text, plain, known, float(chances[at]), 1.0, True, chances)
        inside = chances[:-1]
        sides = self._sides @ inside
        side = int(sides.argmax())
        best = int((inside * self._sides[side]).argmax())
        scope = 1 - float(chances[-1])
        acts = scope >= self.model.act_from and sides[side] >= _LIKELY * scope
        return _Judged(
            text,
            plain,
            classes[best] if acts else None,
            float(chances[best]),
            scope,
            False,
            chances,
        )

    def _ask_judge(self, text: str) -> tuple[str | None, float]:
        judged = self._judge(text)
        return judged.intent, judged.scope

    def _opens(self, text: str) -> bool:
        first = normalise(text, self._language).partition(" ")[0]
        return first in self._openings

    def _candidates(self, judged: _Judged) -> tuple[Candidate, ...]:
        order = np.argsort(-judged.chances, kind="stable")[:_SHOWN]
        return tuple(
            Candidate(self.model.classes[i], round(float(judged.chances[i]), 4)) for i in order
        )

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
            at = int(judged.chances[:-1].argmax())
            facts["act_from"] = model.act_from
            facts["features"] = self._deciding(judged, at)
        return facts

    def _deciding(self, judged: _Judged, at: int) -> list[dict[str, Any]]:
        """The features that spoke most for or against the best intent, against none."""
        features = self._extract(judged.normalised)
        vector = self._vectors.sentence(features.words)
        names, parts = self.model.contributions(features, vector)
        pull = parts[:, at] - parts[:, -1]
        order = np.argsort(-np.abs(pull), kind="stable")[:_SHOWN]
        return [{"feature": names[i], "pull": round(float(pull[i]), 3)} for i in order]


def _sides(classes: Sequence[str], intents: Mapping[str, IntentSpec]) -> NDArray[np.float32]:
    """Which intents are of one skill and effect: (sides, intents), 1 where it is so.

    To list meetings where free time was meant is a small mistake; to change something
    where a look was meant, or to ask the wrong skill, is not.
    """
    kinds = [(intents[name].skill, intents[name].effect) for name in classes[:-1]]
    order = list(dict.fromkeys(kinds))
    return np.array([[float(kind == side) for kind in kinds] for side in order], np.float32)


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
