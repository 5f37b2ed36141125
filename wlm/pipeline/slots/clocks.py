"""Clock times: "half past three", "3:30 pm", "oh seven hundred", "noon", "at 9"."""

from __future__ import annotations

from typing import Literal, cast

from wlm.pipeline.slots.atoms import Clock, Found, Tokens, low, number
from wlm.pipeline.slots.words import MONTHS, PARTS, SPECIAL_CLOCKS, WEEKDAYS, words

CUES = words("at @ by around about before after until till from between since approximately circa")
_STRONG = frozenset({"at", "@"})
_FOLLOW = words(
    "on in for with to and or at till until through the this next tomorrow today tonight "
    "please sharp exactly about by from that of so because if as when instead my i we is if "
    "you every each daily weekly local"
)
_NO_CLOCK_AFTER = words(
    "street st road avenue ave lane percent degrees degree dollars euros pounds people "
    "persons kilometers kilometres km miles main th other"
)
_PAST, _TO = frozenset({"past", "after"}), frozenset({"to", "till", "til", "before", "of"})
_DASHES = frozenset({"-", "–", "—", "to", "and", "till", "until"})


def clock_at(tokens: Tokens, i: int, *, hint: bool = False) -> Found:
    """The clock time at ``i``. ``hint``: a bare number may be one (an answer, "to 4")."""
    word = low(tokens, i)
    if word in SPECIAL_CLOCKS:
        return _special(word, i + 1)
    if word in ("half", "quarter", "a") and (found := _past_or_to(tokens, i)):
        return found
    token = tokens[i]
    if token.shape == "clock":
        hour, minute = int(token.low[:-3]), int(token.low[-2:])
        return _with_half(tokens, i + 1, hour, minute, padded=len(token.low) == 5)
    if word in ("oh", "o", "zero") and (value := number(tokens, i + 1)) is not None:
        if value < 10 and (late := number(tokens, i + 2)) is not None and 10 <= late < 60:
            return i + 3, Clock(value, late, sure=True)
        if 100 <= value < 1000 and value % 100 < 60:
            end = i + 3 if low(tokens, i + 2) == "hours" else i + 2
            return end, Clock(value // 100, value % 100, sure=True)
    if token.value is None or token.ordinal:
        return None
    if found := _past_or_to(tokens, i):
        return found
    return _number(tokens, i, hint=hint)


def _special(word: str, end: int) -> Found:
    hour, minute = SPECIAL_CLOCKS[word]
    return end, Clock(hour, minute, sure=True, night=word == "midnight")


def _number(tokens: Tokens, i: int, *, hint: bool) -> Found:
    value = tokens[i].value or 0
    word = low(tokens, i + 1)
    if word in SPECIAL_CLOCKS and value == 12:  # "twelve noon"
        return _special(word, i + 2)
    if value >= 100:
        return _military(tokens, i, value)
    if value > 24:
        return None
    minute, end = _minutes(tokens, i + 1)
    if found := _with_half(tokens, end, value, minute, need=True):
        return found
    if value <= 12 and _before_part(tokens, end):
        return end, Clock(value, max(minute, 0))
    cued = hint or low(tokens, i - 1) in CUES or _second_of_range(tokens, i)
    cued = cued or _first_of_range(tokens, end)
    if not (cued or minute >= 0) or value == 0:
        return None
    if minute < 0 and low(tokens, end) == "ish":
        end += 1
    elif not _ends(tokens, end, strong=low(tokens, i - 1) in _STRONG or (hint and minute >= 0)):
        return None
    if minute >= 0 and not cued and not tokens[i].spoken:
        return None
    return end, Clock(value, max(minute, 0), sure=value > 12)


def _before_part(tokens: Tokens, i: int) -> bool:
    """Whether "in the morning" or "at night" follows."""
    if low(tokens, i) == "at":
        return low(tokens, i + 1) == "night"
    return low(tokens, i) == "in" and low(tokens, i + 1) == "the" and low(tokens, i + 2) in PARTS


def _minutes(tokens: Tokens, i: int) -> tuple[int, int]:
    """The minutes after an hour, and where they end; -1 if none were said."""
    value = number(tokens, i, ordinal=False)
    if value is not None and 10 <= value < 60:
        # "from nine ten days ago" and the like: a unit after it takes the number away
        return (-1, i) if low(tokens, i + 1) in _UNITS_AFTER else (value, i + 1)
    if (
        low(tokens, i) in ("oh", "o")
        and (value := number(tokens, i + 1)) is not None
        and value < 10
    ):
        return value, i + 2
    return -1, i


_UNITS_AFTER = words(
    "minute minutes min mins hour hours hr hrs day days week weeks month months year years "
    "people percent degrees dollars second seconds times"
)


def _military(tokens: Tokens, i: int, value: int) -> Found:
    """Such as "645 am", "1530 hours", "nineteen hundred hours"."""
    hour, minute = divmod(value, 100)
    if hour > 24 or minute > 59:
        return None
    if found := _with_half(tokens, i + 1, hour, minute, need=True):
        return found
    if low(tokens, i + 1) == "hours":
        return i + 2, Clock(hour, minute, sure=True)
    if low(tokens, i - 1) in _STRONG and _ends(tokens, i + 1, strong=False):
        return i + 1, Clock(hour, minute, sure=hour > 12 or tokens[i].low.startswith("0"))
    return None


def _with_half(
    tokens: Tokens, end: int, hour: int, minute: int, *, need: bool = False, padded: bool = False
) -> Found:
    """The clock with the am, pm or o'clock that follows; with ``need`` nothing without one."""
    if hour > 24 or minute > 59:
        return None
    oclock = low(tokens, end) in ("o'clock", "oclock") or (
        low(tokens, end) == "o" and low(tokens, end + 1) == "clock"
    )
    if oclock:
        end += 2 if low(tokens, end) == "o" else 1
    half = low(tokens, end)
    if half in ("a", "p") and low(tokens, end + 1) == "m":
        half, end = half + "m", end + 1
    if half in ("am", "pm") and 0 < hour <= 12:
        hour = hour % 12 + (12 if half == "pm" else 0)
        side = cast(Literal["am", "pm"], half)
        return end + 1, Clock(hour, max(minute, 0), side, sure=True)
    if half in ("am", "pm") and hour > 12:  # "15:30 pm" is said; the half adds nothing
        return end + 1, Clock(hour, max(minute, 0), sure=True)
    if need and not oclock:
        return None
    sure = hour > 12 or hour == 0 or (padded and hour < 10)
    return end, Clock(hour, max(minute, 0), sure=sure)


def _past_or_to(tokens: Tokens, i: int) -> Found:
    """Such as "half past three", "(a) quarter to four", "ten (minutes) past six", "half three"."""
    j = i + 1 if low(tokens, i) == "a" else i
    word = low(tokens, j)
    minutes: int | None = {"half": 30, "quarter": 15}.get(word)
    if minutes is None:
        minutes = number(tokens, j, ordinal=False)
        if minutes is None or not 0 < minutes < 60 or j != i:
            return None
    j += 1
    if word not in ("half", "quarter") and low(tokens, j) in ("minutes", "minute", "mins", "min"):
        j += 1
    joint = low(tokens, j)
    hour = number(tokens, j + 1, ordinal=False)
    special = low(tokens, j + 1) in SPECIAL_CLOCKS
    if special:
        hour = SPECIAL_CLOCKS[low(tokens, j + 1)][0]
    if word == "half" and joint not in _PAST:
        hour = number(tokens, j, ordinal=False)
        if hour is None or not 0 < hour <= 12 or not _ends(tokens, j + 1, strong=False):
            return None
        return _with_half(tokens, j + 1, hour, 30)
    if low(tokens, j + 2) in MONTHS:  # "5 to 9 January"
        return None
    if hour is None or hour > 12 or (joint not in _PAST and joint not in _TO):
        return None
    if word not in ("half", "quarter") and _is_range(tokens, i, j, special=special):
        return None
    if joint in _TO and word != "half":
        hour, minutes = (hour or 24) - 1, 60 - minutes
        hour = 12 if hour == 0 and not special else hour
    found = _with_half(tokens, j + 2, hour, minutes)
    if found and special and isinstance(found[1], Clock):
        return found[0], Clock(found[1].hour, found[1].minute, sure=True, night=hour == 23)
    return found


def _is_range(tokens: Tokens, i: int, j: int, *, special: bool) -> bool:
    """Whether "two to four" is from two to four and not two minutes to four."""
    minutes_said = low(tokens, j - 1) in ("minutes", "minute", "mins", "min")
    if minutes_said:
        return False
    if low(tokens, j) in ("before", "after") and not special:
        return True
    if low(tokens, i - 1) == "from" or low(tokens, j) in ("till", "until"):
        return True
    value = tokens[i].value or 0
    return low(tokens, j) == "to" and value not in (5, 10, 20, 25)


def _first_of_range(tokens: Tokens, i: int) -> bool:
    """Whether "to five pm" or "-15:30" follows."""
    if low(tokens, i) not in _DASHES or low(tokens, i) == "and" or i + 1 >= len(tokens):
        return False
    if tokens[i + 1].shape == "clock":
        return True
    return number(tokens, i + 1, ordinal=False) is not None and any(
        low(tokens, i + step) in ("am", "pm", "o'clock") for step in (2, 3)
    )


def _second_of_range(tokens: Tokens, i: int) -> bool:
    """Whether the number follows another and "to", "and" or a dash: "from two to four"."""
    if low(tokens, i - 1) not in _DASHES:
        return False
    before = i - 2
    for _ in range(4):
        if (
            low(tokens, before) in ("am", "pm", "o'clock", "noon")
            or (number(tokens, before, ordinal=False) is not None)
            or (0 <= before < len(tokens) and tokens[before].shape == "clock")
        ):
            opener = before - 1
            for _ in range(4):
                if low(tokens, opener) in ("from", "between", "at"):
                    return True
                opener -= 1
            return low(tokens, before) in ("am", "pm", "noon") or tokens[before].shape == "clock"
        before -= 1
    return False


def _ends(tokens: Tokens, i: int, *, strong: bool) -> bool:
    """Whether a bare number that ends before ``i`` can be a clock time."""
    if i >= len(tokens):
        return True
    token = tokens[i]
    if token.low in _NO_CLOCK_AFTER or token.low in _UNITS_AFTER or token.low in ("%", "$", "€"):
        return False
    if token.shape == "other" or token.low in _FOLLOW or token.low in PARTS:
        return True
    return strong or token.low in WEEKDAYS or token.low in MONTHS
