"""Whether a decoded text can be what was said: Whisper loops, echoes and invents.

Every rule says why it objects; an objection costs a second decoding, never words by itself.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from typing import NamedTuple

UNSURE = -1.0
"""Mean log probability of a token below which a text is not to be trusted."""

SILENT = 0.6
"""Probability of "no speech" from which on an unsure text is dropped."""

_GARBLED = -1.5
_SQUEEZED = 2.4
_FASTEST = 30.0
_SLOWEST = 1.5
_PAST_END = 1.0
_UNSAID = 1.5


class Span(NamedTuple):
    """A stretch of text; ``start`` and ``end`` in seconds from the window's beginning."""

    start: float
    end: float
    text: str


class Attempt(NamedTuple):
    """One decoding of one window. ``capped``: it was cut off at the token limit."""

    spans: tuple[Span, ...]
    logprob: float
    no_speech: float
    capped: bool

    @property
    def text(self) -> str:
        """The words of all spans."""
        return "".join(span.text for span in self.spans).strip()


def objection(attempt: Attempt, seconds: float, speech: float, hints: Sequence[str] = ()) -> str:
    """Why the attempt is suspicious; empty if it is not.

    ``seconds`` is the window's length, ``speech`` how much of it is voice, ``hints`` the
    words that the recogniser was told to expect, in the order of the prompt.
    """
    text = attempt.text
    if attempt.capped or looped(text):
        return "loop"
    if attempt.logprob < UNSURE:
        return "unsure"
    if not text:
        return "empty" if speech > 0.5 else ""
    if len(text) > _FASTEST * (speech + 1.0):
        return "too fast"
    if speech > 4.0 and len(text) < _SLOWEST * speech:
        return "too slow"
    if any(span.start > seconds for span in attempt.spans):
        return "past the end"
    if echoes(text, hints):
        return "echo"
    return ""


def words(text: str) -> list[str]:
    """Lower-case words; in scripts without spaces, characters stay together."""
    return re.findall(r"[^\W_]+(?:['’][^\W_]+)*", text.lower())


def looped(text: str) -> bool:
    """Whether the text's end repeats itself, or all of it squeezes as only repetition does."""
    raw = text.encode()
    if len(raw) > 40 and len(raw) / len(zlib.compress(raw)) > _SQUEEZED:
        return True
    return repeats(words(text)) is not None


def repeats(said: Sequence[str]) -> tuple[int, int] | None:
    """The tail that repeats, as (words in it, how often); ``None`` if there is none.

    Three times for one or two words ("no no no" is said, but seldom), twice for more.
    """
    for size in range(1, len(said) // 2 + 1):
        tail, times = said[len(said) - size :], 1
        while said[len(said) - size * (times + 1) : len(said) - size * times] == tail:
            times += 1
        if times >= (4 if size == 1 else 3 if size == 2 else 2):
            return size, times
    return None


def unlooped(text: str) -> str:
    """The text with a repeated tail said once."""
    said = list(re.finditer(r"\S+", text))
    found = repeats([re.sub(r"[^\w'’]", "", match[0].lower()) for match in said])
    if found is None:
        return text
    size, times = found
    return text[: said[len(said) - 1 - size * (times - 1)].end()]


def closed_up(text: str) -> str:
    """The text without spaces between letters of a script that writes none."""
    return re.sub(r"(?<=[^\x00-\x7f])\s+(?=[^\x00-\x7f])", "", text)


def echoes(text: str, hints: Sequence[str]) -> bool:
    """Whether the text recites the hints: three neighbours in the order of the prompt, or two and
    more with nothing else."""
    said = " ".join(words(text))
    plain = [" ".join(words(hint)) for hint in hints]
    if any(f" {' '.join(plain[i : i + 3])} " in f" {said} " for i in range(len(plain) - 2)):
        return True
    found = 0
    for hint in sorted(filter(None, plain), key=len, reverse=True):
        said, times = re.subn(rf"\b{re.escape(hint)}\b", "", said)
        found += times
    return found > 1 and not said.strip()


def better(first: Attempt, second: Attempt) -> Attempt:
    """The one to keep when both were objected to: no loop before loop, then the surer one."""

    def rank(attempt: Attempt) -> tuple[bool, float]:
        return not (attempt.capped or looped(attempt.text)), attempt.logprob

    return second if rank(second) > rank(first) else first


def invented(attempt: Attempt, speech: float) -> bool:
    """Whether the words are more likely made up than heard; then nothing was heard.

    An unsure text counts only where there was a good second of voice, the decoder itself
    heard some, and it is not sheer guessing.
    """
    if attempt.logprob >= UNSURE:
        return False
    return attempt.no_speech > SILENT or speech < 1.0 or attempt.logprob < _GARBLED


def unsaid(attempt: Attempt, voice_after: float) -> bool:
    """Whether speech goes on for long after the last word that was written."""
    return bool(attempt.spans) and voice_after > _UNSAID
