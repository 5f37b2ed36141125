"""What installed skills know and are about, gathered for the recogniser and the slot filler."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice, zip_longest
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wlm.plugins import Context
    from wlm.plugins.manager import Registry
    from wlm.plugins.skill import IntentSpec

MOST_PER_KIND = 2_000
"""Names of one kind that are kept of each skill; the first are those used most."""

LONGEST = 60
"""Characters of the longest name that is kept; longer ones are no names."""

_SHARES = {"person": 6, "people": 6, "title": 3, "place": 2, "location": 2}


class Vocabulary(Mapping[str, list[str]]):
    """What ``collect`` gives, gathered when first looked at: most requests name nobody."""

    def __init__(self, registry: Registry, context_for: Callable[[str], Context]) -> None:
        self._registry = registry
        self._context_for = context_for

    @cached_property
    def _names(self) -> dict[str, list[str]]:
        return collect(self._registry, self._context_for)

    def __getitem__(self, kind: str) -> list[str]:
        return self._names[kind]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def collect(registry: Registry, context_for: Callable[[str], Context]) -> dict[str, list[str]]:
    """Names by slot kind or slot name, each once, in the order that the skills gave.

    A skill that raises becomes a fault of the registry; the others still count.
    """
    found: dict[str, dict[str, str]] = {}
    for name, loaded in registry.skills.items():
        try:
            given = {
                kind: list(islice(values, MOST_PER_KIND))
                for kind, values in loaded.skill.vocabulary(context_for(name)).items()
            }
            for kind, values in given.items():
                _add(found.setdefault(str(kind), {}), values)
        except Exception as error:  # noqa: BLE001 - a plugin may raise anything
            registry.fault(name, loaded.distribution, "vocabulary", type(error).__name__)
    return {kind: list(names.values()) for kind, names in found.items() if names}


def hotwords(vocabulary: Mapping[str, Sequence[str]], limit: int = 60) -> list[str]:
    """At most ``limit`` names for the recogniser, the likeliest first.

    Whisper can be told some 200 tokens. People get about half of the places, titles a
    quarter, every other kind a share; what one kind does not use the others get.
    """
    kinds = sorted(vocabulary, key=lambda kind: -_SHARES.get(kind, 1))
    queues = {kind: iter(vocabulary[kind]) for kind in kinds}
    chosen: dict[str, str] = {}
    while queues and len(chosen) < limit:
        for kind in list(queues):
            for _ in range(_SHARES.get(kind, 1)):
                name = next(queues[kind], None)
                if name is None:
                    del queues[kind]
                    break
                chosen.setdefault(name.casefold(), name)
    return list(islice(chosen.values(), limit))


def topics(intents: Mapping[str, IntentSpec], language: str, limit: int = 20) -> list[str]:
    """At most ``limit`` keywords that skills declare in that language, for the recogniser.

    They are what requests are about. One of each skill in turn, in the order that it declares
    them: so many skills get a few each, few skills many.
    """
    found: dict[str, dict[str, None]] = {}
    for spec in intents.values():
        if phrases := spec.phrases.get(language):
            found.setdefault(spec.skill, {}).update(dict.fromkeys(_clean(phrases.keywords)))
    rounds = zip_longest(*found.values())
    chosen = dict.fromkeys(word for turn in rounds for word in turn if word is not None)
    return list(islice(chosen, limit))


def _add(known: dict[str, str], values: Sequence[str]) -> None:
    for name in _clean(values):
        known.setdefault(name.casefold(), name)


def _clean(values: Sequence[str]) -> Iterator[str]:
    """Names on one line with single spaces; anything that cannot be said is left out."""
    for value in values:
        name = " ".join(str(value).split())
        if 1 < len(name) <= LONGEST and any(letter.isalpha() for letter in name):
            yield name
