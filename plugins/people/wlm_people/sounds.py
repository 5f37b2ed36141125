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


@lru_cache(maxsize=65536)
def loose(word: str) -> str:
    """The consonants of a folded word by how they sound; one letter where ears mix two up.

    A vowel counts only at the beginning. Empty for words without Latin letters.
    """
    word = re.sub(r"[^a-z]", "", word)
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


# Where a spelling is said differently from name to name, each reading gets a key.
_EITHER = [
    (re.compile(pattern), other)
    for pattern, other in (
        ("ch", "k"), ("^j", "y"), ("th", "t"), ("^sch?(?=[mnlw])", "s"), ("^x", "sh"),
        ("w", "v"), ("^h", ""), ("eaux?$", "o"), ("ll(?=[eoa])", "y"), ("ough$|augh$", "o"),
        ("oux$", "oo"), ("ois$", "wa"), ("^dj", "j"), ("^ts?z", "ch"), ("gh(?=[aeo])", ""),
    )
]  # fmt: skip
_ANY = re.compile("|".join(pattern.pattern for pattern, _ in _EITHER))


def _spellings(word: str) -> set[str]:
    """``word`` without spellings that Metaphone mistakes, and as others would say it."""
    word = re.sub(r"[^a-z]", "", word)
    word = re.sub(r"dt$", "t", word)
    words = {word}
    if _ANY.search(word):  # most words have none, and a look-up judges hundreds
        words |= {pattern.sub(other, word) for pattern, other in _EITHER}
    return {re.sub(r"ei|ai|ay|ey", "e", re.sub(r"^(sch|sz)", "sh", each)) for each in words}


def near(word: str) -> set[str]:
    """The word and what is left of it when any one letter is dropped.

    Two words that share one of these are at most a slip of the keyboard apart.
    """
    if len(word) < 3:
        return {word}
    return {word} | {word[:i] + word[i + 1 :] for i in range(len(word))}


def keys(word: str) -> set[str]:
    """Everything a folded word is filed under, each with a letter for its kind."""
    word = word[:LONGEST]
    loosely = {loose(spelling) for spelling in (word, said_as(word))} - {""}
    found = {f"m{code}" for code in codes(word)} | {f"l{code}" for code in loosely}
    found |= {f"d{rest}" for rest in near(word)}
    found |= {f"e{rest}" for code in loosely if len(code) > 3 for rest in near(code)}
    return {key[: LONGEST + 1] for key in found}  # some letters sound as two
