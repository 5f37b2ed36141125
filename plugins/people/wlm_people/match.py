"""How well what was said fits a name, 0 to 1. Pure functions; ``search.py`` brings candidates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from types import ModuleType

from wlm_people.short_forms import other_forms
from wlm_people.sounds import codes, loose

SURE = 0.8
"""From here on somebody is taken as meant."""

SURE_WORDS = 0.74
"""The same where two words or more were said: each vouches for the others."""

NEAR = 0.68
"""From here on somebody is worth asking about."""

MARGIN = 0.04
"""Two whose scores lie closer than this cannot be told apart."""

_NOT_WHOLE = 0.03
_INITIAL = 0.9
_SHORT_FORM = 0.95
_BEGINNING = 0.88


@lru_cache(maxsize=16384)
def similarity(said: str, word: str, coded: bool = True) -> float:
    """How likely a folded word was meant by another: letters, sound, short forms, initials.

    ``coded`` is false where it is known that they share no Metaphone key, which is dear to ask.
    """
    if said == word:
        return 1.0
    if len(said) == 1 or len(word) == 1:
        return _INITIAL if said[:1] == word[:1] else 0.0
    if word in other_forms(said):
        return _SHORT_FORM
    if said.endswith("s") and said[:-1] == word:
        return 0.97  # "bills number": a possessive without its apostrophe
    slips = _osa().distance(said, word) / max(len(said), len(word))
    # A slip in a short word leaves less of it: four letters with one wrong are 0.7.
    letters = max(0.0, 1 - slips * 1.2)
    sound = _sound(said, word, 1 - slips, coded)
    best = max(letters, sound, (letters + sound) / 2 + 0.08 if min(letters, sound) > 0.5 else 0)
    if len(said) >= 3 and word.startswith(said):
        best = max(best, _BEGINNING)
    return min(best, 0.94)


def may_reach(
    said: str, words: Sequence[str], least: float, *, sounding: bool = False
) -> Iterator[str]:
    """Those of the words for which ``similarity`` may be ``least``.

    ``sounding`` says that they may sound the same as ``said``; else none may. Costs a
    hundredth of ``similarity``, and is never wrong about a no.
    """
    from rapidfuzz import process

    # With l the share of right letters, ``letters`` is 1.2 l - 0.2 and ``sound`` at most
    # 0.72 + 0.24 l, of words that sound otherwise 0.5 + 0.4 l; the last is of both together.
    if sounding:
        enough = min((least + 0.2) / 1.2, (least - 0.72) / 0.24, (least - 0.34) / 0.72)
    else:
        enough = min((least + 0.2) / 1.2, (least - 0.5) / 0.4, (least - 0.23) / 0.8)
    scorer = _osa().normalized_similarity
    near = {
        word
        for word, *_ in process.extract(
            said, words, scorer=scorer, limit=None, score_cutoff=max(enough - 1e-9, 0.0)
        )
    }
    forms = other_forms(said)
    bare = said[:-1]
    for word in words:
        alike = word in near or word in forms or word == bare
        if alike or len(word) == 1 or word.startswith(said):
            yield word


@cache
def _osa() -> ModuleType:
    from rapidfuzz.distance import OSA

    return OSA


def _sound(said: str, word: str, letters: float, coded: bool) -> float:
    if coded and codes(said) & codes(word):
        return 0.72 + 0.24 * letters
    a, b = loose(said), loose(word)
    if not a or not b:
        return 0.0
    if a == b:
        return 0.6 + 0.34 * letters
    alike = _osa().normalized_similarity(a, b)
    return 0.5 * alike + 0.4 * letters if alike >= 0.5 else 0.0


def score(said: Sequence[str], words: Sequence[str]) -> float:
    """How well the said words fit a name's words, in any order.

    Every said word needs its own partner; words of the name may stay unsaid. The worst
    pair counts beside the mean, so that one wrong word is not made up for by a right one.
    """
    if not said or not words:
        return 0.0
    pairs = [(-similarity(s, w), i, j) for i, s in enumerate(said) for j, w in enumerate(words)]
    pairs.sort()  # the most alike first, then in the order that they were said
    taken: dict[int, int] = {}
    values = [0.0] * len(said)
    for unlike, i, j in pairs:
        if i not in taken and j not in taken.values():
            taken[i], values[i] = j, -unlike
    fit = 0.6 * sum(values) / len(values) + 0.4 * min(values)
    if len(said) < len(words):
        fit -= _NOT_WHOLE
    if len(said) == 1 and words[-1] == said[0] and len(words) > 1:
        fit -= 0.01  # a bare family name: somebody so called by first name comes before
    order = [taken[i] for i in sorted(taken)]
    if order != sorted(order) and order[0] != len(words) - 1:  # "Baker Tom" is as good
        fit -= 0.05
    return max(fit, 0.0)


def readings(said: Sequence[str]) -> list[list[str]]:
    """The said words as they are, and with two neighbours as one ("mc donald", "mary ann")."""
    found = [list(said)]
    for i in range(len(said) - 1):
        found.append([*said[:i], said[i] + said[i + 1], *said[i + 2 :]])
    return found
