"""Words with their place in the text; spoken numbers become one token."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from wlm.pipeline.slots.words import MONTHS, ORDINALS, SCALES, TENS, UNITS_TO_19

_PATTERN = re.compile(
    r"(?P<iso>\d{4}-\d{2}-\d{2})(?=\D|$)"
    r"|(?P<date>\d{1,2}[/.]\d{1,2}[/.]\d{2,4}|\d{1,2}/\d{1,2})(?=\D|$)"
    r"|(?P<clock>\d{1,2}[:.h]\d{2})(?=[^\d.]|\.\s|\.?$|\.?[ap]\.?m)"
    r"|(?P<ordinal>\d{1,4})(?:st|nd|rd|th)\b"
    r"|(?P<number>\d{1,15})"
    r"|(?P<half_day>[ap]\.\s?m\.?(?![^\W\d_]))"
    r"|(?P<owner>['’]s\b)"
    r"|(?P<word>[^\W\d_]+?(?:['’](?!s\b)[^\W\d_]+)*(?=['’]s\b)|[^\W\d_]+(?:['’][^\W\d_]+)*)"
    r"|(?P<other>\S)",
    re.IGNORECASE,
)


class Token(NamedTuple):
    """A word, a number or a mark: ``text[start:end]`` of the utterance.

    ``low`` is lower case with plain apostrophes. ``value`` is the number it stands for,
    ``ordinal`` whether as in "third"; ``shape`` names the pattern ("word", "number",
    "clock", "iso", "date", "owner", "other").
    """

    text: str
    low: str
    start: int
    end: int
    shape: str
    value: int | None = None
    ordinal: bool = False
    spoken: bool = False


def tokenise(text: str) -> list[Token]:
    """The tokens of ``text``, in order; never raises."""
    return _fold([_token(match) for match in _PATTERN.finditer(text)])


def _token(match: re.Match[str]) -> Token:
    shape, raw = match.lastgroup or "other", match[0]
    low = raw.lower().replace("’", "'")
    value: int | None = None
    ordinal = spoken = False
    if shape in ("ordinal", "number"):
        ordinal = shape == "ordinal"
        value = int(match[shape])
        shape = "number"
    elif shape == "half_day":
        shape, low = "word", low[0] + "m"
    elif shape == "word":
        if low in ORDINALS:
            value, ordinal, spoken = ORDINALS[low], True, True
        elif low in TENS or low in UNITS_TO_19:
            value, spoken = TENS.get(low, UNITS_TO_19.get(low)), True
    return Token(raw, low, match.start(), match.end(), shape, value, ordinal, spoken)


def _fold(tokens: Sequence[Token]) -> list[Token]:
    """Join the words of one spoken number: "twenty third", "two thousand and seventeen"."""
    out: list[Token] = []
    i = 0
    while i < len(tokens):
        j, value, ordinal = _number_at(tokens, i)
        if j <= i + 1:
            out.append(tokens[i])
            i += 1
            continue
        first, last = tokens[i], tokens[j - 1]
        words = " ".join(t.low for t in tokens[i:j])
        out.append(Token(words, words, first.start, last.end, "number", value, ordinal, True))
        i = j
    return out


def _number_at(tokens: Sequence[Token], i: int) -> tuple[int, int, bool]:
    """(end, value, ordinal) of the spoken number at ``i``; end == i if there is none."""
    j, value, ordinal = _below_hundred(tokens, i)
    if j == i or ordinal:
        return j, value, ordinal
    while j < len(tokens) and tokens[j].low in SCALES:
        scale = SCALES[tokens[j].low]
        if value >= scale:  # "two hundred thousand" is not a number that requests hold
            break
        value, j = value * scale, j + 1
        k = j + 1 if j < len(tokens) and tokens[j].low == "and" else j
        end, rest, ordinal = _below_hundred(tokens, k)
        if end > k and end < len(tokens) and tokens[end].low in SCALES:
            more = SCALES[tokens[end].low]
            if more < scale and rest < 10:
                k2, rest, end = end + 1, rest * more, end + 1
                k2 = k2 + 1 if k2 < len(tokens) and tokens[k2].low == "and" else k2
                end2, low, ordinal = _below_hundred(tokens, k2)
                if end2 > k2:
                    rest, end = rest + low, end2
        if end > k and rest < scale:
            value, j = value + rest, end
        if ordinal:
            break
    return j, value, ordinal


def _below_hundred(tokens: Sequence[Token], i: int) -> tuple[int, int, bool]:
    if i >= len(tokens) or not tokens[i].spoken or tokens[i].value is None:
        return i, 0, False
    token = tokens[i]
    value = token.value or 0
    after = tokens[i + 1] if i + 1 < len(tokens) else None
    if after is not None and after.low == "-" and i + 2 < len(tokens) and after.start == token.end:
        joined = tokens[i + 2] if tokens[i + 2].start == after.end else None
        step = 3
    else:
        joined, step = after, 2
    if (
        token.low in TENS
        and joined is not None
        and joined.spoken
        and joined.value is not None
        and 0 < joined.value < 10
        and not (joined.low == "second" and value > 20)  # "thirty second timer"
        and not _starts_year(tokens, i, step)
    ):
        return i + step, value + joined.value, joined.ordinal
    return i + 1, value, token.ordinal


def _starts_year(tokens: Sequence[Token], i: int, step: int) -> bool:
    """Whether the unit after "may twenty" begins "two thousand …" instead of belonging to it."""
    following = tokens[i + step] if i + step < len(tokens) else None
    before = tokens[i - 1].low if i else ""
    return following is not None and following.low == "thousand" and before in MONTHS
