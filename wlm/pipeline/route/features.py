"""What the linear model sees of an utterance: named features with values.

Words, pairs and triples; the same with names, days, numbers and places replaced by their
class, and with words that are said for one another replaced by their group; pieces of words;
keywords of intents. Feature names are hashed to 32 bits, so that
the model needs no vocabulary and `wlm why` can still name what decided.
"""

from __future__ import annotations

import functools
import itertools
import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from wlm.pipeline.route.normalise import lexicon, normalise

_NUMBER = re.compile(r"\d[\d:]*(?:st|nd|rd|th)?")
_CLOCK = re.compile(r"\d[\d:]*(?:am|pm)|\d{1,2}:\d\d")
_WEIGHTS = {
    "w": 1.0,
    "p": 0.8,
    "t": 0.5,
    "C": 0.9,
    "D": 0.7,
    "G": 1.5,
    "S": 1.0,
    "b": 0.8,
    "c": 0.35,
    "k": 1.0,
    "n": 0.5,
}
"""How much a kind of feature weighs before the whole is scaled to length one."""


class Features(NamedTuple):
    """The named features of one utterance, hashed, and the words they came from."""

    names: list[str]
    hashes: list[int]
    values: list[float]
    words: list[str]


class Extractor:
    """Makes features; knows the language's word classes and the intents' keywords.

    ``keywords`` maps an intent's name to normalised words and phrases.
    """

    def __init__(self, keywords: Mapping[str, Sequence[str]], language: str) -> None:
        self._classes = word_classes(language)
        self._groups = synonyms(language)
        self._singles: dict[str, list[str]] = {}
        self._phrases: dict[str, list[tuple[str, str]]] = {}
        for intent, phrases in keywords.items():
            for phrase in phrases:
                if " " in phrase:
                    first = phrase.partition(" ")[0]
                    self._phrases.setdefault(first, []).append((f" {phrase} ", intent))
                else:
                    self._singles.setdefault(phrase, []).append(intent)

    def __call__(self, normalised: str) -> Features:
        """The features of text that ``normalise`` gave."""
        words = normalised.split()
        found = self._named(normalised, words)
        square = sum(value * value for value in found.values()) or 1.0
        scale = square**-0.5
        names = list(found)
        hashes = [zlib.crc32(name.encode()) for name in names]
        return Features(names, hashes, [value * scale for value in found.values()], words)

    def classed(self, words: Sequence[str]) -> list[str]:
        """``words`` with class marks in place of names, days, numbers …, runs collapsed."""
        out: list[str] = []
        for word in words:
            mark = self._class(word)
            if not (out and mark.startswith("<") and out[-1] == mark):
                out.append(mark)
        return out

    def _class(self, word: str) -> str:
        known = self._classes.get(word)
        if known:
            return known
        if "@" in word:
            return "<email>"
        if "." in word:
            return "<host>"
        if word[0].isdigit():
            if _CLOCK.fullmatch(word):
                return "<clock>"
            return "<number>" if _NUMBER.fullmatch(word) else word
        return word

    def _grouped(self, marks: Sequence[str]) -> list[str]:
        """``marks`` with words of a group replaced by it, runs collapsed."""
        out: list[str] = []
        for mark in marks:
            group = self._groups.get(mark, mark)
            if not (out and group[0] == "[" and out[-1] == group):
                out.append(group)
        return out

    def _named(self, text: str, words: list[str]) -> dict[str, float]:
        """Each feature's name with its kind's weight. (Training calls it thousands of times.)"""
        marks = self.classed(words)
        grouped = self._grouped(marks)
        plain, classes, groups = (["^", *row, "$"] for row in (words, marks, grouped))
        found = dict.fromkeys([f"w {word}" for word in words], _WEIGHTS["w"])
        kinds = (
            ("p", _pairs("p", plain)),
            ("t", _triples("t", plain)),
            ("C", [f"C {mark}" for mark in marks if mark[0] == "<"]),
            ("D", _pairs("D", classes)),
            ("D", _triples("D", classes)),
            ("G", [f"G {mark}" for mark in grouped if mark[0] == "["]),
            ("S", [name for name in _pairs("S", groups) if "[" in name]),
            ("S", [name for name in _triples("S", groups) if "[" in name]),
            ("b", [f"b {word}" for word in words[:1]]),
            ("n", [f"n {min(len(words), 12)}"] if words else ()),
            ("c", [piece for word in words for piece in _pieces(word)]),
            ("k", [f"k {intent}" for intent in self._keywords(text, words)]),
        )
        for kind, names in kinds:
            found |= dict.fromkeys(names, _WEIGHTS[kind])
        return found

    def _keywords(self, text: str, words: list[str]) -> Iterable[str]:
        for word in words:
            yield from self._singles.get(word, ())
        spaced = f" {text} "
        for word in words:
            for phrase, intent in self._phrases.get(word, ()):
                if phrase in spaced:
                    yield intent


def _pairs(kind: str, items: Sequence[str]) -> list[str]:
    return [f"{kind} {a} {b}" for a, b in itertools.pairwise(items)]


def _triples(kind: str, items: Sequence[str]) -> list[str]:
    return [f"{kind} {a} {b} {c}" for a, b, c in zip(items, items[1:], items[2:], strict=False)]


@functools.lru_cache(maxsize=20_000)
def _pieces(word: str) -> Sequence[str]:
    """The four-letter pieces of a word, its end marked, and how it begins."""
    if len(word) <= 3 or not word.isalpha():
        return ()
    padded = f"{word}_"
    return (*(f"c {padded[i : i + 4]}" for i in range(len(padded) - 3)), f"c ^{word[:3]}")


@functools.cache
def word_classes(language: str) -> Mapping[str, str]:
    """Class mark by word; where a word is in two classes, the first counts."""
    table: dict[str, str] = {}
    for name, words in lexicon(language).get("classes", {}).items():
        for word in words.split():
            table.setdefault(word, f"<{name}>")
    return table


def phrase_key(text: str, language: str) -> str:
    """The same for all that is said the same way, whatever names, days and numbers are in it."""
    import hashlib

    classed = Extractor({}, language).classed(normalise(text, language).split())
    return hashlib.blake2b(" ".join(classed).encode(), digest_size=32).hexdigest()


@functools.cache
def synonyms(language: str) -> Mapping[str, str]:
    """Group mark by word; where a word is in two groups, the first counts."""
    table: dict[str, str] = {}
    for name, words in lexicon(language).get("synonyms", {}).items():
        for word in words.split():
            table.setdefault(word, f"[{name}]")
    return table
