"""The local router: milliseconds, offline, trained from what the installed skills declare."""

from __future__ import annotations

import functools
import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from wlm.pipeline.route.interface import NONE, Candidate, Choice, Decision, Outcome, Utterance
from wlm.pipeline.route.looks import Alone, Looks, WithMore
from wlm.pipeline.route.normalise import normalise
from wlm.pipeline.route.once import one_at_a_time
from wlm.pipeline.route.plain import MOST_CLASSES, PlainModel
from wlm.pipeline.route.split import split
from wlm.plugins.skill import IntentSpec, Phrases

if TYPE_CHECKING:
    from wlm.pipeline.route.beside import Beside
    from wlm.pipeline.route.model import Model

log = logging.getLogger(__name__)
VERSION = "local-4"
_SHOWN = 5
_SPLIT_FROM = 0.75
_KEPT_MODELS = 8
_LONGEST_SPLIT = 1000
"""Characters; a text longer than that is dictation, not a row of requests."""
_OTHERS = 0.02
"""What all other classes have of a phrase that is known as it stands."""
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
    closely: bool
    chances: Sequence[float]


class LocalRouter:
    """Decides with linear models over words, pieces of words and sentence vectors."""

    name = "local"

    def __init__(
        self, looks: Looks, intents: Mapping[str, IntentSpec], language: str, kept: str
    ) -> None:
        self.looks = looks
        self.kept = kept
        self._sides = _sides(looks.classes, intents)
        self._language = language

    @classmethod
    def train(cls, intents: Mapping[str, IntentSpec], language: str, cache_dir: Path) -> Self:
        """The router of these intents: from ``cache_dir`` if it was trained before.

        A damaged file is made anew; where the folder cannot be written, what was trained
        stays in memory and ``kept`` (also in each explanation) says so.
        """
        folder = cache_dir / "router"
        if found := _found(intents, language, folder):
            return cls(*found)
        with one_at_a_time(cache_dir):
            return cls(*(_found(intents, language, folder) or _trained(intents, language, folder)))

    @classmethod
    def found(
        cls, intents: Mapping[str, IntentSpec], language: str, cache_dir: Path
    ) -> Self | None:
        """The same if it needs no training, in a fraction of a second; else None."""
        there = _found(intents, language, cache_dir / "router")
        return None if there is None else cls(*there)

    def decide(self, utterance: Utterance) -> Decision:
        """The decision for one utterance; never raises for any text."""
        judge = functools.cache(self._judge)  # the parts of one utterance come up again
        whole = judge(utterance.text)
        parts = [utterance.text]
        if len(utterance.text) <= _LONGEST_SPLIT:
            parts = split(
                utterance.text,
                lambda text: (judge(text).intent, judge(text).scope),
                self._opens,
                _SPLIT_FROM,
                self._language,
            )
        judged = [judge(part) for part in parts] if len(parts) > 1 else [whole]
        acting = [part for part in judged if part.intent]
        outcome: Outcome = "act" if acting else "none"
        if not acting and whole.scope >= self.looks.ask_from:
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
        classes = self.looks.classes
        if not plain or len(classes) == 1:
            only_none = [float(name == NONE) for name in classes]
            return _Judged(text, plain, None, 0.0, 0.0, False, False, only_none)
        if known := self.looks.exact(plain):
            chances = [_OTHERS / (len(classes) - 1)] * len(classes)
            chances[classes.index(known)] = 1 - _OTHERS
            return _Judged(text, plain, known, 1 - _OTHERS, 1.0, True, False, chances)
        chances, vector = self.looks.at(plain)
        weights = [sum(chances[at] for at in side) for side in self._sides]
        weight = max(weights)
        best = max(self._sides[weights.index(weight)], key=chances.__getitem__)
        scope = 1 - chances[-1]
        acts = scope >= self.looks.act_from and weight >= self.looks.likely * scope
        intent = classes[best] if acts else None
        closely = vector is not None
        return _Judged(text, plain, intent, chances[best], scope, False, closely, chances)

    def _opens(self, text: str) -> bool:
        first = normalise(text, self._language).partition(" ")[0]
        return first in self.looks.openings

    def _candidates(self, judged: _Judged) -> tuple[Candidate, ...]:
        likely = sorted(zip(judged.chances, self.looks.classes, strict=True), key=lambda c: -c[0])
        return tuple(Candidate(name, round(chance, 4)) for chance, name in likely[:_SHOWN])

    def _explain(self, judged: _Judged, parts: int) -> dict[str, Any]:
        looks = self.looks
        facts: dict[str, Any] = {
            "model": VERSION,
            "kept": self.kept,
            "parts": parts,
            "exact_phrase": judged.exact,
            "closer_look": judged.closely,
            "in_scope": round(judged.scope, 4),
            "ask_from": round(looks.ask_from, 4),
            "training": dict(looks.report),
            "features": [],
        }
        if judged.normalised and len(looks.classes) > 1:
            facts["act_from"] = looks.act_from
            facts["features"] = self._deciding(judged)
        return facts

    def _deciding(self, judged: _Judged) -> list[dict[str, Any]]:
        """The features that spoke most for or against the best intent, against none."""
        inside = judged.chances[:-1]
        pulls = self.looks.pulls(judged.normalised, inside.index(max(inside)))
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


def _name(intents: Mapping[str, IntentSpec], language: str) -> str:
    return f"{language}-{fingerprint(intents, language)}.npz"


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


_Made = tuple[Looks, Mapping[str, IntentSpec], str, str]
"""What decides, for which intents and language, and where it was kept."""


def _found(intents: Mapping[str, IntentSpec], language: str, folder: Path) -> _Made | None:
    """What was trained for these intents before, here or where it was shipped."""
    name = _name(intents, language)
    for path, kept in ((folder / name, "cache"), (SHIPPED / name, "shipped")):
        if looks := _load(path, intents, language):
            return looks, intents, language, kept
    if base := _base(declarations(intents, language), language):
        path, model = base
        if not _beside(model, intents, language):
            return _alone(model, path, intents, language), intents, language, "shipped"
    return None


def _beside(base: Model, intents: Mapping[str, IntentSpec], language: str) -> list[str]:
    """The intents that a shipped model does not know."""
    from wlm.pipeline.route.samples import routable

    return [name for name in routable(intents, language) if name not in base.classes]


def _trained(intents: Mapping[str, IntentSpec], language: str, folder: Path) -> _Made:
    """The same where nothing was: trained now, from a shipped model on if one fits."""
    from wlm.pipeline.route.samples import keywords, make_samples

    declared = declarations(intents, language)
    made: Model | Beside
    if found := _base(declared, language):
        path, base = found
        from wlm.pipeline.route.extension import extend

        new = {n: intents[n] for n in _beside(base, intents, language)}
        known = {n: intents[n] for n in base.classes if n in intents}
        made = extend(new, known, path.name, language)
    else:
        from wlm.pipeline.route.training import fit, recipe_of

        recipe = recipe_of(language)
        samples = make_samples(intents, language, expansions=recipe.expansions)
        words = keywords(intents, language)
        made = fit(samples, words, language, recipe, declared=declared)
    kept = _keep(made, path := folder / _name(intents, language))
    return _looks(made, path, intents, language), intents, language, kept


def _load(path: Path, intents: Mapping[str, IntentSpec], language: str) -> Looks | None:
    """What is kept at ``path``; None if there is nothing, or nothing that can be used."""
    if (model := _kept(path)) is not None:
        return _alone(model, path, intents, language)
    if not path.exists():
        return None
    from wlm.pipeline.route.beside import Beside

    beside = Beside.load(path)
    if beside is None or not (SHIPPED / beside.base).is_file():
        return None
    return _looks(beside, path, intents, language)


def _looks(
    made: Model | Beside, path: Path, intents: Mapping[str, IntentSpec], language: str
) -> Looks:
    from wlm.pipeline.route.model import Model

    if isinstance(made, Model):
        return _alone(made, path, intents, language)
    base = _kept(SHIPPED / made.base)
    assert base is not None, "a model that is shipped can be read"
    return WithMore(_alone(base, SHIPPED / made.base, intents, language), made, language)


def _alone(
    model: Model | PlainModel, path: Path, intents: Mapping[str, IntentSpec], language: str
) -> Alone:
    away = [name for name in model.classes if name != NONE and name not in intents]
    return Alone(model, language, path, away)


def _keep(made: Model | Beside, path: Path) -> str:
    try:
        made.save(path)
        _tidy(path)
    except OSError as error:
        log.warning("the router's model cannot be kept (%s)", type(error).__name__)
        return "memory only: the cache folder cannot be written"
    return "trained"


def _base(declared: Mapping[str, str], language: str) -> tuple[Path, Model] | None:
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
                return path, model
    return None


def _tidy(kept: Path) -> None:
    """Drop the oldest models beyond a few: each set of skills leaves one."""
    others = sorted(kept.parent.glob("*.npz"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in others[_KEPT_MODELS:]:
        path.unlink(missing_ok=True)
