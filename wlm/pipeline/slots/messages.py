"""Where a message begins that no word leads to: "tell Anna I am late"."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from wlm.pipeline.slots.align import Run
from wlm.pipeline.slots.atoms import Tokens
from wlm.pipeline.slots.people import Name
from wlm.pipeline.slots.words import words

_SUBJECTS = words("i i'm i'll i've i'd we we're we'll he he's she she's they they're it it's")
_NAMED_BY = 10
"""Words within which whom a message goes to is named."""


def sentence_after_name(
    tokens: Tokens, names_at: Callable[[int], Sequence[Name]], likely: Callable[[Name], bool]
) -> Run | None:
    """The sentence right after the name of whom it is for, up to the end.

    ``names_at`` gives the names that begin at a token, ``likely`` whether one is a person.
    """
    last = len(tokens)
    while last and tokens[last - 1].shape == "other":
        last -= 1
    for at in range(2, min(last - 1, _NAMED_BY)):
        if tokens[at].low not in _SUBJECTS:
            continue
        for first in range(1, at):
            names = names_at(first)
            if names and names[-1].last == at and likely(names[0]):
                return Run(at, last)
    return None
