"""Names of people: known ones, ones after a cue ("with", "from"), relations ("my boss")."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from wlm.pipeline.slots.atoms import Tokens, low
from wlm.pipeline.slots.function_words import PRONOUNS, RELATIONS, STOP, TITLES
from wlm.pipeline.slots.given_names import GIVEN_NAMES
from wlm.pipeline.slots.tokens import Token
from wlm.pipeline.slots.words import MONTHS, WEEKDAYS, words

_LONGEST = 4
_JOINTS = frozenset({",", "and", "&", "or"})
_POSSESSORS = frozenset({"my", "our", "his", "her", "their"})
_OWNED = words(
    "birthday anniversary number phone cell mobile email e-mail mail address house office place "
    "wedding party contact home work job company boss business pager landline meeting info details"
)
_CLOSE = 88.0
_LONG = 6
_SOUNDS = (
    (r"ph", "f"),
    (r"[cq](?=[eiy])", "s"),
    (r"ck|[cq]", "k"),
    (r"y", "i"),
    (r"z", "s"),
    (r"ie\b|ee\b|ey\b", "i"),
    (r"(?<=\w)h|e\b", ""),
    (r"(.)\1+", r"\1"),
)


class Name(NamedTuple):
    """A name as it is to be stored, and its tokens (``last`` exclusive)."""

    value: str
    first: int
    last: int


class Known:
    """The names that are known, ready to be looked up in tokens."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(dict.fromkeys(name.strip() for name in names if name.strip()))
        self._exact: dict[tuple[str, ...], str] = {}
        for name in self.names:
            self._exact.setdefault(tuple(name.lower().split()), name)
        self._sounds = {sound(name): name for name in reversed(self.names)}
        self.firsts = frozenset(words[0] for words in self._exact if words)
        self._longest = max((len(words) for words in self._exact), default=0)

    def at(self, tokens: Tokens, i: int) -> Name | None:
        """The longest known name that begins at ``i``."""
        if low(tokens, i) not in self.firsts:
            return None
        for length in range(min(self._longest, len(tokens) - i), 0, -1):
            words = tuple(token.low for token in tokens[i : i + length])
            if (name := self._exact.get(words)) is not None:
                return Name(name, i, i + length)
        return None

    def part_at(self, tokens: Tokens, i: int) -> int:
        """Where what is said at ``i`` of a known name ends: "BBC" of "BBC News"; 0 if none is."""
        best = 0
        for name in self._exact:
            own = name[1:] if name and name[0] == "the" else name
            count = 0
            while count < len(own) and low(tokens, i + count) == own[count]:
                count += 1
            best = max(best, i + count if count else 0)
        return best

    def close(self, said: str) -> str | None:
        """The known name that ``said`` was probably meant to be: a hearing or typing mistake."""
        if not self.names or len(said) < 3:
            return None
        if (same := self._sounds.get(sound(said))) is not None:
            return same
        if len(said) < _LONG:
            return None
        from rapidfuzz import fuzz, process  # late: only a long name that is not known needs it

        best = process.extractOne(
            said.lower(),
            [name.lower() for name in self.names],
            scorer=fuzz.ratio,
            score_cutoff=_CLOSE,
        )
        return self.names[best[2]] if best else None


def sound(name: str) -> str:
    """A rough key of how a name sounds: "Kofy" and "Kofi", "Sara" and "Sarah" share one."""
    key = name.lower()
    for pattern, plain in _SOUNDS:
        key = re.sub(pattern, plain, key)
    return key


@lru_cache(maxsize=8)
def known(names: tuple[str, ...]) -> Known:
    """``Known`` for these names; the last few are kept."""
    return Known(names)


def names_at(
    tokens: Tokens, i: int, taken: Sequence[bool], book: Known, *, many: bool, cased: bool
) -> list[Name]:
    """The name at ``i``, or with ``many`` the list "Anna, Tom and Kofi" that begins there."""
    first = name_at(tokens, i, taken, book, cased=cased)
    if first is None:
        return []
    found = [first]
    while many:
        j = found[-1].last
        step = 0
        while low(tokens, j + step) in _JOINTS and step < 2:
            step += 1
        if not step:
            break
        j += step
        following = name_at(tokens, j, taken, book, cased=cased, listed=True)
        if following is None:
            break
        found.append(following)
    return found


def name_at(
    tokens: Tokens,
    i: int,
    taken: Sequence[bool],
    book: Known,
    *,
    cased: bool,
    listed: bool = False,
) -> Name | None:
    """The name that begins at ``i``. ``cased``: the text shows names by their capitals."""
    if i >= len(tokens) or taken[i]:
        return None
    exact = book.at(tokens, i)
    if exact is not None and not _goes_on(tokens, exact.last, taken, cased=cased):
        return exact
    if relation := _relation(tokens, i):
        return relation
    if stem := owner_stem(tokens, i):
        return Name(book.close(stem) or capitalise(stem), i, i + 1)
    j = i
    while j < len(tokens) and j < i + _LONGEST and not taken[j]:
        token = tokens[j]
        if token.low in TITLES and j == i:
            j += 2 if low(tokens, j + 1) == "." else 1
            continue
        if not _namely(tokens, j, j > i, cased):
            break
        j += 2 if _initial(tokens, j) else 1
    if j == i or (j == i + 1 and tokens[i].low in TITLES):
        return None
    if listed and not _closes(tokens, j, taken, cased, tokens[i]):
        return None
    said = _spelled(tokens[i:j])
    return Name(book.close(said) or said, i, j)


def _goes_on(tokens: Tokens, i: int, taken: Sequence[bool], *, cased: bool) -> bool:
    """Whether a known name is the beginning of another: "Anna" of "Anna Berg", whom we do not
    know. Without capitals only an owner's name shows that: "anna berg's number"."""
    if i >= len(tokens) or taken[i] or not _namely(tokens, i, True, cased):
        return False
    if low(tokens, i) in WEEKDAYS or low(tokens, i) in MONTHS:
        return False
    return cased or low(tokens, i + 1) in ("'s", "’s")


def owner_stem(tokens: Tokens, i: int) -> str:
    """The given name in "joes birthday": a recogniser leaves the apostrophe out."""
    word = low(tokens, i)
    if not word.endswith("s") or word in GIVEN_NAMES or word[:-1] not in GIVEN_NAMES:
        return ""
    return word[:-1] if low(tokens, i + 1) in _OWNED else ""


def _namely(tokens: Tokens, j: int, later: bool, cased: bool) -> bool:
    token = tokens[j]
    if token.shape != "word" or (token.low in RELATIONS and later) or token.low in PRONOUNS:
        return False
    if cased and later:
        return token.text[0].isupper() and token.low not in STOP
    if token.low in STOP and not (
        cased and token.text[0].isupper() and j > 0 and len(token.low) < 5
    ):
        return False
    return token.value is None or (token.text[0].isupper() and cased)


def _initial(tokens: Tokens, j: int) -> bool:
    """Such as "s." in "Mary s." with its full stop."""
    return len(tokens[j].low) == 1 and low(tokens, j + 1) == "."


def _closes(tokens: Tokens, j: int, taken: Sequence[bool], cased: bool, first: Token) -> bool:
    """Whether a further name of a list is one: it has a capital, or the list ends after it."""
    if cased and first.text[0].isupper():
        return True
    return (
        j >= len(tokens)
        or taken[j]
        or low(tokens, j) in STOP
        or low(tokens, j) in _JOINTS
        or (tokens[j].shape == "other")
    )


def _relation(tokens: Tokens, i: int) -> Name | None:
    """Such as "my boss", "mom", "my best friend"."""
    j = i + 1 if low(tokens, i) in _POSSESSORS else i
    owned = j > i
    if owned and low(tokens, j) in ("best", "old", "older", "younger", "little", "big", "new"):
        j += 1
    if low(tokens, j) not in RELATIONS:
        return None
    if (
        not owned
        and low(tokens, j) in TITLES
        and j + 1 < len(tokens)
        and (tokens[j + 1].shape == "word" and tokens[j + 1].low not in STOP)
    ):
        return None  # "Dr", "uncle Bob"
    if owned and low(tokens, j + 1) == "in" and low(tokens, j + 2) == "law":
        j += 2
    text = " ".join(token.text for token in tokens[i : j + 1])
    value = text.lower() if owned else text[:1].upper() + text[1:]
    return Name(value, i, j + 1)


def _spelled(tokens: Sequence[Token]) -> str:
    """The name in title case if it came in lower case."""
    words: list[str] = []
    for token in tokens:
        if token.shape == "other":
            words[-1:] = [words[-1] + token.text] if words else [token.text]
        else:
            words.append(token.text)
    text = " ".join(words)
    return text if text != text.lower() else capitalise(text)


def capitalise(text: str) -> str:
    """Each word with a capital: "anna o'neil-smith" becomes "Anna O'Neil-Smith"."""
    out, fresh = [], True
    for char in text:
        out.append(char.upper() if fresh else char)
        fresh = not char.isalnum()
    return "".join(out).replace("'S ", "'s ")
