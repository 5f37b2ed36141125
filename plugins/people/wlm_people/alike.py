"""The words of the book that may have been meant by said ones."""

from __future__ import annotations

from collections.abc import Sequence

from wlm_people.book import Book
from wlm_people.match import NEAR, may_reach, similarity
from wlm_people.short_forms import other_forms
from wlm_people.sounds import CODE, LOOSE, itself, keys

_ALIKE = 24  # words that are kept for one said word


def forms_of(word: str) -> list[str]:
    """A said word, the same without the s of a possessive, and its long and short forms."""
    bare = [word[:-1]] if word.endswith("s") and len(word) > 3 else []
    return [word, *bare, *sorted(other_forms(word))]


class Alike:
    """Words of the book that may have been meant by said ones. Looks each up once."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._filed: dict[str, dict[str, str]] = {}
        self._judged: dict[tuple[str, float], list[str]] = {}

    def to_each(self, said: Sequence[str], least: float) -> list[list[str]]:
        """For each said word the words at least so similar to it, the most similar first."""
        self._look_up([word for word in said if word not in self._filed])
        return [self._to(word, least) for word in said]

    def _to(self, said: str, least: float) -> list[str]:
        if least < NEAR and len(enough := self._to(said, NEAR)) == _ALIKE:
            return enough  # no other is more alike
        if (said, least) not in self._judged:
            filed = self._filed[said]
            spelt = [word for word, kinds in filed.items() if not kinds]
            sounding = [word for word, kinds in filed.items() if kinds]
            candidates = [*may_reach(said, spelt, least)]
            candidates += may_reach(said, sounding, least, sounding=True)
            judged = ((similarity(said, word, CODE in filed[word]), word) for word in candidates)
            best = sorted((-value, word) for value, word in judged if value >= least)
            self._judged[said, least] = [word for _, word in best[:_ALIKE]]
        return self._judged[said, least]

    def _look_up(self, said: Sequence[str]) -> None:
        """Note the words filed under a key of each; with them the keys' kinds, if of sound."""
        by_key: dict[str, list[str]] = {}
        for one in said:
            self._filed[one] = {}
            # Of another form only the word itself is like what was said, not what is near it.
            for key in keys(one).union(map(itself, forms_of(one))):
                by_key.setdefault(key, []).append(one)
        for key, word in self._book.filed(by_key):
            kind = key[0] if key[0] in (CODE, LOOSE) else ""
            for one in by_key[key]:
                self._filed[one][word] = self._filed[one].get(word, "") + kind
