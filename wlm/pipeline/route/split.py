"""Find several requests in one utterance, without cutting through what a request carries.

"email Anna that I am late and tell me the weather" is two; "email Anna that I am late and
will bring cake" is one. A cut is made only where both sides stand as requests of their own.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator

_JOINTS = {
    "en": r"and then|and also|and after that|after that|and|then|also|plus",
    "de": r"und dann|und außerdem|und danach|und|dann|danach|außerdem|sowie",
    "es": r"y luego|y después|y también|y además|y|luego|después|además|también",
}
_THIRDS = {
    "en": r"him|her|them|he|she|they",
    "de": r"ihm|ihr|ihn|ihnen|er|sie",
    "es": r"él|ella|ellos|ellas|le|les",
}
MAX_PARTS = 4

Judge = Callable[[str], tuple[str | None, float]]
"""The intent that a stretch of text asks for alone (None: none) and its probability."""


def split(
    text: str, judge: Judge, opens: Callable[[str], bool], sure: float, language: str = "en"
) -> list[str]:
    """The requests in ``text``, in order; ``[text]`` where it is one.

    ``opens`` says whether a stretch begins as requests do. Both sides of a cut must be
    judged in scope with at least the probability ``sure``.
    """
    parts: list[str] = []
    rest = text.strip()
    while len(parts) < MAX_PARTS - 1 and (cut := _first_cut(rest, judge, opens, sure, language)):
        left, rest = cut
        parts.append(left)
    return [*parts, rest]


def _first_cut(
    text: str, judge: Judge, opens: Callable[[str], bool], sure: float, language: str
) -> tuple[str, str] | None:
    joint, third = _patterns(language)
    for left, right in _cuts(text, joint):
        if not opens(right) or third.search(" ".join(right.split()[:4])):
            continue
        right_intent, right_score = judge(right)
        if right_intent is None or right_score < sure:
            continue
        left_intent, left_score = judge(left)
        if left_intent is not None and left_score >= sure:
            return left, right
    return None


@functools.cache
def _patterns(language: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """What joins two requests, and the words that refer to somebody in the one before."""
    known = language if language in _JOINTS else "en"
    joint = rf"[,;.]?\s+(?:{_JOINTS[known]})\s+|[;.?!]\s+"
    return re.compile(joint, re.I), re.compile(rf"\b(?:{_THIRDS[known]})\b", re.I)


def _cuts(text: str, joint: re.Pattern[str]) -> Iterator[tuple[str, str]]:
    for match in joint.finditer(text):
        left, right = text[: match.start()].strip(), text[match.end() :].strip()
        if len(left.split()) > 1 and len(right.split()) > 1:
            yield left, right
