"""What a language's module holds, and how its times are found and put into English."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

_WORD = re.compile(r"[^\W_]+")


class Language(NamedTuple):
    """The tables of one language; all words in lower case.

    ``rules`` are patterns of pieces of times with what they are in English. ``{h}``, ``{n}``,
    ``{o}`` (a number), ``{d}`` (a weekday), ``{M}`` (a month), ``{p}`` (a part of the day) and
    ``{u}`` (a unit) stand in a pattern for any such word and in the English for its value;
    ``{before}`` is the hour before ``{h}``, ``{month}`` the name of month number ``{m}``.
    """

    code: str
    rules: tuple[tuple[str, str], ...]
    numbers: Mapping[str, int]
    weekdays: Mapping[str, str]
    months: Mapping[str, str]
    parts: Mapping[str, str]
    units: Mapping[str, str]
    leads: frozenset[str]
    """Words before a time that go with it ("auf Freitag")."""
    articles: frozenset[str]
    joins: frozenset[str]
    """Words between two names."""
    cues: frozenset[str]
    """Words that lead to a value by themselves ("mit", "in")."""
    datives: frozenset[str]
    """Words after a verb that change nothing ("trag mir … ein")."""
    same: frozenset[str]
    """Words for e-mail, of which one is as good as another; without accents."""
    yes: frozenset[str]
    no: frozenset[str]
    fillers: frozenset[str]


class Piece(NamedTuple):
    """A time in the text: character offsets, and the same in English."""

    start: int
    end: int
    english: str


def times(text: str, tables: Language) -> list[Piece]:
    """The times in ``text``, left to right; neighbouring pieces are one."""
    found: list[Piece] = []
    low, at = text.lower(), 0
    if len(low) != len(text):  # a letter whose lower case is longer: offsets would be wrong
        return found
    rules = _compiled(tables)
    for word in re.finditer(r"\S+", low):
        if word.start() < at:
            continue
        best = _longest(low, word.start(), rules, tables)
        if best is None:
            continue
        at = best.end
        if found and not text[found[-1].end : best.start].strip(" ,"):
            last = found.pop()
            best = Piece(last.start, best.end, f"{last.english} {best.english}")
        found.append(best)
    return found


Rules = tuple[tuple[re.Pattern[str], str], ...]


def _longest(low: str, start: int, rules: Rules, tables: Language) -> Piece | None:
    best: Piece | None = None
    for pattern, english in rules:
        match = pattern.match(low, start)
        if match and (best is None or match.end() > best.end):
            best = Piece(start, match.end(), _in_english(match, english, tables))
    return best


_KEPT: dict[str, Rules] = {}


def _compiled(tables: Language) -> Rules:
    if (kept := _KEPT.get(tables.code)) is not None:
        return kept
    number = rf"\d{{1,4}}|{_any(tables.numbers)}"
    groups = {
        "h": number,
        "n": number,
        "o": number,
        "m": number,
        "d": _any(tables.weekdays),
        "M": _any(tables.months),
        "p": _any(tables.parts),
        "u": _any(tables.units),
    }
    made = []
    for pattern, english in tables.rules:
        for name, words in groups.items():
            pattern = pattern.replace(f"{{{name}}}", f"(?P<{name}>{words})", 1)
            pattern = pattern.replace(f"{{{name}}}", f"(?P<{name}2>{words})")
        made.append((re.compile(rf"(?:{pattern})(?!\w)"), english))
    _KEPT[tables.code] = tuple(made)
    return _KEPT[tables.code]


def _in_english(match: re.Match[str], english: str, tables: Language) -> str:
    values: dict[str, object] = {}
    looked_up = {"d": tables.weekdays, "M": tables.months, "p": tables.parts, "u": tables.units}
    for name, said in match.groupdict().items():
        if said is None:
            values[name] = ""
        elif table := looked_up.get(name[0]):
            values[name] = table[said]
        else:
            values[name] = int(said) if said.isdigit() else tables.numbers[said]
    if isinstance(hour := values.get("h"), int):
        values["before"] = (hour - 2) % 12 + 1
    if isinstance(month := values.get("m"), int) and 1 <= month <= 12:
        values["month"] = list(dict.fromkeys(tables.months.values()))[month - 1]
    return " ".join(english.format(**values).split())


def _any(words: Mapping[str, object]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


def yes_no(text: str, tables: Language) -> bool | None:
    """True for a confirmation, False for a refusal, ``None`` if it is neither.

    A refusal wins, and a sentence that is about something else is neither.
    """
    said = f" {' '.join(_WORD.findall(text.lower()))} "
    if not said.strip() or len(said.split()) > 8:
        return None
    rest = said
    for phrase in sorted(tables.yes | tables.no | tables.fillers, key=len, reverse=True):
        rest = rest.replace(f" {phrase} ", "  ")
    if len(rest.split()) > 1:
        return None
    if any(f" {phrase} " in said for phrase in tables.no):
        return False
    return True if any(f" {phrase} " in said for phrase in tables.yes) else None
