"""Names as people write and say them, brought to one form."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


# Letters that do not come apart into a base letter and a mark.
_LETTERS = str.maketrans(
    {"ß": "ss", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i"}
)
_APOSTROPHE = re.compile("['’ʼ`´]")
_WORD = re.compile(r"[^\W_]+")
_TITLES = _set("mr mrs ms miss mx dr prof professor sir madam frau herr")
_PARTICLES = _set("van von der den de del della di da dos du la le ter ten bin ibn al el st zu")


@lru_cache(maxsize=16384)
def fold(text: str) -> str:
    """Lower case, no accents, no punctuation, one space between words; any script."""
    if text.isascii():
        text = text.lower()
    else:
        text = unicodedata.normalize("NFKD", text).casefold().translate(_LETTERS)
        text = unicodedata.normalize("NFKD", text)
        text = "".join(c for c in text if not unicodedata.combining(c))
    return " ".join(_WORD.findall(_APOSTROPHE.sub("", text)))


def said_words(text: str) -> list[str]:
    """The folded words of a name as it was said: without possessive, articles and titles."""
    text = re.sub(r"['’]s\b", "", text)
    words = [w for w in fold(text).split() if w not in ("the", "a", "an")]
    return [w for w in words if w not in _TITLES] or words


def name_words(name: str) -> list[str]:
    """The folded words of a stored name, without titles."""
    words = fold(name).split()
    return [w for w in words if w not in _TITLES] or words


class Split(NamedTuple):
    """A full name in its two parts; either may be empty."""

    given: str
    family: str


def split(name: str) -> Split:
    """Given and family name of a full name: "Ludwig van Beethoven", "Baker, Tom"."""
    if "," in name:
        family, _, given = name.partition(",")
        return Split(given.strip(), family.strip())
    words = name.split()
    if len(words) < 2:
        return Split(name.strip(), "")
    at = len(words) - 1
    while at > 1 and fold(words[at - 1]) in _PARTICLES:
        at -= 1
    return Split(" ".join(words[:at]), " ".join(words[at:]))


def tidy(name: str) -> str:
    """A name as it is shown: single spaces, "Baker, Tom" turned, capitals where none were said."""
    name = " ".join(name.split())
    if "," in name:
        name = " ".join(part for part in split(name) if part)
    if name == name.lower():
        name = re.sub(
            r"[^\W\d_]+(?:['’][^\W\d_]+)?",
            lambda m: m[0] if m[0] in _PARTICLES else m[0][0].upper() + m[0][1:],
            name,
        )
    return name


def digits(number: str) -> str:
    """What a telephone number is found by: its last nine digits, no prefix of country or city."""
    without_extension = re.split(r"(?i)\s*(?:ext|x|#|;)", number, maxsplit=1)[0]
    return re.sub(r"\D", "", without_extension).lstrip("0")[-9:]


# Each line: what is kept, and the words that mean the same.
_RELATIONS = {
    "mother": "mum mom mummy mommy mama ma",
    "father": "dad daddy papa pa",
    "grandmother": "grandma granny gran nan nana oma",
    "grandfather": "grandpa granddad grandad opa",
    "brother": "bro",
    "sister": "sis",
    "wife": "missus",
    "husband": "hubby",
    "partner": "boyfriend girlfriend fiance fiancee spouse",
    "child": "kid",
    "boss": "manager supervisor chief",
    "colleague": "coworker workmate",
    "assistant": "secretary",
    "doctor": "gp physician",
    "friend": "mate buddy pal",
    "neighbour": "neighbor",
    "aunt": "auntie aunty",
    "landlord": "landlady",
}
_RELATION_OF = {word: kept for kept, words in _RELATIONS.items() for word in words.split()}
_KNOWN = (
    frozenset(_RELATIONS)
    | _set("son daughter uncle cousin nephew niece grandson granddaughter godmother godfather")
    | _set("flatmate roommate teacher lawyer dentist plumber accountant electrician")
    | _set("hairdresser therapist coach mentor babysitter")
    | {f"{one} in law" for one in ("mother", "father", "brother", "sister", "son", "daughter")}
)


def relation(text: str) -> str:
    """The one word for a relation: ``mum`` and ``Mom`` give ``mother``; others stay, folded."""
    folded = re.sub(r"^(my|our) ", "", fold(text))
    return _RELATION_OF.get(folded, folded)


def is_relation(text: str) -> bool:
    """Whether the words name a relation ("my boss", "mum") rather than a person."""
    return relation(text) in _KNOWN
