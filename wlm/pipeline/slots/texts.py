"""Text spans where no template fits: after a cue, or what is left."""

from __future__ import annotations

from collections.abc import Sequence

from wlm.pipeline.slots.align import Run
from wlm.pipeline.slots.atoms import Tokens, low
from wlm.pipeline.slots.function_words import (
    AUXILIARIES,
    CONJUNCTIONS,
    DETERMINERS,
    POLITE,
    PREPOSITIONS,
    PRONOUNS,
)
from wlm.pipeline.slots.plan import Cues
from wlm.pipeline.slots.words import words

_TAIL = 6
_TAILS = words(
    "my the our a calendar schedule agenda diary to in on from into off onto please for at "
    "with by and also thanks now"
)
_OBJECTS = words(
    "meeting meetings appointment appointments event events reminder reminders entry invite "
    "notification alert something note"
)
_COMMANDS = words(
    "schedule add create make set up book plan arrange organise organize put cancel delete "
    "remove erase clear drop scrap move reschedule shift push postpone change rename edit "
    "update find search look show give get read check open list save store new remind need "
    "want let know note mark enter write down tell text pull bring have block fix cancels calendar"
)
_EDGE = DETERMINERS | PREPOSITIONS | AUXILIARIES | CONJUNCTIONS | POLITE | PRONOUNS


def after_cue(
    tokens: Tokens, cues: Cues, free: Sequence[bool], *, to_end: bool = False
) -> Run | None:
    """The free tokens after the first cue, up to the next taken one (or to the end)."""
    for i in range(len(tokens)):
        if not free[i]:
            continue
        length = cue_at(tokens, i, cues)
        if not length:
            continue
        first = i + length
        last = len(tokens) if to_end else _until_taken(free, first)
        while last > first and tokens[last - 1].shape == "other":
            last -= 1
        if last > first:
            return Run(first, last)
    return None


def cue_at(tokens: Tokens, i: int, cues: Cues) -> int:
    """How many tokens the longest cue at ``i`` has; 0 if there is none."""
    best = 0
    for cue in cues:
        if len(cue) > best and all(low(tokens, i + k) == word for k, word in enumerate(cue)):
            best = len(cue)
    return best


def _until_taken(free: Sequence[bool], first: int) -> int:
    last = first
    while last < len(free) and free[last]:
        last += 1
    return last


def trim(tokens: Tokens, run: Run, free: Sequence[bool]) -> Run | None:
    """The run without edge words; nothing if nothing is left."""
    first, last = run
    while first < last and (
        not free[first]
        or tokens[first].shape == "other"
        or (tokens[first].low in DETERMINERS | PREPOSITIONS | POLITE | CONJUNCTIONS)
    ):
        first += 1
    while last > first and (
        not free[last - 1]
        or tokens[last - 1].shape == "other"
        or (tokens[last - 1].low in _TAILS)
        or tokens[last - 1].low == "'s"
    ):
        last -= 1
    return Run(first, last) if last > first else None


def remainder(tokens: Tokens, free: Sequence[bool], carriers: frozenset[str]) -> Run | None:
    """The longest free stretch once commands and edge words are cut from it."""
    best: Run | None = None
    first = 0
    while first < len(tokens):
        if not free[first]:
            first += 1
            continue
        last = _until_taken(free, first)
        run = _cut(tokens, first, last, free, carriers)
        if run and (best is None or run.last - run.first > best.last - best.first):
            best = run
        first = last
    return best


def _cut(
    tokens: Tokens, first: int, last: int, free: Sequence[bool], carriers: frozenset[str]
) -> Run | None:
    while first < last:
        word = tokens[first].low
        following = low(tokens, first + 1) if first + 1 < last else ""
        leads = word in _EDGE or word in _COMMANDS or word == "'s" or tokens[first].shape == "other"
        if word in carriers and word not in _OBJECTS:
            leads = True
        if word in _OBJECTS and (
            not following
            or following in PREPOSITIONS
            or following in ("called", "titled", "named", "that")
        ):
            leads = True
        if word in ("called", "titled", "named"):
            leads = True
        if not leads:
            break
        first += 1
    trimmed = trim(tokens, Run(first, last), free) if last > first else None
    if trimmed is None:
        return None
    # "dentist from my calendar": the place where it is written is not its name
    first, last = trimmed
    for i in range(max(first + 1, last - _TAIL), last):
        if low(tokens, i) in ("to", "in", "on", "from", "into", "onto", "off", "of"):
            rest = [low(tokens, k) for k in range(i + 1, last)]
            if rest and all(word in _TAILS for word in rest):
                return trim(tokens, Run(first, i), free)
    return trimmed


def is_cased(text: str) -> bool:
    """Whether capitals mean something: there are some, but not only at the start."""
    letters = [c for c in text[1:] if c.isalpha()]
    words = text.split()
    inner = any(
        word[0].isupper() and word not in ("I", "I'm", "I'd", "I'll", "I've", "PM", "AM")
        for word in words[1:]
        if word
    )
    return inner and any(c.islower() for c in letters)
