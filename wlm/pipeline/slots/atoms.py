"""What the time rules find: small pieces, each with its tokens, that ``times`` composes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Literal, NamedTuple

from wlm.pipeline.slots.tokens import Token

Tokens = Sequence[Token]


class Day(NamedTuple):
    """A calendar day. ``bump`` is the period to the next one of that name, if it was not fixed."""

    date: date
    bump: Literal["", "week", "month", "year"] = ""
    weekday: bool = False
    relative: bool = False


class Clock(NamedTuple):
    """A time of day. ``half`` is am or pm if it was said; ``sure``: no need to guess it."""

    hour: int
    minute: int = 0
    half: Literal["", "am", "pm"] = ""
    sure: bool = False
    night: bool = False


class Part(NamedTuple):
    """A part of the day in hours; ``day`` shifts it ("last night")."""

    start: int
    end: int
    name: str
    this: bool = False


class Span(NamedTuple):
    """A range of time; ``unit`` is the period that was named, if one was."""

    start: datetime
    end: datetime
    unit: str = ""


class Point(NamedTuple):
    """An exact moment: "in ten minutes", "now"."""

    moment: datetime
    now: bool = False


class Length(NamedTuple):
    """A stretch of time without a place in it: "half an hour"."""

    length: timedelta
    unit: str


class Repeat(NamedTuple):
    """A recurrence: ``rule`` are RRULE parts in order, ``day`` the date that anchors it."""

    rule: tuple[tuple[str, str], ...]
    day: date | None = None
    part: Part | None = None


Value = Day | Clock | Part | Span | Point | Length | Repeat


class Atom(NamedTuple):
    """A value and its tokens, ``first`` to ``last`` (exclusive)."""

    first: int
    last: int
    value: Value


Found = tuple[int, Value] | None
"""What a rule gives: where it ended and what it found."""


def low(tokens: Tokens, i: int) -> str:
    """The lower-case word at ``i``; empty outside the text."""
    return tokens[i].low if 0 <= i < len(tokens) else ""


def number(tokens: Tokens, i: int, *, ordinal: bool | None = None) -> int | None:
    """The number at ``i``, if there is one of that sort."""
    if not 0 <= i < len(tokens):
        return None
    token = tokens[i]
    if ordinal is not None and token.ordinal is not ordinal:
        return None
    return token.value


def skip(tokens: Tokens, i: int, words: frozenset[str] | set[str]) -> int:
    """The first index from ``i`` whose word is not among ``words`` (at most four are passed)."""
    for _ in range(4):
        if low(tokens, i) not in words:
            break
        i += 1
    return i
