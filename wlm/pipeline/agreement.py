"""LocalAgreement-2: of drafts that follow each other, what two in a row agree on is stable."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from wlm.pipeline.transcribe.interface import UNSPACED

if TYPE_CHECKING:
    from wlm.types import Transcript

_LONG = 12.0  # s of sound from which on what is settled need not be drafted again


class Agreement:
    """What the drafts of one utterance have in common, word by word."""

    def __init__(self) -> None:
        self._settled = ""
        self._stable: list[str] = []
        self._last: list[str] = []

    def take(self, draft: Transcript) -> tuple[str, str]:
        """The text so far and its stable beginning, after this draft."""
        said = _words(draft.text, draft.language)
        said = [*self._stable, *said[_place(self._stable, said) :]]
        agreed = len(self._stable)
        while agreed < min(len(said), len(self._last)) and _same(said[agreed], self._last[agreed]):
            agreed += 1
        stable = said[:agreed]
        if stable and agreed == len(said):  # how a sentence ends is known when it goes on
            stable[-1] = stable[-1].rstrip(".,;:!?…。、")
        self._stable, self._last = stable, said
        return self._whole([*stable, *said[agreed:]]), self._whole(stable)

    def settle(self, draft: Transcript) -> float:
        """Seconds from the beginning that later drafts may leave out, as all words are stable."""
        if draft.seconds < _LONG or len(draft.segments) < 2:
            return 0.0
        *done, _ = draft.segments
        while done:
            text = draft.text[: draft.text.rindex(done[-1].text) + len(done[-1].text)]
            count = len(_words(text, draft.language))
            if count <= len(self._stable):
                self._settled = self._whole(self._stable[:count])
                self._stable, self._last = self._stable[count:], self._last[count:]
                return done[-1].end
            done.pop()
        return 0.0

    def _whole(self, words: Sequence[str]) -> str:
        return (self._settled + "".join(words)).strip()


def _words(text: str, language: str) -> list[str]:
    """Words with the space before them; characters where a language writes no spaces."""
    if language in UNSPACED:
        return list(text)
    return [f" {word}" for word in text.split()]


def _key(word: str) -> str:
    return re.sub(r"\W", "", word.casefold()) or word


def _same(one: str, other: str) -> bool:
    return _key(one) == _key(other)


def _place(stable: Sequence[str], said: Sequence[str]) -> int:
    """Where in ``said`` that goes on which is stable already, though some of it may differ."""
    ours, theirs = [_key(word) for word in stable], [_key(word) for word in said]
    if theirs[: len(ours)] == ours:
        return len(ours)
    blocks = SequenceMatcher(None, ours, theirs, autojunk=False).get_matching_blocks()
    last = [block for block in blocks if block.size]
    if not last:
        return min(len(ours), len(theirs))
    return min(last[-1].b + last[-1].size + len(ours) - last[-1].a - last[-1].size, len(theirs))
