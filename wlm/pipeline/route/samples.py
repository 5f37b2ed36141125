"""Training rows from what the skills declare: examples with their slot marks filled in."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from typing import NamedTuple

from wlm.pipeline.route.interface import NONE
from wlm.pipeline.route.normalise import lexicon, normalise
from wlm.plugins.skill import IntentSpec, Phrases
from wlm.plugins.slots import SlotSpec

_MARK = re.compile(r"\{(\w+)\}")
_TYPED = {"time", "time_range", "duration", "recurrence", "number", "email", "phone", "choice"}
_NAMES = {"person", "people"}
"""Kinds whose common values are recognised by the lexicon; others stand for themselves."""


class Sample(NamedTuple):
    """One row: normalised text, its intent, its example's number and share.

    ``exact`` says that whoever says just this, means just that: no free text is in it.
    ``opens``: it begins with a word of the example's own. (Keywords and descriptions, which
    nobody says as they stand, do not.)
    """

    text: str
    intent: str
    group: int
    share: float
    exact: bool
    opens: bool = False


_HINT_SHARE = 0.3
"""What a keyword or a description weighs beside an example."""

_ENOUGH, _MOST_FILLED = 100, 12
"""Rows of an intent from which its examples are not filled in more often, and how often at most."""
_MANY = 6_000
"""Rows of all intents; beyond them training would keep one waiting."""


def routable(intents: Mapping[str, IntentSpec], language: str) -> dict[str, Sequence[str]]:
    """The examples of each intent that has any in this language (else in English)."""
    found: dict[str, Sequence[str]] = {}
    for name, spec in intents.items():
        phrases = spec.phrases.get(language) or spec.phrases.get("en")
        if phrases and phrases.examples:
            found[name] = phrases.examples
    return found


def keywords(intents: Mapping[str, IntentSpec], language: str) -> dict[str, list[str]]:
    """The intents' keywords in plain form."""
    found: dict[str, list[str]] = {}
    for name, spec in intents.items():
        phrases = spec.phrases.get(language) or spec.phrases.get("en")
        if phrases and phrases.examples:
            plain = (normalise(word, language) for word in phrases.keywords)
            found[name] = sorted({word for word in plain if word})
    return found


def none_pool(language: str) -> list[str]:
    """Utterances that no skill serves."""
    path = files("wlm.pipeline.route").joinpath(f"data/none_{language}.txt")
    if not path.is_file():
        path = files("wlm.pipeline.route").joinpath("data/none_en.txt")
    return [line for line in path.read_text("utf-8").splitlines() if line.strip()]


def make_samples(
    intents: Mapping[str, IntentSpec],
    language: str,
    *,
    expansions: int = 2,
    seed: int = 7,
    pool: bool = True,
) -> list[Sample]:
    """Rows of every routable intent, then (``pool``) of none; the same for the same
    declarations."""
    chance = random.Random(seed)  # noqa: S311 - variety, not secrets
    samples: list[Sample] = []
    group = 0
    spoken = routable(intents, language)
    total = sum(map(len, spoken.values()))
    for name, examples in spoken.items():
        times = _times(len(examples), total, expansions)
        for example in examples:
            texts = list(expand(example, intents[name], language, chance, times))
            exact = is_exact(example, intents[name])
            opens = not example.startswith("{")
            samples += [Sample(t, name, group, 1 / len(texts), exact, opens) for t in texts if t]
            group += 1
        for text in _hints(intents[name], language):
            samples.append(Sample(text, name, group, _HINT_SHARE, exact=False))
            group += 1
    for line in none_pool(language) if pool else ():
        texts = list(_expand_none(line, language, expansions))
        samples += [Sample(text, NONE, group, 1 / len(texts), False) for text in texts if text]
        group += 1
    return samples


def _times(examples: int, total: int, least: int) -> int:
    """How often the marks of an intent's examples are filled in: often where those are few."""
    if least == 1:
        return 1
    return max(least, min(_MOST_FILLED, round(_ENOUGH / examples), round(_MANY / total)))


def _hints(spec: IntentSpec, language: str) -> list[str]:
    """What an intent says of itself beside its examples: a lot where those are few."""
    phrases = spec.phrases.get(language) or spec.phrases["en"]
    title = spec.name.replace(".", " ").replace("_", " ")
    texts = [*phrases.keywords, title, spec.help.partition("\n")[0]]
    return [plain for text in texts if (plain := normalise(text, language))]


def _expand_none(line: str, language: str, count: int) -> Iterator[str]:
    """A line of the none pool; its marks name pools of values.

    The same values whatever is trained beside it, so that its vectors can be kept.
    """
    chance = random.Random(line)  # noqa: S311 - variety, not secrets
    pools: Mapping[str, Sequence[str]] = lexicon(language, "values")
    for _ in range(count if _MARK.search(line) else 1):
        yield normalise(_MARK.sub(lambda mark: chance.choice(pools[mark[1]]), line), language)


def is_exact(example: str, spec: IntentSpec) -> bool:
    """Whether every mark of the example is of a kind that is recognised by its form."""
    slots = (spec.slot(name) for name in _MARK.findall(example))
    return all(slot is not None and slot.kind in _TYPED | _NAMES for slot in slots)


def expand(
    example: str, spec: IntentSpec, language: str, chance: random.Random, count: int
) -> Iterator[str]:
    """The example in plain form with values in place of its marks, ``count`` times."""
    marks = list(_MARK.finditer(example))
    words = (spec.phrases.get(language) or Phrases()).words
    pools = [
        words_of(words[mark[1]])
        if mark[1] in words
        else _values(spec.slot(mark[1]), mark, language)
        for mark in marks
    ]
    for _ in range(count if marks else 1):
        chosen = iter([chance.choice(pool) for pool in pools])
        yield normalise(_MARK.sub(lambda _mark, values=chosen: next(values), example), language)  # type: ignore[misc]  # a default binds the loop's value


def words_of(choices: Mapping[str, Sequence[str]]) -> list[str]:
    """All the words for a slot's choices."""
    return [word for words in choices.values() for word in words]


def _values(slot: SlotSpec | None, mark: re.Match[str], language: str) -> Sequence[str]:
    """What may stand for a mark.

    The slot's own values, its choices, or the language's pool for its kind, its name and
    the word before ("remind me to {title}" takes verbs), the closest that there is.
    """
    pools: Mapping[str, Sequence[str]] = lexicon(language, "values")
    name = mark[1]
    if slot is None:
        return (name,)
    if slot.extra.values:
        return slot.extra.values
    if slot.choices:
        said = [word for words in slot.extra.aliases.values() for word in words]
        spoken = [word for word in said if "…" not in word]  # that stands for a time
        return [*slot.choices, *spoken]
    before = mark.string[: mark.start()].split()[-1:] or [""]
    for key in (f"{slot.kind}_{name}_after_{before[0].lower()}", f"{slot.kind}_{name}", slot.kind):
        if key in pools:
            return pools[key]
    return (name,)
