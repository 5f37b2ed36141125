"""Keys that bring together what sounds alike or is spelt alike.

A recogniser that does not know a name writes what it heard in the spelling of another:
Coffee for Kofi, Shawn for Sean. A key is equal for such pairs, so that an index finds
them. Keys only gather candidates; ``match.py`` judges them.
"""

from __future__ import annotations

import re
from functools import lru_cache

from wlm_people.short_forms import said_as

LONGEST = 64
"""Letters of a word that are kept; no name is longer."""

CODE, LOOSE = "m", "l"
"""The kinds of key that two words share exactly when a code, or the loose sound, is the same."""

# Spelling to sound, for the loose key: first match wins, longest first.
_LOOSE = [
    ("tsch", "j"), ("schw", "jf"), ("dzh", "j"), ("sch", "j"), ("cch", "k"), ("chr", "kr"),
    ("ght", "t"), ("augh", "f"), ("dge", "j"), ("tch", "j"), ("sci", "j"), ("eaux", ""),
    ("sh", "j"), ("ch", "j"), ("zh", "j"), ("cz", "j"), ("sz", "j"), ("dj", "j"), ("gn", "n"),
    ("ph", "f"), ("gh", ""), ("th", "t"), ("ck", "k"), ("kn", "n"), ("wr", "r"), ("tz", "s"),
    ("ts", "s"), ("ds", "s"), ("ce", "s"), ("ci", "s"), ("cy", "s"), ("ge", "j"), ("gi", "j"),
    ("gy", "j"), ("mb", "n"), ("x", "ks"), ("c", "k"), ("q", "k"), ("g", "k"), ("d", "t"),
    ("b", "p"), ("v", "f"), ("z", "s"), ("m", "n"), ("y", ""), ("h", ""), ("w", ""),
]  # fmt: skip
_LOOSE_OF = dict(_LOOSE)
_LOOSE_RE = re.compile("|".join(map(re.escape, _LOOSE_OF)))
_VOWELS = frozenset("aeiou")
_NO_LETTER = re.compile("[^a-z]")


@lru_cache(maxsize=65536)
def loose(word: str) -> str:
    """The consonants of a folded word by how they sound; one letter where ears mix two up.

    A vowel counts only at the beginning. Empty for words without Latin letters.
    """
    word = _NO_LETTER.sub("", word)
    first = word.lstrip("h")[:1]
    head = "a" if first in _VOWELS or first == "y" else ""
    if first == "w":
        head = "f"
    mapped = _LOOSE_RE.sub(lambda m: _LOOSE_OF[m[0]], word)
    out = [head] if head else []
    for letter in mapped:
        if letter not in _VOWELS and (not out or out[-1] != letter):
            out.append(letter)
    return "".join(out)


@lru_cache(maxsize=65536)
def codes(word: str) -> frozenset[str]:
    """Metaphone keys of a folded word, as it is spelt and as it is said."""
    import jellyfish

    spellings = {spelling for said in {word, said_as(word)} for spelling in _spellings(said)}
    return frozenset(code for spelling in spellings if (code := jellyfish.metaphone(spelling)))


# Where a spelling is said differently from name to name, each reading gets a key. First come
# the letters without which a pattern need not be tried: a look-up judges hundreds of words.
_EITHER = [
    (letters, re.compile(pattern), other)
    for letters, pattern, other in (
        ("ch", "ch", "k"), ("j", "^j", "y"), ("th", "th", "t"), ("s", "^sch?(?=[mnlw])", "s"),
        ("x", "^x", "sh"), ("w", "w", "v"), ("h", "^h", ""), ("ea", "eaux?$", "o"),
        ("ll", "ll(?=[eoa])", "y"), ("ugh", "ough$|augh$", "o"), ("oux", "oux$", "oo"),
        ("ois", "ois$", "wa"), ("dj", "^dj", "j"), ("z", "^ts?z", "ch"), ("gh", "gh(?=[aeo])", ""),
    )
]  # fmt: skip
_HISS = re.compile("^(sch|sz)")
_E = re.compile("ei|ai|ay|ey")


def _spellings(word: str) -> set[str]:
    """``word`` without spellings that Metaphone mistakes, and as others would say it."""
    word = _NO_LETTER.sub("", word)
    if word.endswith("dt"):
        word = word[:-2] + "t"
    words = {word}
    for letters, pattern, other in _EITHER:
        if letters in word:
            words.add(pattern.sub(other, word))
    return {_E.sub("e", _HISS.sub("sh", each)) for each in words}


def near(word: str) -> set[str]:
    """The word and what is left of it when any one letter is dropped.

    Two words that share one of these are at most a slip of the keyboard apart.
    """
    if len(word) < 3:
        return {word}
    return {word} | {word[:i] + word[i + 1 :] for i in range(len(word))}


def itself(word: str) -> str:
    """The key under which a folded word is filed as it is, among those a letter longer."""
    return f"d{word}"[: LONGEST + 1]


def keys(word: str) -> set[str]:
    """Everything a folded word is filed under, each with a letter for its kind."""
    word = word[:LONGEST]
    loosely = {loose(spelling) for spelling in (word, said_as(word))} - {""}
    found = {f"{CODE}{code}" for code in codes(word)} | {f"{LOOSE}{code}" for code in loosely}
    found |= {f"d{rest}" for rest in near(word)}
    found |= {f"e{rest}" for code in loosely if len(code) > 3 for rest in near(code)}
    return {key[: LONGEST + 1] for key in found}  # some letters sound as two
