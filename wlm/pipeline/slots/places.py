"""Names of places: known ones, ones after a cue ("in", "for"), ones before one ("… weather")."""

from __future__ import annotations

from collections.abc import Sequence

from wlm.pipeline.slots.atoms import Tokens, low
from wlm.pipeline.slots.function_words import (
    AUXILIARIES,
    CONJUNCTIONS,
    DETERMINERS,
    POLITE,
    PREPOSITIONS,
    PRONOUNS,
    VERBS,
)
from wlm.pipeline.slots.people import Known, Name, capitalise
from wlm.pipeline.slots.texts import cue_at
from wlm.pipeline.slots.words import words

_CUES = frozenset({("in",), ("at",), ("near",), ("around",), ("for",), ("over",), ("to",)})
_LONGEST = 5
_NOT_PLACE = words(
    "weather forecast temperature rain snow general case hours minutes days advance it me "
    "need outside degrees celsius fahrenheit like today"
    " report update updates looking look current local currently week weeks hot cold warm hourly "
    "daily weekly extended day umbrella jacket coat international national"
)
_BREAK = (
    (VERBS - {"new", "store"})
    | DETERMINERS
    | AUXILIARIES
    | CONJUNCTIONS
    | PRONOUNS
    | POLITE
    | PREPOSITIONS
    | _NOT_PLACE
)
_INNER = frozenset(["of", "the", "de", "la", "le", "on", "upon", "and"])


def place_at(
    tokens: Tokens,
    taken: Sequence[bool],
    left: frozenset[tuple[str, ...]],
    right: frozenset[tuple[str, ...]],
    book: Known,
    *,
    cased: bool,
) -> Name | None:
    """The first place, or nothing."""
    for i in range(len(tokens)):
        if not taken[i] and (name := book.at(tokens, i)) is not None:
            return name
    for i in range(len(tokens)):
        length = 0 if taken[i] else cue_at(tokens, i, left | _CUES)
        if not length:
            continue
        at = i + length
        if low(tokens, at) == "the":
            at += 1
        last = place_end(tokens, at, taken)
        if last > at:
            return place_name(tokens, at, last, book)
    return _before(tokens, taken, right, book, cased=cased)


def place_end(tokens: Tokens, first: int, taken: Sequence[bool]) -> int:
    """Where the place that begins at ``first`` ends; ``first`` if there is none."""
    last = first
    while last < len(tokens) and last < first + _LONGEST and not taken[last]:
        token = tokens[last]
        hyphen = token.low in ("-", ",") and last > first and last + 1 < len(tokens)
        if hyphen and token.low == "," and not tokens[last + 1].text[0].isupper():
            break
        if token.shape not in ("word", "owner") and not hyphen and token.low != ".":
            break
        if token.low in _BREAK and not (
            token.low in _INNER
            and last > first
            and last + 1 < len(tokens)
            and tokens[last + 1].text[0].isupper()
        ):
            break
        last += 1
    while last > first and (tokens[last - 1].shape != "word"):
        last -= 1
    return last


def _before(
    tokens: Tokens,
    taken: Sequence[bool],
    right: frozenset[tuple[str, ...]],
    book: Known,
    *,
    cased: bool,
) -> Name | None:
    """Such as "Paris weather", "what's the Los Angeles forecast"."""
    for i in range(1, len(tokens)):
        if taken[i] or not cue_at(tokens, i, right):
            continue
        first = i
        while (
            first > 0
            and not taken[first - 1]
            and tokens[first - 1].shape == "word"
            and (tokens[first - 1].low not in _BREAK and i - first < 3)
        ):
            first -= 1
        if first < i and (not cased or tokens[first].text[0].isupper()):
            return place_name(tokens, first, i, book)
    return None


def place_name(tokens: Tokens, first: int, last: int, book: Known) -> Name:
    """The name in those tokens, in title case if it came in lower case."""
    words = ""
    for i in range(first, last):
        gap = i > first and tokens[i].start > tokens[i - 1].end
        words += (" " if gap else "") + tokens[i].text
    said = words if words != words.lower() else capitalise(words)
    return Name(book.close(said) or said, first, last)
