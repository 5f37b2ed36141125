"""Bring what was said to one plain form: lower case, no punctuation, no politeness.

    "Hey, could you please tell me what's Anna's e-mail?"  →  "tell me what is anna 's email"

Tables lie in ``data/lexicon_LANG.toml``; a language without one only loses case and punctuation.
"""

from __future__ import annotations

import functools
import re
import tomllib
import unicodedata
from collections.abc import Mapping
from importlib.resources import files
from typing import Any, NamedTuple

MAX_CHARACTERS = 2_000
"""What lies beyond decides nothing: no request is that long, and time stays bounded."""

_QUOTES = str.maketrans({"’": "'", "‘": "'", "`": "'", "“": '"', "”": '"', "–": "-", "—": " "})
_NOISE = re.compile(r"\[[^\]]{0,30}\]|\([^)]{0,30}\)|[♪♫]")  # [MUSIC], (coughs): Whisper-isms
_SPOKEN_ADDRESS = re.compile(r"\b([\w.]+) ?(?:@| at ) ?(\w+)(?: dot |\.)(com|org|net|de|edu|io)\b")
_SPOKEN_HOST = re.compile(r"(@\w+|\b\w+) dot (com|org|net|de|edu|io)\b")
_TOKEN = re.compile(r"[\w.+-]+@[\w.-]*\w|\d+(?::\d+)?|'s\b|[^\W\d_]+(?:'(?!s\b)[^\W\d_]+)?")
_MARKS = {"st", "nd", "rd", "th", "am", "pm"}


class Tables(NamedTuple):
    """How a language is brought to plain form."""

    spellings: Mapping[str, str]
    contractions: Mapping[str, str]
    opening: frozenset[tuple[str, ...]]
    closing: frozenset[tuple[str, ...]]
    longest: int


@functools.cache
def lexicon(language: str, kind: str = "lexicon") -> Mapping[str, Any]:
    """The language's word tables (``kind`` may be ``values``); empty if there are none."""
    path = files("wlm.pipeline.route").joinpath(f"data/{kind}_{language}.toml")
    return tomllib.loads(path.read_text("utf-8")) if path.is_file() else {}


@functools.cache
def tables(language: str) -> Tables:
    """What ``normalise`` works with."""
    data = lexicon(language).get("normalise", {})
    opening = frozenset(tuple(phrase.split()) for phrase in data.get("opening", ()))
    closing = frozenset(tuple(phrase.split()) for phrase in data.get("closing", ()))
    return Tables(
        data.get("spellings", {}),
        data.get("contractions", {}),
        opening,
        closing,
        max(map(len, opening | closing), default=0),
    )


def normalise(text: str, language: str = "en") -> str:
    """``text`` in plain form: tokens with one space between; empty if nothing is left."""
    table = tables(language)
    plain = unicodedata.normalize("NFKC", text[:MAX_CHARACTERS]).lower().translate(_QUOTES)
    plain = _SPOKEN_ADDRESS.sub(r"\1@\2.\3", _NOISE.sub(" ", plain))
    plain = _SPOKEN_HOST.sub(r"\1.\2", plain)
    for wrong, right in _phrase_patterns(language):
        plain = wrong.sub(right, plain)
    tokens: list[str] = []
    for token in _TOKEN.findall(plain):
        token = table.spellings.get(token, token)
        tokens.extend(table.contractions.get(token, token).split())
    tokens = _contract_is(_join_marks(tokens), language)
    return " ".join(_strip(tokens, table))


@functools.cache
def _phrase_patterns(language: str) -> list[tuple[re.Pattern[str], str]]:
    pairs = lexicon(language).get("normalise", {}).get("phrases", {})
    return [(re.compile(rf"\b{re.escape(wrong)}\b"), right) for wrong, right in pairs.items()]


def _join_marks(tokens: list[str]) -> list[str]:
    """``3 pm`` and ``3rd`` as one token each, however they were written."""
    joined: list[str] = []
    for token in tokens:
        if token in _MARKS and joined and joined[-1][-1].isdigit():
            joined[-1] += token
        else:
            joined.append(token)
    return joined


def _contract_is(tokens: list[str], language: str) -> list[str]:
    """``what 's`` is "what is"; ``anna 's`` stays a possessive."""
    heads = lexicon(language).get("normalise", {}).get("is_after", ())
    return [
        "is" if word == "'s" and at and tokens[at - 1] in heads else word
        for at, word in enumerate(tokens)
    ]


def _strip(tokens: list[str], table: Tables) -> list[str]:
    """Take greetings, wake names, fillers and politeness off both ends."""
    start, end = 0, len(tokens)
    while cut := _longest(tokens[start : start + table.longest], table.opening, front=True):
        if start + cut >= end:
            break
        start += cut
    while cut := _longest(tokens[max(start, end - table.longest) : end], table.closing):
        if end - cut <= start:
            break
        end -= cut
    return tokens[start:end]


def _longest(window: list[str], phrases: frozenset[tuple[str, ...]], *, front: bool = False) -> int:
    for size in range(len(window), 0, -1):
        part = window[:size] if front else window[len(window) - size :]
        if tuple(part) in phrases:
            return size
    return 0
