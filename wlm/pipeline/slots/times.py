"""Times as people say them: atoms are found left to right, composed into frames, resolved.

``find`` is the whole of it. Nothing here raises for any text, and the work grows linearly
with it: each rule looks at a bounded number of words.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from wlm.pipeline.slots.atoms import Atom, Clock, Day, Found, Length, Tokens, Value, low, number
from wlm.pipeline.slots.calendar import Calendar, make_date
from wlm.pipeline.slots.clocks import clock_at
from wlm.pipeline.slots.days import _RELATIVE, day_at
from wlm.pipeline.slots.durations import length_at, offset_at
from wlm.pipeline.slots.frames import Frame, compose
from wlm.pipeline.slots.holidays import STARTS
from wlm.pipeline.slots.moments import When, resolve
from wlm.pipeline.slots.parts import part_at
from wlm.pipeline.slots.ranges import range_at
from wlm.pipeline.slots.recurrences import _WORDS, repeat_at
from wlm.pipeline.slots.tokens import tokenise
from wlm.pipeline.slots.words import (
    COMING,
    LAST,
    MONTHS,
    NEXT,
    PARTS,
    SEASONS,
    SPECIAL_CLOCKS,
    THIS,
    WEEKDAYS,
    WEEKDAYS_PLURAL,
    words,
)

_STARTS = (
    frozenset(WEEKDAYS)
    | frozenset(WEEKDAYS_PLURAL)
    | frozenset(MONTHS)
    | frozenset(_RELATIVE)
    | frozenset(PARTS)
    | frozenset(SEASONS)
    | frozenset(SPECIAL_CLOCKS)
    | frozenset(_WORDS)
    | THIS
    | NEXT
    | LAST
    | COMING
    | STARTS
    | words(
        "the a an my our in within half quarter couple few several every each day week month year "
        "weekend weekends weekdays workdays rest remainder beginning start middle mid end early "
        "late later earlier right just at currently now once on bi oh o zero first last"
    )
)
_SHAPES = frozenset({"iso", "date", "clock"})
_TO = frozenset({"to", "-", "–", "—", "through", "thru", "until", "till", "and"})


def find(text: str, now: datetime, *, past: bool = False, hint: bool = False) -> list[When]:
    """Every time expression in ``text``, in order.

    ``now`` is aware and in the user's zone; ``past`` prefers what has been; ``hint``: a
    bare number may be a clock time (the answer to a question).
    """
    return find_in(tokenise(text), Calendar(now, past=past), hint=hint)


def find_in(tokens: Tokens, cal: Calendar, *, hint: bool = False) -> list[When]:
    """``find`` on tokens."""
    return [when for when, _frame in find_frames(tokens, cal, hint=hint)]


def find_frames(tokens: Tokens, cal: Calendar, *, hint: bool = False) -> list[tuple[When, Frame]]:
    """Resolved expressions with the frames that they came from."""
    mood = _mood(tokens)
    pairs = []
    for frame in compose(tokens, scan(tokens, cal, hint=hint), cal):
        past = frame.mode == "since" and not cal.past
        when = resolve(frame, tokens, Calendar(cal.now, past=True) if past else cal, mood)
        if when is not None:
            pairs.append((when, frame))
    return pairs


def scan(tokens: Tokens, cal: Calendar, *, hint: bool = False) -> list[Atom]:
    """The atoms, in order and without overlap; at each word the longest rule wins."""
    been = Calendar(cal.now, past=True)
    rules: tuple[Callable[[int, Calendar], Found], ...] = (
        lambda i, on: repeat_at(tokens, i, on),
        lambda i, on: range_at(tokens, i, on),
        lambda i, on: day_at(tokens, i, on),
        lambda i, on: part_at(tokens, i, on),
        lambda i, on: offset_at(tokens, i, on),
        lambda i, on: clock_at(tokens, i, hint=hint),
        lambda i, on: length_at(tokens, i),
    )
    atoms: list[Atom] = []
    i = 0
    while i < len(tokens):
        token = tokens[i]
        if token.value is None and token.low not in _STARTS and token.shape not in _SHAPES:
            i += 1
            continue
        best: tuple[int, Value] | None = _tail(tokens, i, atoms, cal)
        for rule in rules if best is None else ():
            found = rule(i, been if low(tokens, i - 1) == "since" else cal)
            if found and (best is None or found[0] > best[0]):
                best = found
        if best is None or (isinstance(best[1], Length) and not _is_length(tokens, i, *best)):
            i += 1
            continue
        atoms.append(Atom(i, best[0], best[1]))
        i = best[0]
    return atoms


def _tail(tokens: Tokens, i: int, atoms: list[Atom], cal: Calendar) -> Found:
    """The bare second day of "March 3 to 7"."""
    day = number(tokens, i)
    if day is None or not 1 <= day <= 31 or not atoms or low(tokens, i - 1) not in _TO:
        return None
    before = atoms[-1]
    if before.last != i - 1 or not isinstance(before.value, Day) or before.value.bump != "year":
        return None
    if low(tokens, i + 1) in ("am", "pm", "o'clock", "of") or low(tokens, i + 1) in MONTHS:
        return None
    said = make_date(before.value.date.year, before.value.date.month, day)
    return (i + 1, Day(said)) if said and said >= before.value.date else None


_NOT_LENGTH_AFTER = words("before after early earlier later ahead prior late old ago")
_LENGTH_BEFORE = frozenset(["for", "lasting", "lasts", "takes", "take", "last"])


def _is_length(tokens: Tokens, i: int, end: int, value: Value) -> bool:
    """Whether a stretch of time is how long something takes."""
    if low(tokens, end) in _NOT_LENGTH_AFTER or low(tokens, i - 1) in ("per", "times"):
        return False
    assert isinstance(value, Length)
    if value.unit in ("minute", "hour"):
        return True
    return low(tokens, i - 1) in _LENGTH_BEFORE


_EVENING = words(
    "dinner supper drinks drink movie movies cinema theatre theater concert party pub bar "
    "nightclub gig opera"
)
_MORNING = frozenset({"breakfast", "sunrise"})


def _mood(tokens: Tokens) -> str:
    """Which half of the day the occasion belongs to: "dinner at 7" is in the evening."""
    words = {token.low for token in tokens}
    if words & _EVENING:
        return "evening"
    return "morning" if words & _MORNING else ""


__all__ = ["Clock", "When", "find", "find_frames", "find_in", "scan"]
