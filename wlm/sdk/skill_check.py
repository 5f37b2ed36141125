"""What would change if a skill were installed: `wlm skills check` and `wlm skills test`."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from wlm.pipeline.route.local import LocalRouter
    from wlm.plugins import IntentSpec
    from wlm.plugins.manager import Registry
    from wlm.sdk.assistant import Assistant

_EXAMPLES = 1500
"""So many of the installed skills' examples are tried at most."""
_HISTORY = 1000


class Takeover(NamedTuple):
    """An utterance that goes elsewhere; ``source`` is ``example`` or ``history``."""

    text: str
    before: str
    after: str
    source: str


class Report(NamedTuple):
    """What was tried, what moved, examples that miss their own intent, missing languages.

    What moves to one of ``intents`` is taken over; the rest moves because training is anew.
    """

    skills: list[str]
    intents: list[str]
    tried: int
    moved: list[Takeover]
    missed: list[Takeover]
    languages: dict[str, list[str]]


def check(assistant: Assistant, new: Registry) -> Report:
    """Route with and without ``new`` what is known, and the new examples with it."""
    installed = dict(assistant.registry.intents)
    for name in [name for name in installed if name.split(".")[0] in new.skills]:
        installed.pop(name)  # an older version of the same skill
    both = {**installed, **new.intents}
    language = assistant.settings.config.language
    with tempfile.TemporaryDirectory() as folder:
        before = _router(installed, language, Path(folder))
        after = _router(both, language, Path(folder))
    moved, tried = [], 0
    for source, text in _known(assistant, installed, language):
        tried += 1
        was, is_ = _intent(before, text), _intent(after, text)
        if was != is_:
            moved.append(Takeover(text, was, is_, source))
    missed = [
        Takeover(text, name, found, "example")
        for name, text in _examples(new.intents, language)
        if (found := _intent(after, text)) != name
    ]
    moved.sort(key=lambda each: each.after not in new.intents)
    return Report(list(new.skills), list(new.intents), tried, moved, missed, _languages(new))


def _router(intents: Mapping[str, IntentSpec], language: str, folder: Path) -> LocalRouter:
    from wlm.pipeline.route.local import LocalRouter

    return LocalRouter.train(intents, language, folder)


def _intent(router: LocalRouter, text: str) -> str:
    from wlm.pipeline.route.interface import NONE

    judged = router.alone(text)
    return judged or NONE


def _known(
    assistant: Assistant, installed: Mapping[str, IntentSpec], language: str
) -> Iterator[tuple[str, str]]:
    """The installed skills' examples, and what this user said, each once."""
    examples = [text for _, text in _examples(installed, language)]
    if len(examples) > _EXAMPLES:
        examples = random.Random(3).sample(examples, _EXAMPLES)  # noqa: S311 - a sample
    yield from (("example", text) for text in dict.fromkeys(examples))
    said = assistant.turns.list(assistant.owner, limit=_HISTORY)
    yield from (("history", text) for text in dict.fromkeys(t.text for t in said) if text)


def _examples(intents: Mapping[str, IntentSpec], language: str) -> Iterator[tuple[str, str]]:
    """Each example once, with a value in place of each mark."""
    from wlm.pipeline.route.samples import expand, routable

    chance = random.Random(7)  # noqa: S311 - variety, not secrets
    for name, examples in routable(intents, language).items():
        for example in examples:
            yield from ((name, t) for t in expand(example, intents[name], language, chance, 1) if t)


def _languages(new: Registry) -> dict[str, list[str]]:
    """Languages in which some intent has phrases, with the intents that have none there."""
    sayable = {name: spec for name, spec in new.intents.items() if spec.phrases}
    known = {"en", "de", "es"} | {lang for spec in sayable.values() for lang in spec.phrases}
    missing = {
        language: [
            name
            for name, spec in sayable.items()
            if not (language in spec.phrases and spec.phrases[language].examples)
        ]
        for language in sorted(known)
    }
    return {language: names for language, names in missing.items() if names}
