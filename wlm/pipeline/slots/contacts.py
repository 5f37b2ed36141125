"""E-mail addresses and phone numbers, written or as spoken ("kofi at mail dot com")."""

from __future__ import annotations

import re
from typing import NamedTuple

from wlm.pipeline.patterns import pattern
from wlm.pipeline.slots.words import words

_WORD = r"[a-z0-9][\w+-]{0,63}"
_DOT = r"(?:\s*\.\s*|\s+(?:dot|point)\s+)"
_EMAIL = pattern(
    rf"(?<![\w@])(?P<user>{_WORD}(?:(?:\s*\.\s*(?=\w)|\s+dot\s+|\s+underscore\s+|\s+dash\s+|_|-)"
    rf"{_WORD}){{0,6}})(?P<at>\s*@\s*|\s+at\s+)(?P<host>{_WORD}(?:{_DOT}{_WORD}){{0,5}})",
    re.IGNORECASE,
)
_TOP = words(
    "com org net edu gov io co uk de fr es it nl at ch eu us ca in info biz me dev app ai "
    "mail example test tv be se no dk fi pl pt ie jp cn br au nz za"
)
_HAS_EMAIL = pattern(r"@|\bat\b", re.IGNORECASE)
_DIGITS = {
    "zero": "0",
    "oh": "0",
    "o": "0",
    "nought": "0",
    "one": "1",
    "two": "2",
    "three": "3",
    "four": "4",
    "five": "5",
    "six": "6",
    "seven": "7",
    "eight": "8",
    "nine": "9",
}
_NUMBER = rf"(?:\d+|\b(?:{'|'.join(_DIGITS)}|ten|eleven|twelve|twenty|hundred)\b)"
_REPEAT = r"(?:\b(?:double|triple)\s+)?"
_PHONE = pattern(
    rf"(?P<plus>\+\s*|\bplus\s+)?\(?{_REPEAT}{_NUMBER}"
    rf"(?:(?:[\s().,/-]|\band\b){{0,4}}{_REPEAT}{_NUMBER}){{0,40}}",
    re.IGNORECASE,
)
_PIECE = pattern(r"\d+|[a-z]+", re.IGNORECASE)
_COMPOUND = {"ten": "10", "eleven": "11", "twelve": "12", "twenty": "20", "hundred": "00"}
MIN_DIGITS, MAX_DIGITS = 5, 15


class Piece(NamedTuple):
    """A value and where it stands in the text."""

    value: str
    start: int
    end: int


def emails(text: str) -> list[Piece]:
    """The e-mail addresses in ``text``, in lower case.

    "at" stands for @ only before a host with a dot whose end is a known domain.
    """
    found: list[Piece] = []
    if not _HAS_EMAIL.search(text):
        return found
    for match in _EMAIL.finditer(text):
        host = re.sub(_DOT, ".", match["host"].lower())
        user = match["user"].lower()
        spoken = "@" not in match["at"]
        top = host.rpartition(".")[2]
        start, end = match.span()
        if "." in host and top not in _TOP:  # "kofi@mail dot com tomorrow" ends at its domain
            kept = host.split(".")
            if not spoken and re.fullmatch(r"[a-z]{2,}", top):
                kept = host.split(".")
            host = ".".join(kept)
        if spoken and ("." not in host or top not in _TOP):
            continue
        if spoken:
            start, user = _spoken_user(match, start)
        user = re.sub(r"\s+dot\s+|\s*\.\s*", ".", user)
        user = re.sub(r"\s+underscore\s+", "_", user)
        user = re.sub(r"\s+dash\s+", "-", user)
        found.append(Piece(f"{user}@{host}", start, end))
    return found


def _spoken_user(match: re.Match[str], start: int) -> tuple[int, str]:
    """The part before a spoken "at"; the pattern has no spaces in it but around marks."""
    return start, match["user"].lower()


def phones(text: str, *, digits: int = MIN_DIGITS) -> list[Piece]:
    """The phone numbers in ``text``: digits, with + in front where it was said."""
    found: list[Piece] = []
    for match in _PHONE.finditer(text):
        value = _digits(match[0])
        if digits <= len(value) <= MAX_DIGITS and _shaped(match[0]):
            end = match.start() + len(match[0].rstrip(" .,/-(and"))
            found.append(Piece(("+" if match["plus"] else "") + value, match.start(), end))
    return found


def _shaped(raw: str) -> bool:
    """Not a date and not a clock time."""
    return not re.fullmatch(r"\d{4}-\d{2}-\d{2}|\d{1,2}[/.]\d{1,2}[/.]\d{2,4}", raw.strip())


def _digits(raw: str) -> str:
    out, times = "", 1
    for piece in _PIECE.findall(raw.lower()):
        if piece in ("double", "triple"):
            times = 2 if piece == "double" else 3
            continue
        digit = piece if piece.isdigit() else _DIGITS.get(piece) or _COMPOUND.get(piece, "")
        out += digit * times if len(digit) == 1 else digit
        times = 1
    return out
